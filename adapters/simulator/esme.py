"""aiosmpplib's ESME fitted for a simulator: what it plugs in, and repairs of what would stall it.

aiosmpplib 0.7.4 raises on a status it does not know (vendor codes) with the PDU's body unread, never
closes the sockets of links it lost, ends its sender only by cancelling it after half a second, holds
traffic back for 3 s once 1 % of answers are throttled, and scans every stored request on each answer.
"""

import asyncio
import logging
import struct
from datetime import timedelta
from typing import Any, Final, Protocol

from aiosmpplib import ESME, PduHeader, PhoneNumber, SmppMessage, SubmitSm
from aiosmpplib.broker import AbstractBroker
from aiosmpplib.correlator import AbstractCorrelator, SegmentStatus
from aiosmpplib.hook import AbstractHook
from aiosmpplib.protocol import DeliverSm
from aiosmpplib.retrytimer import AbstractRetryTimer
from aiosmpplib.state import (
    NPI,
    SAR_MSG_REF_NUM,
    SAR_SEGMENT_SEQNUM,
    SAR_TOTAL_SEGMENTS,
    TON,
    BindMode,
    OptionalParam,
    SmppCommand,
    SmppCommandStatus,
)
from aiosmpplib.throttle import AbstractThrottleHandler

from adapters.simulator.notification import RAW_ONLY, Kind, Notification
from adapters.simulator.pdu import HEADER_OCTETS

RECONNECT_S: Final = 0.05
QUIET: Final = logging.CRITICAL
ENCODINGS: Final = {0: None, 1: "ascii", 3: "latin_1", 8: "ucs2"}
# These GSM characters are the octets 05 00 03 41 02 01: part 1 of 2 of message 0x41 (TS 23.040 9.2.3.24.1).
PART_HEADER: Final = "é@¥A$£"


class Counterpart(Protocol):
    """What the fitted client asks of the platform that drives it."""

    async def next_message(self) -> SmppMessage:
        """Return the next message when it may be sent. Raises ConnectionError to end the sender."""

    def sending(self, key: str, pdu: bytes) -> None:
        """Take note that the message `key` is being written as `pdu`."""

    def received(self, pdu: bytes) -> None:
        """Take note of a PDU that came."""

    def failed(self, key: str, error: Exception) -> None:
        """Take note that the message `key` could not be built or written."""


def submit_sm(notification: Notification, key: str) -> SubmitSm:
    """Return the library's message for a notification. Raises ValueError for a kind it cannot send."""
    kind = notification.kind
    if kind in RAW_ONLY:
        raise ValueError(f"aiosmpplib cannot send a notification of kind {kind}")
    text = notification.text
    if kind is Kind.CONCATENATED:
        text = PART_HEADER + text
    parameters: list[OptionalParam] = []
    if kind is Kind.SEGMENTED:
        parts = ((SAR_MSG_REF_NUM, 0x41), (SAR_TOTAL_SEGMENTS, 2), (SAR_SEGMENT_SEQNUM, 1))
        parameters = [OptionalParam(tag, value) for tag, value in parts]
    source, destination = notification.source, notification.destination
    return SubmitSm(
        log_id=key,
        short_message="" if kind is Kind.PAYLOAD else text,
        message_payload=text if kind is Kind.PAYLOAD else "",
        source=PhoneNumber(source.digits, TON(source.ton), NPI(source.npi)),
        destination=PhoneNumber(destination.digits, TON(destination.ton), NPI(destination.npi)),
        service_type=notification.service_type,
        esm_class=notification.esm_class,
        protocol_id=notification.protocol_id,
        schedule_delivery_time=timedelta(hours=1) if kind is Kind.SCHEDULED else None,
        registered_delivery=notification.registered_delivery,
        encoding=ENCODINGS[notification.data_coding],
        optional_params=parameters,
    )


