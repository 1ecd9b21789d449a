"""Whose turn it is to be read: peers that send in bulk wait for one another, nobody waits for all of them."""

import asyncio
from collections import deque
from weakref import WeakKeyDictionary

from adapters.smpp.sockets import READ_OCTETS

# A read of so much is a peer's that has more to send. Two bulks a turn keep the others waiting for 10 ms.
BULK_OCTETS = READ_OCTETS // 2
BULKS_A_TURN = 2


class Reading:
    """Whether one leg is read: not while its link holds it, and after a bulk not before its next turn."""

    __slots__ = ("_transport", "_waits", "held")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.held = False
        self._transport = transport
        self._waits = False

    def hold(self, *, hold: bool) -> None:
        """Stop or resume reading, for the link."""
        self.held = hold
        self._pace()

    def wait(self) -> None:
        """Read no more before its turn: a bulk has come."""
        if not self._waits:
            self._waits = True
            self._pace()
            _turns_of(asyncio.get_running_loop()).wait(self)

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


class _Turns:
    """Those of one loop that wait for their turn, first come first served."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Reading] = deque()

    def wait(self, reading: Reading) -> None:
        """Queue up."""
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.append(reading)

    def _next(self) -> None:
        """Let the next ones be read in the loop's next round."""
        for _ in range(min(BULKS_A_TURN, len(self._waiting))):
            self._waiting.popleft().turn()
        if self._waiting:
            self._loop.call_soon(self._next)


_turns: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns]" = WeakKeyDictionary()


def _turns_of(loop: asyncio.AbstractEventLoop) -> _Turns:
    if loop not in _turns:
        _turns[loop] = _Turns(loop)
    return _turns[loop]
