"""An ESME's side of one SMPP 3.4 session without sockets: octets in, events and octets out."""

from dataclasses import dataclass, field
from enum import StrEnum
from struct import Struct
from typing import Final, Literal, TypeAlias

from adapters.smpp.constants import (
    BIND_RECEIVER,
    BIND_RESPONSES,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    ESME_ROK,
    GENERIC_NACK,
    HEADER_OCTETS,
    RESPONSE,
    SUBMIT_SM,
    SUBMIT_SM_RESP,
    UNBIND,
)

_HEADER: Final = Struct(">IIII")
_BIND_ANSWERS: Final = BIND_RESPONSES | {GENERIC_NACK}
_UNBIND_RESP: Final = UNBIND | RESPONSE
_LAST_SEQUENCE: Final = 0x7FFFFFFF  # SMPP 3.4 §3.2
_VERSION: Final = 0x34
_MOST_OCTETS: Final = 65536
# SMPP 3.4 §5.1.3
ESME_RINVCMDID: Final = 0x03
ESME_RX_T_APPN: Final = 0x64
INTERNATIONAL: Final = 1
ISDN: Final = 1


TEMPORARY: Final = frozenset((0x08, 0x14, 0x58, ESME_RX_T_APPN))
"""Refusals after which the same message may be taken: system error, queue full, throttled, try later."""

HOLDING_BACK: Final = frozenset((0x14, 0x58))
"""Refusals that ask for fewer messages: queue full, throttled."""

_COMMANDS: Final = {
    "transmitter": BIND_TRANSMITTER,
    "receiver": BIND_RECEIVER,
    "transceiver": BIND_TRANSCEIVER,
}
Direction: TypeAlias = Literal["transmitter", "receiver", "transceiver"]


class Stage(StrEnum):
    """How far the session is."""

    OPEN = "open"
    BINDING = "binding"
    BOUND = "bound"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message: `destination` in E.164 without +, `body` in the alphabet of `data_coding`, at most 254.

    With `receipt` the SMSC is asked to tell whether it was delivered (SMPP 3.4 §5.2.17).
    """

    source: str
    destination: str
    body: bytes
    data_coding: int
    receipt: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """What the SMSC said to a submit; `message_id` is empty unless `status` is ESME_ROK."""

    sequence: int
    status: int
    message_id: str


@dataclass(frozen=True, slots=True)
class BindAnswered:
    """What the SMSC said to the bind."""

    status: int


@dataclass(frozen=True, slots=True)
class Came:
    """A deliver_sm or data_sm of the SMSC, whole; it waits for `EsmeCore.answer`."""

    sequence: int
    command: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over by the SMSC's unbind or by what it may not say; nothing more is read."""

    reason: str


Event: TypeAlias = Answered | BindAnswered | Came | Ended


class ProtocolError(Exception):
    """A field does not fit into its PDU."""


