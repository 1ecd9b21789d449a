"""Whose turn it is: peers that send or end in bulk wait for one another, nobody waits for all of them."""

import asyncio
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

from adapters.smpp.sockets import READ_OCTETS

# A read of so much is a peer's that has more to send. Two bulks a turn keep the others waiting for 10 ms.
BULK_OCTETS = READ_OCTETS // 2
BULKS_A_TURN = 2
# So many go on without a wait where no more come: stopping a read costs as much as twenty notifications.
BULKS_AT_ONCE = 4
# To begin or end a session takes 0.2 ms (sockets, frame, log line), and thousands may at the same moment.
DUTIES_A_TURN = 2


class Reading:
    """Whether one leg is read: not while its link holds it, and after a bulk not before its next turn."""

    __slots__ = ("_transport", "_turns", "_waits", "held")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.held = False
        self._transport = transport
        self._turns = _of_loop(_bulks, BULKS_A_TURN, BULKS_AT_ONCE)
        self._waits = False

    def hold(self, *, hold: bool) -> None:
        """Stop or resume reading, for the link."""
        self.held = hold
        self._pace()

    def wait(self) -> None:
        """Read no more before its turn: a bulk has come, as from others in this round."""
        if not self._waits and not self._turns.admits():
            self._waits = True
            self._pace()
            self._turns.wait(self.turn)

    def turn(self) -> None:
        """Go on, unless the link holds it."""
        self._waits = False
        self._pace()

    def _pace(self) -> None:
        if self._transport.is_closing():
            return
        if self.held or self._waits:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()


def in_turn(act: Callable[[], None]) -> None:
    """Do a part of a session's beginning or ending when its turn comes, in the order asked for."""
    _of_loop(_duties, DUTIES_A_TURN).wait(act)


async def own_turn() -> None:
    """Wait until our turn comes to begin or end something."""
    come = asyncio.get_running_loop().create_future()
    in_turn(lambda: None if come.done() else come.set_result(None))
    await come


class _Turns:
    """What waits for its turn in one loop, first come first served; `at_once` may act in a round without."""

    def __init__(self, loop: asyncio.AbstractEventLoop, a_turn: int, at_once: int) -> None:
        self._loop = loop
        self._a_turn = a_turn
        self._at_once = at_once
        self._admitted = 0
        self._waiting: deque[Callable[[], None]] = deque()

    def admits(self) -> bool:
        """Tell whether one more may act in this round without a wait: few did, and nobody waits."""
        if self._waiting or self._admitted >= self._at_once:
            return False
        if not self._admitted:
            self._loop.call_soon(self._begin)
        self._admitted += 1
        return True

    def _begin(self) -> None:
        self._admitted = 0

    def wait(self, act: Callable[[], None]) -> None:
        """Queue up."""
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.append(act)

    def _next(self) -> None:
        """Let the next ones act in this round, and those behind them in the rounds to come."""
        now = [self._waiting.popleft() for _ in range(min(self._a_turn, len(self._waiting)))]
        if self._waiting:
            self._loop.call_soon(self._next)
        for act in now:
            act()


_ByLoop = WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]
_bulks: _ByLoop = WeakKeyDictionary()
_duties: _ByLoop = WeakKeyDictionary()


def _of_loop(turns: _ByLoop, a_turn: int, at_once: int = 0) -> _Turns:
    loop = asyncio.get_running_loop()
    if loop not in turns:
        turns[loop] = _Turns(loop, a_turn, at_once)
    return turns[loop]
