"""The simulated missed-call platform: aiosmpplib as the client, a pace, a traffic mix, and its own books."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Final, Literal, NamedTuple

from aiosmpplib import SmppMessage
from aiosmpplib.state import BindMode

from adapters.simulator.esme import Client, submit_sm
from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.notification import Notification
from adapters.simulator.pace import Pace
from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DELIVER_SM,
    ESME_RBINDFAIL,
    ESME_RINVPASWD,
    ESME_RINVSYSID,
    ESME_ROK,
    GENERIC_NACK,
    RESPONSE,
    SUBMIT_SM,
)
from adapters.simulator.raw_platform import BindRefusedError

FINAL_REFUSALS: Final = frozenset({ESME_RBINDFAIL, ESME_RINVPASWD, ESME_RINVSYSID})
BIND_ANSWERS: Final = frozenset({BIND_TRANSCEIVER | RESPONSE, BIND_TRANSMITTER | RESPONSE})
SUBMIT_ANSWERS: Final = frozenset({SUBMIT_SM | RESPONSE, GENERIC_NACK})
YIELD_EVERY: Final = 8
STOP_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class PlatformReport:
    """A platform's books at one moment.

    submitted = notifications + resent, in requests; `answered` counts answers by status. A notification
    without an answer is `unanswered`, or `given_up` once it was sent `max_sends` times or can't be built.
    """

    notifications: int
    submitted: int
    resent: int
    answered: Mapping[int, int]
    unanswered: int
    given_up: int
    receipts: int
    binds: int
    p50_ms: float | None
    p99_ms: float | None
    seconds: float

    @property
    def accepted(self) -> int:
        """Submits answered ESME_ROK."""
        return self.answered.get(ESME_ROK, 0)


class Pending(NamedTuple):
    """A notification that has no answer yet; `sends` counts how often it went out."""

    notification: Notification
    sends: int


class SimulatedPlatform:
    """Sends `messages` notifications from `traffic` at `pace`, and what a lost link left unanswered again.

    `window` is the most that may be unanswered at a time, `max_sends` how often one is sent at most,
    `resend_on` the answer statuses after which it is sent again, `settle_s` how long a run
    waits when nothing moves. `traffic` must not hold kinds the library cannot send (notification.RAW_ONLY).
    """

    def __init__(
        self,
        host: str,
        port: int,
        traffic: Iterator[Notification],
        pace: Pace,
        messages: int,
        *,
        system_id: str = "mcn",
        password: str = "secret",  # noqa: S107 -- the simulated SMSC's, no secret
        mode: Literal["transceiver", "transmitter"] = "transceiver",
        window: int = 100,
        max_sends: int = 5,
        resend_on: frozenset[int] = frozenset(),
        settle_s: float = 10.0,
    ) -> None:
        self._traffic, self._pace, self._messages = traffic, pace, messages
        self._window, self._max_sends, self._settle_s = window, max_sends, settle_s
        self._resend_on = resend_on
        bind_mode = BindMode.TRANSCEIVER if mode == "transceiver" else BindMode.TRANSMITTER
        self._client = Client(host, port, system_id=system_id, password=password, mode=bind_mode, driver=self)
        self._keys = count(1)
        self._pending: dict[str, Pending] = {}
        self._again: deque[Pending] = deque()
        self._on_wire: dict[int, tuple[str, float]] = {}
        self._latency = LatencyHistogram()
        self._answered: Counter[int] = Counter()
        self._notifications = self._submitted = self._resent = self._given_up = 0
        self._receipts = self._binds = 0
        self._refused: int | None = None
        self._started: float | None = None
        self._ended: float | None = None
        self._stopping = self._closed = False
        self._wake = asyncio.Event()
        self._done = asyncio.Event()

    @property
    def report(self) -> PlatformReport:
        """The books now."""
        start = self._started if self._started is not None else perf_counter()
        return PlatformReport(
            notifications=self._notifications,
            submitted=self._submitted,
            resent=self._resent,
            answered=dict(self._answered),
            unanswered=len(self._pending) + len(self._again),
            given_up=self._given_up,
            receipts=self._receipts,
            binds=self._binds,
            p50_ms=self._latency.quantile_ms(0.5),
            p99_ms=self._latency.quantile_ms(0.99),
            seconds=(self._ended or perf_counter()) - start,
        )

    def send_more(self, messages: int) -> None:
        """Send so many more than was asked for at first."""
        self._messages += messages

    def stop(self) -> None:
        """Send nothing new; `run` ends when what is out is answered."""
        self._stopping = True
        self._moved()

    async def run(self) -> PlatformReport:
        """Connect, send all, wait for the answers, unbind; return the books.

        Raises `BindRefusedError` when the SMSC does not know us, ConnectionError when nobody answers.
        """
        starter = asyncio.create_task(self._client.start())
        finished = asyncio.create_task(self._finished())
        try:
            await asyncio.wait({starter, finished}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._ended = perf_counter()
            finished.cancel()
            await asyncio.gather(finished, return_exceptions=True)
            await self._shut(starter)
        if self._refused is not None:
            raise BindRefusedError(self._refused)
        if not self._binds:
            raise ConnectionError("nobody answered the bind: is the SMSC or the relay listening?")
        return self.report

    async def _finished(self) -> None:
        """Wait until everything was sent and answered, or nothing has moved for `settle_s`."""
        while not self._done.is_set():
            before = self._answered.total(), self._submitted
            try:
                await asyncio.wait_for(self._done.wait(), self._settle_s)
            except TimeoutError:
                stuck = self._exhausted or len(self._pending) >= self._window or not self._client.is_bound
                if stuck and before == (self._answered.total(), self._submitted):
                    return

    async def _shut(self, starter: asyncio.Task[None]) -> None:
        stopper = asyncio.create_task(self._client.stop())
        await asyncio.sleep(0)  # lets the library know that it is stopping before its sender ends
        self._closed = True
        self._wake.set()
        _, late = await asyncio.wait({stopper, starter}, timeout=STOP_S if self._binds else 0)
        for task in late:
            task.cancel()
        ends = await asyncio.gather(stopper, starter, return_exceptions=True)
        await self._client.close_sockets()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    # The library's side (esme.Counterpart)

    async def next_message(self) -> SmppMessage:
        """Return the next message when it may be sent. Raises ConnectionError when the run is over."""
        while not self._closed:
            wait: float | None = None
            if len(self._pending) < self._window:
                if self._again:
                    return self._hand_out(self._again.popleft())
                if not self._exhausted:
                    wait = self._wait_s()
                    if wait <= 0:
                        self._notifications += 1
                        if self._notifications % YIELD_EVERY == 0:
                            await asyncio.sleep(0)  # the library's sender never lets others run
                        return self._hand_out(Pending(next(self._traffic), 0))
            await self._woken(wait)
        raise ConnectionError("the run is over")

    def sending(self, key: str, pdu: bytes) -> None:
        """Take note of a submit under its sequence number."""
        pending = self._pending[key]
        self._submitted += 1
        self._resent += pending.sends > 0
        self._pending[key] = pending._replace(sends=pending.sends + 1)
        self._on_wire[int.from_bytes(pdu[12:16], "big")] = key, perf_counter()

    def received(self, pdu: bytes) -> None:
        """Take an answer, a receipt or the answer to our bind."""
        command, status = int.from_bytes(pdu[4:8], "big"), int.from_bytes(pdu[8:12], "big")
        if command in SUBMIT_ANSWERS:
            self._answer(int.from_bytes(pdu[12:16], "big"), status)
        elif command == DELIVER_SM:
            self._receipts += 1
        elif command in BIND_ANSWERS:
            self._bound(status)

    def failed(self, key: str, error: Exception) -> None:
        """Give up on what cannot be built; what could not be written goes again on the next link."""
        if isinstance(error, ValueError):
            self._given_up += self._pending.pop(key, None) is not None
            self._moved()

    # Books

    @property
    def _exhausted(self) -> bool:
        return self._stopping or self._notifications >= self._messages

    def _wait_s(self) -> float:
        if self._started is None:
            self._started = perf_counter()
        return self._pace.due(self._notifications) - (perf_counter() - self._started)

    def _hand_out(self, pending: Pending) -> SmppMessage:
        key = str(next(self._keys))
        self._pending[key] = pending
        return submit_sm(pending.notification, key)

    def _answer(self, sequence: int, status: int) -> None:
        key, sent_at = self._on_wire.pop(sequence, ("", 0.0))
        pending = self._pending.pop(key, None)
        if pending is None:
            return
        self._latency.add(perf_counter() - sent_at)
        self._answered[status] += 1
        if status in self._resend_on:
            self._requeue(pending)
        self._moved()

    def _bound(self, status: int) -> None:
        """Queue what the last link left without an answer."""
        if status in FINAL_REFUSALS:
            self._refused = status
            self._done.set()
        if status != ESME_ROK:
            return
        self._binds += 1
        left, self._pending = self._pending, {}
        self._on_wire.clear()
        for pending in left.values():
            self._requeue(pending)
        self._moved()

    def _requeue(self, pending: Pending) -> None:
        if pending.sends < self._max_sends:
            self._again.append(pending)
        else:
            self._given_up += 1

    def _moved(self) -> None:
        self._wake.set()
        if self._exhausted and not self._pending and not self._again:
            self._done.set()

    async def _woken(self, wait_s: float | None) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return