class Client(ESME):
    """The library's ESME, driven by a counterpart."""

    def __init__(
        self, host: str, port: int, *, system_id: str, password: str, mode: BindMode, driver: Counterpart
    ) -> None:
        super().__init__(
            host,
            port,
            system_id,
            password,
            bind_mode=mode,
            log_level=QUIET,
            log_handler=logging.NullHandler(),
            hook=_Reporter(driver),
            broker=_Source(driver),
            throttle_handler=_NeverHoldsBack(),
            correlator=_ByNumber(),
            retry_timer=_SoonAgain(),
        )
        self._sockets: list[asyncio.StreamWriter] = []

    @property
    def is_bound(self) -> bool:
        """Whether the SMSC has answered our bind on the link that is up."""
        return self.session_state == self.bind_mode.session_state

    async def connect(self) -> None:
        """Close what the last link left open, then connect and bind."""
        await self.close_sockets()
        try:
            await super().connect()
        finally:
            if self._writer is not None:
                self._sockets.append(self._writer)

    async def close_sockets(self) -> None:
        """Close every socket this client opened."""
        sockets, self._sockets = self._sockets, []
        for socket in sockets:
            socket.transport.abort()
        await asyncio.sleep(0)  # lets the transports report that they are closed

    async def _end_task(self, task: asyncio.Task[Any]) -> None:
        """End a task of a lost link at once; on the way out the library's half second is for unbind_resp."""
        if task.done() or self._is_shutting_down:
            await super()._end_task(task)
        else:
            await self._cancel_task(task, task.get_name())

    async def _get_pdu(self) -> tuple[bytes, PduHeader]:
        """Read a PDU; a status the library has no name for reaches it as ESME_RUNKNOWNERR."""
        assert self._reader is not None  # noqa: S101 -- set by connect, which precedes every read
        head = await self._reader.readexactly(HEADER_OCTETS)
        length, command, status, sequence = struct.unpack(">IIII", head)
        body = await self._reader.readexactly(length - HEADER_OCTETS)
        try:
            known = SmppCommandStatus(status)
        except ValueError:
            known = SmppCommandStatus.ESME_RUNKNOWNERR
        return head + body, PduHeader(length, SmppCommand(command), known, sequence)


class _Reporter(AbstractHook):
    """Tells the driver what is sent and received."""

    def __init__(self, driver: Counterpart) -> None:
        self._driver = driver

    async def sending(self, smpp_message: SmppMessage, pdu: bytes, client_id: str) -> None:
        del client_id
        if type(smpp_message) is SubmitSm:
            self._driver.sending(smpp_message.log_id, pdu)

    async def received(self, smpp_message: SmppMessage | None, pdu: bytes, client_id: str) -> None:
        del smpp_message, client_id
        self._driver.received(pdu)

    async def send_error(self, smpp_message: SmppMessage, error: Exception, client_id: str) -> None:
        del client_id
        if isinstance(smpp_message, SubmitSm):
            self._driver.failed(smpp_message.log_id, error)


class _Source(AbstractBroker):
    """Hands out the driver's messages; nothing is queued here."""

    def __init__(self, driver: Counterpart) -> None:
        self._driver = driver

    async def enqueue(self, message: SmppMessage) -> None:
        raise TypeError(f"the platform's schedule is the only source, not {message!r}")

    async def dequeue(self) -> SmppMessage:
        return await self._driver.next_message()


class _NeverHoldsBack(AbstractThrottleHandler):
    """Lets every request go, whatever was throttled: the platform's pace decides."""

    async def throttled(self) -> None:
        """Take no notice."""

    async def not_throttled(self) -> None:
        """Take no notice."""

    async def allow_request(self) -> bool:
        return True

    async def throttle_delay(self) -> float:
        return 0.0


class _SoonAgain(AbstractRetryTimer):
    """Connects again after a short, constant wait."""

    async def wait(self) -> None:
        await asyncio.sleep(RECONNECT_S)

    def reset(self) -> None:
        """Keep the same wait."""

    def next_delay(self) -> float:
        return RECONNECT_S


class _ByNumber(AbstractCorrelator):
    """Finds a request by its sequence number; parts and receipts are the platform's own business."""

    def __init__(self) -> None:
        self._requests: dict[int, SmppMessage] = {}

    def get_cumulated_status(self, ref_num: int) -> int:
        del ref_num
        return 0

    async def expired(self, smpp_message: SmppMessage) -> None:
        """Do nothing: requests do not expire here."""

    async def put(self, smpp_message: SmppMessage) -> None:
        self._requests[smpp_message.sequence_num] = smpp_message

    async def put_delivery(self, smsc_message_id: str, submit_sm: SubmitSm) -> None:
        """Keep nothing."""

    async def put_delivery_segmented(self, deliver_sm: DeliverSm) -> DeliverSm | None:
        return deliver_sm

    async def get(self, response: SmppMessage) -> SmppMessage | None:
        return self._requests.pop(response.sequence_num, None)

    async def get_segmented(
        self, smpp_seq_num: int, remove: bool = False
    ) -> tuple[SegmentStatus | None, int]:
        del smpp_seq_num, remove
        return None, 0

    async def get_delivery(self, receipt: DeliverSm) -> SubmitSm | None:
        del receipt
        return None
