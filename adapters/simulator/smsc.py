"""A simulated SMSC: an SMPP 3.4 server that counts what it received and accepted, and fails on request."""

import asyncio
import ssl
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Mapping
from datetime import UTC, datetime
from random import Random
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

from adapters.simulator.conditions import Conditions
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.handset import Alphabet, shown
from adapters.simulator.handset_message import HandsetMessage
from adapters.simulator.pdu import ESME_ROK, Bind, MalformedError, Submit, read_submit
from adapters.simulator.receipt import AS_USUAL, Receipt, ReceiptForm, is_wanted
from adapters.simulator.smsc_session import Reply, SmscSession, is_receipt_answer, message_id_of
from adapters.simulator.tally import AdTally

STORED_RECEIPTS: Final = 10_000  # receipts kept for an ESME that is not there; the oldest go first


class Frame(NamedTuple):
    """One PDU as it came, with the number of its connection."""

    session: int
    octets: bytes


class SimulatedSmsc(Conditions):
    """An SMSC on one port; all counts go on over stop and start.

    `credentials` (system_id → password) None admits everybody. `light` answers submits without reading
    them. `keep_frames` is how many PDUs `frames` holds. `track_copies` counts accepted submits by
    source, destination and text without its ad. `response_id` and `receipt_id` are the formats of
    message ids in answers and in receipts. `receipt_failures` is the share that says UNDELIV,
    `receipt_form` how receipts are written. With `tls`
    it speaks TLS.
    """

    def __init__(
        self,
        *,
        credentials: Mapping[str, str] | None = None,
        ads: Iterable[str] = (),
        separator: str = " ",
        default_alphabet: Alphabet = "gsm7",
        faults: Faults = NO_FAULTS,
        seed: int = 0,
        light: bool = False,
        keep_frames: int = 0,
        track_copies: bool = False,
        receipt_delay_s: float = 0.0,
        receipt_failures: float = 0.0,
        response_id: str = "{:010d}",
        receipt_id: str = "{:010d}",
        receipt_form: ReceiptForm = AS_USUAL,
        script: Callable[[bytes], bytes | None] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.system_id = "smsc"
        self.host = ""
        self.port = 0
        self.credentials = credentials
        self.default_alphabet: Alphabet = default_alphabet
        self.tally = AdTally(separator, ads)
        self.chance = Random(seed)  # noqa: S311 -- reproducible faults, no secret
        self.script = script
        self.received = 0
        self.answered: Counter[int] = Counter()
        self.malformed = 0
        self.binds = 0
        self.connections = 0
        self.receipts_sent = 0
        self.receipts_answered = 0
        self.taken_over: Counter[int] = Counter()
        self.copies: Counter[Hashable] = Counter()
        self.frames: deque[Frame] = deque(maxlen=keep_frames)
        self.sessions: dict[int, SmscSession] = {}
        self._light = light
        self._tls = tls
        self._track_copies = track_copies
        self._receipt_delay_s = receipt_delay_s
        self._receipt_failures = receipt_failures
        self._response_id = response_id
        self._receipt_id = receipt_id
        self._receipt_form = receipt_form
        self._issued = 0
        self._stored: dict[str, deque[Receipt]] = {}
        self._server: asyncio.Server | None = None
        super().__init__()
        self.faults = faults

    @property
    def faults(self) -> Faults:
        """The faults in force; assign others at any time (that also restarts their submit counters)."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._drop_in = faults.drop_after
        self._half_close_in = faults.half_close_after
        self._may_fall = bool(faults.drop or faults.drop_after or faults.half_close_after)

    @property
    def reads_submits(self) -> bool:
        """Whether bodies are read at all."""
        return not self._light or self._faults != NO_FAULTS or self.script is not None

    @property
    def accepted(self) -> int:
        """Submits answered ESME_ROK."""
        return self.answered[ESME_ROK]

    @property
    def unanswered(self) -> int:
        """Submits without an answer so far."""
        return self.received - self.answered.total()

    @property
    def ads_received(self) -> int:
        """Submits that carried a known ad."""
        return self.tally.received

    @property
    def ads_accepted(self) -> int:
        """Submits with a known ad that were answered ESME_ROK."""
        return self.tally.accepted

    @property
    def duplicates(self) -> int:
        """Accepted submits beyond the first of their source, destination and text (`track_copies`)."""
        return self.copies.total() - len(self.copies)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; `host` and `port` say where. Raises OSError when the address is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port, ssl=self._tls)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Drop every link and stop listening; start again with the same port to come back."""
        if self._server is not None:
            self._server.close()
            for session in list(self.sessions.values()):
                session.abort()
            await self.until(lambda: not self.sessions)
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def register_ads(self, *texts: str) -> None:
        """Make ads known to the count."""
        self.tally.register(*texts)

    def drop_links(self) -> None:
        """Abort every connection now."""
        for session in list(self.sessions.values()):
            session.abort()

    # What sessions call

    def _session(self) -> SmscSession:
        self.connections += 1
        return SmscSession(self, self.connections)

    def opened(self, session: SmscSession) -> None:
        """Take note of a connection."""
        self.sessions[session.number] = session

    def closed(self, session: SmscSession) -> None:
        """Forget a connection."""
        self.sessions.pop(session.number, None)
        self.moved()

    def bound(self, session: SmscSession) -> None:
        """Count a bind and send the receipts that waited for one."""
        self.binds += 1
        stored = self._stored.pop(session.system_id, None)
        if stored:
            self._deliver(session.system_id, list(stored))

    def admits(self, who: Bind) -> bool:
        """Check credentials."""
        return self.credentials is None or self.credentials.get(who.system_id) == who.password

    def record(self, session: int, frame: bytes) -> None:
        """Keep a PDU as long as there is room for it."""
        if self.frames.maxlen:
            self.frames.append(Frame(session, frame))

    def next_message_id(self) -> str:
        """Issue a message id in the form that answers carry."""
        self._issued += 1
        return self._response_id.format(self._issued)

    def has_issued(self, message_id: str) -> bool:
        """Tell whether a message id is one of ours."""
        base = 16 if "x" in self._response_id.lower() else 10
        try:
            return 0 < int(message_id, base) <= self._issued
        except ValueError:
            return False

    def fate(self) -> Literal["drop", "half_close"] | None:
        """Say what happens to the link on this submit."""
        if not self._may_fall:
            return None
        if self._drop_in is not None:
            self._drop_in -= 1
            if self._drop_in <= 0:
                self._drop_in = None
                return "drop"
        if self._half_close_in is not None:
            self._half_close_in -= 1
            if self._half_close_in <= 0:
                self._half_close_in = None
                return "half_close"
        return "drop" if self._faults.drop and self.chance.random() < self._faults.drop else None

    def note(self, frame: bytes) -> None:
        """Count the ad of a submit that the link falls on."""
        try:
            self.take(read_submit(frame))
        except MalformedError:
            self.malformed += 1

    def take(self, submit: Submit) -> tuple[str | None, str | None]:
        """Return the text a handset shows and the ad in it, which is counted as received."""
        text = shown(submit.data_coding, submit.esm_class, submit.body, self.default_alphabet)
        ad = None if text is None else self.tally.find(text)
        if ad is not None:
            self.tally.counts[ad].received += 1
        return text, ad

    def answered_one(self, session: SmscSession, reply: Reply) -> None:
        """Count an answer that was written, and see to its receipt."""
        self.answered[reply.status] += 1
        if reply.ad is not None:
            self.tally.counts[reply.ad].answered[reply.status] += 1
        submit = reply.submit
        if submit is None or reply.status != ESME_ROK:
            return
        if self._track_copies:
            self.copies[self._key(submit, reply)] += 1
        if submit.registered_delivery & 0x03:
            self._owe(session.system_id, submit, reply)

    def _key(self, submit: Submit, reply: Reply) -> tuple[bytes, bytes, str]:
        own = reply.text if reply.ad is None else reply.text[: -len(self.tally.separator + reply.ad)]
        return submit.source, submit.destination, own

    def acknowledged(self, command: int, status: int) -> None:
        """Count an answer to a receipt or a handset's message; `taken_over` counts them by status."""
        if is_receipt_answer(command):
            self.receipts_answered += 1
            self.taken_over[status] += 1
            self.moved()

    def write(self, system_id: str, message: HandsetMessage) -> bool:
        """Deliver what a handset writes to an ESME; False when none of that name takes messages now."""
        for session in self.sessions.values():
            if session.system_id == system_id and session.takes_receipts:
                session.deliver([message])
                return True
        return False

    # Receipts

    def _owe(self, system_id: str, submit: Submit, reply: Reply) -> None:
        delivered = not self._receipt_failures or self.chance.random() >= self._receipt_failures
        if not is_wanted(submit.registered_delivery, delivered=delivered):
            return
        number = int(message_id_of(reply), 16 if "x" in self._response_id.lower() else 10)
        form = self._receipt_form
        ids = self._receipt_id.format(number), (form.tlv_id or self._receipt_id).format(number)
        receipt = Receipt(submit, *ids, form, delivered, reply.ad, reply.text, datetime.now(UTC))
        chance = self.chance.random() if form.missing or form.repeated else 1.0
        if chance < form.missing:
            return
        receipts = [receipt] * (2 if chance < form.missing + form.repeated else 1)
        asyncio.get_running_loop().call_later(self._receipt_delay_s, self._deliver, system_id, receipts)

    def _deliver(self, system_id: str, receipts: list[Receipt]) -> None:
        for session in self.sessions.values():
            if session.system_id == system_id and session.takes_receipts:
                session.deliver(receipts)
                self.receipts_sent += len(receipts)
                for receipt in dict.fromkeys(receipts):
                    self._count(receipt)
                self.moved()
                return
        self._stored.setdefault(system_id, deque(maxlen=STORED_RECEIPTS)).extend(receipts)

    def _count(self, receipt: Receipt) -> None:
        if receipt.ad is not None:
            count = self.tally.counts[receipt.ad]
            if receipt.delivered:
                count.delivered += 1
            else:
                count.failed += 1