@dataclass(slots=True)
class EsmeCore:
    """The session from connect to end; `out` gathers what is to be sent."""

    stage: Stage = Stage.OPEN
    out: bytearray = field(default_factory=bytearray)
    _buffer: bytearray = field(default_factory=bytearray)
    _sequence: int = 0
    _asked: set[int] = field(default_factory=set)
    _probe: int = 0

    def bind(self, system_id: str, password: str, direction: Direction = "transmitter") -> None:
        """Ask to send, to receive, or both.

        Raises `ProtocolError` for credentials that are too long (SMPP 3.4 §4.1.1).
        """
        body = b"".join(
            (
                _c_octets(system_id, 16),
                _c_octets(password, 9),
                _c_octets("", 13),
                bytes((_VERSION, 0, 0)),
                _c_octets("", 41),
            )
        )
        self._request(_COMMANDS[direction], body)
        self.stage = Stage.BINDING

    def submit(self, message: Outgoing) -> int:
        """Send a message and return its sequence number. Raises `ProtocolError` (SMPP 3.4 §4.4.1)."""
        if len(message.body) > 254:
            raise ProtocolError("a body has 254 octets at most")
        source = message.source
        ton_npi = bytes((INTERNATIONAL, ISDN)) if source.isdigit() and len(source) > 10 else bytes(2)
        body = b"".join(
            (
                b"\0",  # service_type
                ton_npi,
                _c_octets(source, 21),
                bytes((INTERNATIONAL, ISDN)),
                _c_octets(message.destination, 21),
                bytes(3),  # esm_class, protocol_id, priority_flag
                b"\0\0",  # schedule_delivery_time, validity_period
                bytes((message.receipt, 0, message.data_coding, 0, len(message.body))),
                message.body,
            )
        )
        sequence = self._request(SUBMIT_SM, body)
        self._asked.add(sequence)
        return sequence

    def enquire(self) -> bool:
        """Ask whether the SMSC is there; False when it has not answered the last question."""
        if self._probe:
            return False
        self._probe = self._request(ENQUIRE_LINK, b"")
        return True

    def answer(self, came: Came, status: int) -> None:
        """Answer what the SMSC sent: ESME_ROK takes it over, anything else leaves it there (§4.6.2)."""
        self._send(came.command | RESPONSE, status, came.sequence, b"\0")

    def unbind(self) -> None:
        """Say that no more will come."""
        self._request(UNBIND, b"")

    def forget(self, sequence: int) -> None:
        """Wait no more for an answer."""
        self._asked.discard(sequence)

    def receive(self, octets: bytes) -> list[Event]:
        """Take what came and return what it says."""
        self._buffer += octets
        events: list[Event] = []
        while self.stage is not Stage.OVER and len(self._buffer) >= HEADER_OCTETS:
            length, command, status, sequence = _HEADER.unpack_from(self._buffer)
            if not HEADER_OCTETS <= length <= _MOST_OCTETS:
                return [*events, self._over(f"a PDU of {length} octets")]
            if len(self._buffer) < length:
                break
            whole = bytes(self._buffer[:length])
            del self._buffer[:length]
            event = self._heard(command, status, sequence, whole)
            if event is not None:
                events.append(event)
        return events

    def _heard(self, command: int, status: int, sequence: int, whole: bytes) -> Event | None:
        if command in {SUBMIT_SM_RESP, GENERIC_NACK} and sequence in self._asked:
            self._asked.discard(sequence)
            taken = command == SUBMIT_SM_RESP and status == ESME_ROK
            return Answered(sequence, status, _read_c_octets(whole[HEADER_OCTETS:]) if taken else "")
        if self.stage is Stage.BINDING and command in _BIND_ANSWERS:
            if status == ESME_ROK and command != GENERIC_NACK:
                self.stage = Stage.BOUND
                return BindAnswered(status)
            self.stage = Stage.OVER
            return BindAnswered(status)
        if command in {DELIVER_SM, DATA_SM} and self.stage is Stage.BOUND:
            return Came(sequence, command, whole)
        if command == ENQUIRE_LINK:
            self._send(ENQUIRE_LINK | RESPONSE, ESME_ROK, sequence, b"")
        elif command == UNBIND:
            self._send(_UNBIND_RESP, ESME_ROK, sequence, b"")
            return self._over("the SMSC unbound")
        elif command == _UNBIND_RESP:
            return self._over("unbound")
        elif command & RESPONSE:
            if sequence == self._probe:
                self._probe = 0
        else:
            self._send(GENERIC_NACK, ESME_RINVCMDID, sequence, b"")
        return None

    def _over(self, reason: str) -> Ended:
        self.stage = Stage.OVER
        return Ended(reason)

    def _request(self, command: int, body: bytes) -> int:
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        self._send(command, 0, self._sequence, body)
        return self._sequence

    def _send(self, command: int, status: int, sequence: int, body: bytes) -> None:
        self.out += _HEADER.pack(HEADER_OCTETS + len(body), command, status, sequence) + body


def _c_octets(text: str, most: int) -> bytes:
    octets = text.encode("ascii", "replace") + b"\0"
    if len(octets) > most or b"\0" in octets[:-1]:
        raise ProtocolError(f"a field of at most {most - 1} characters is longer")
    return octets


def _read_c_octets(body: bytes) -> str:
    return body.partition(b"\0")[0].decode("latin-1")
