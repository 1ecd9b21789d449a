"""A platform that never gives up: steady traffic, over as many links as it takes, all of it answered."""

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator

from adapters.simulator.notification import Notification
from adapters.simulator.pdu import DATA_SM, RESPONSE, SUBMIT_SM
from adapters.simulator.raw_platform import RawPlatform
from tests.chaos.ledger import Ledger

# Every platform's sequence numbers begin here × its number, from 1 on; SMPP has 31 bits for them.
RANGE = 100_000_000
TICK_S = 0.01
RECONNECT_S = 0.05
CONNECT_S = 3.0
WINDOW = 400
# A submit of a session that is up is answered within this, or the SMSC has it and keeps silent.
PATIENCE_S = 12.0
# A session whose platform has sent FIN ends within this (LINGER_S, and a busy or frozen node).
GOODBYE_S = 8.0
_RESPONSES = frozenset({SUBMIT_SM | RESPONSE, DATA_SM | RESPONSE})
_LINGER_ZERO = struct.pack("ii", 1, 0)


class _Platform(RawPlatform):
    """A platform that tells the judge of answers."""

    ledger: Ledger

    def take(self, frames: list[bytes]) -> None:
        """Tell of each answer to a submit."""
        for frame in frames:
            command, sequence = int.from_bytes(frame[4:8], "big"), int.from_bytes(frame[12:16], "big")
            if command in _RESPONSES and sequence in self.unanswered:
                self.ledger.answered(sequence, int.from_bytes(frame[8:12], "big"))
        super().take(frames)


class Stream:
    """One platform's traffic; `handed` notifications were taken from its source, each must be answered."""

    def __init__(
        self,
        address: tuple[str, int],
        number: int,
        rate: float,
        source: Iterator[Notification],
        ledger: Ledger,
    ) -> None:
        self.platform = _Platform(*address, system_id=f"mcn-{number}", window=WINDOW, keep_answers=False)
        self.platform.ledger = ledger
        self.platform._sequence = RANGE * number
        self.handed = 0
        self.held_back: list[str] = []
        self.flowing = asyncio.Event()
        self._rate = rate
        self._source = source
        self._ledger = ledger
        self._backlog: deque[Notification] = deque()
        self._leaving_since: float | None = None
        self._bound = False

    @property
    def ready(self) -> bool:
        """Tell whether its bind was answered, its link is up to stay, and every notification is answered."""
        stays = self._bound and self.platform.connected and self._leaving_since is None
        return stays and not self.waiting

    @property
    def answered(self) -> int:
        """Return how many notifications were answered, whatever the answer was."""
        return self.platform.statuses.total()

    @property
    def waiting(self) -> int:
        """Return how many notifications have no answer yet."""
        return self.handed - self.answered

    async def run(self) -> None:
        """Send until cancelled."""
        due, before = 0.0, time.monotonic()
        while True:
            if not self.platform.connected:
                await self._connect()
            now = time.monotonic()
            due = min(due + (now - before) * self._rate, self._rate / 5) if self.flowing.is_set() else 0.0
            before = now
            if self._leaving_since is None:
                due -= self._send(int(due))
            self._watch(now)
            await asyncio.sleep(TICK_S)

    def reset(self) -> None:
        """Drop the link with RST."""
        link = self.platform._link
        if link is not None:
            raw: socket.socket = link.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            link.transport.abort()

    def half_close(self) -> None:
        """Send FIN and read on."""
        link = self.platform._link
        if link is not None and self._leaving_since is None:
            link.transport.write_eof()
            self._leaving_since = time.monotonic()

    def give_up_on_silence(self) -> None:
        """Do what a platform does whose SMSC owes it answers for too long: bind anew, and send again."""
        waiting = self.platform.unanswered
        if waiting and all(self._ledger.sent[sequence].owed for sequence in waiting):
            self.platform.abort()

    async def _connect(self) -> None:
        self._leaving_since = None
        self._bound = False
        try:
            await self.platform.connect(CONNECT_S)
            self._bound = True
        except OSError:  # nobody listens, nobody answers, or the link went again: the next tick tries anew
            self.platform.abort()
            await asyncio.sleep(RECONNECT_S)
            return
        taken = [each for each in self.platform._take_back() if isinstance(each, Notification)]
        self._backlog.extendleft(reversed(taken))

    def _send(self, due: int) -> int:
        """Send again what was not answered, then what is due; return how much was due and is sent."""
        platform, sent = self.platform, 0
        while platform.connected and len(platform.unanswered) < platform.window:
            if self._backlog:
                item = self._backlog.popleft()
            elif sent < due:
                item = next(self._source)
                self.handed += 1
                sent += 1
            else:
                break
            self._ledger.submitted(platform._sequence + 1, item)
            platform.submit(item)
        return sent

    def _watch(self, now: float) -> None:
        """Notice what the node neither relays nor hands back by closing the link."""
        if self._leaving_since is not None and now - self._leaving_since > GOODBYE_S:
            self.held_back.append("a session outlived the FIN of its platform")
            self.platform.abort()
        oldest = next(iter(self.platform.unanswered.items()), None)
        if oldest is None or time.perf_counter() - oldest[1].sent_at < PATIENCE_S:
            return
        sequence = oldest[0]
        if not self._ledger.sent[sequence].owed:
            self.held_back.append(f"no answer, and the link is up: {self._ledger.sent[sequence]}")
        self.platform.abort()
