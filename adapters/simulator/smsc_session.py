"""One ESME's connection to the simulated SMSC: reads PDUs, answers them, goes wrong when asked to."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from adapters.simulator.faults import SILENCE
from adapters.simulator.handset_message import HandsetMessage
from adapters.simulator.pdu import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    ESME_RALYBND,
    ESME_RBINDFAIL,
    ESME_RCANCELFAIL,
    ESME_RINVBNDSTS,
    ESME_RINVCMDID,
    ESME_RINVCMDLEN,
    ESME_ROK,
    ESME_RQUERYFAIL,
    ESME_RREPLACEFAIL,
    GENERIC_NACK,
    HEADER_OCTETS,
    QUERY_SM,
    REPLACE_SM,
    RESPONSE,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    FrameBuffer,
    MalformedError,
    Submit,
    pdu,
    read_bind,
    read_message_id,
    read_submit,
)
from adapters.simulator.receipt import Receipt

if TYPE_CHECKING:
    from adapters.simulator.smsc import SimulatedSmsc

BINDS: Final = frozenset({BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER})
SUBMITS: Final = frozenset({SUBMIT_SM, DATA_SM})
HOLD_S: Final = 0.05  # an answer held back to be overtaken goes after this when nothing overtakes it
UNKNOWN_MESSAGE: Final = {
    QUERY_SM: ESME_RQUERYFAIL,
    CANCEL_SM: ESME_RCANCELFAIL,
    REPLACE_SM: ESME_RREPLACEFAIL,
}


class Reply:
    """An answer to a submit that has not gone out yet."""

    __slots__ = ("ad", "octets", "status", "submit", "text")

    def __init__(self, octets: bytes, status: int, submit: Submit | None, text: str, ad: str | None) -> None:
        self.octets = octets
        self.status = status
        self.submit = submit
        self.text = text
        self.ad = ad


class SmscSession(asyncio.Protocol):
    """One connection; `number` counts connections from 1."""

    def __init__(self, smsc: "SimulatedSmsc", number: int) -> None:
        self.number = number
        self.system_id = ""
        self.bound: int | None = None
        self.half_closed = False
        self._smsc = smsc
        self._frames = FrameBuffer()
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes | Reply] = []
        self._late: list[Reply] = []
        self._held: Reply | None = None
        self._sequence = 0

    @property
    def may_submit(self) -> bool:
        """Whether the bind allows submits (2.3)."""
        return self.bound in (BIND_TRANSMITTER, BIND_TRANSCEIVER)

    @property
    def takes_receipts(self) -> bool:
        """Whether the bind allows deliver_sm (2.3)."""
        return self.bound in (BIND_RECEIVER, BIND_TRANSCEIVER) and not self.half_closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- narrows a stream server's transport
        self._transport = transport
        self._smsc.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection; what it still owed stays unanswered."""
        del exc
        self._transport = None
        self._out.clear()
        self._late.clear()
        self._held = None
        self._smsc.closed(self)

    def eof_received(self) -> bool:
        """Answer the ESME's FIN with ours."""
        return False

    def data_received(self, data: bytes) -> None:
        """Handle every PDU that is complete, then write all answers at once."""
        for frame in self._frames.feed(data):
            self._smsc.record(self.number, frame)
            self._handle(frame)
            if self._transport is None or self._transport.is_closing():
                return
        if self._frames.broken:
            self._out.append(pdu(GENERIC_NACK, 0, status=ESME_RINVCMDLEN))
        self._flush()
        if self._frames.broken:
            self.close()
        pause = self._smsc.faults.read_pause_s
        if pause and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(pause, self._read_on)
        self._smsc.moved()

    def write(self, octets: bytes) -> None:
        """Send any octets to the ESME now."""
        if self._transport is not None:
            self._transport.write(octets)

    def abort(self) -> None:
        """Drop the link without a word."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Flush and close."""
        if self._transport is not None:
            self._transport.close()

    def half_close(self) -> None:
        """Send FIN, read on, answer nothing more."""
        if self._transport is not None:
            self.half_closed = True
            self._transport.write_eof()

    def deliver(self, receipts: Sequence[Receipt | HandsetMessage]) -> None:
        """Send receipts or handsets' messages under this session's own sequence numbers."""
        octets: list[bytes] = []
        for receipt in receipts:
            self._sequence += 1
            octets.append(receipt.octets(self._sequence))
        self.write(b"".join(octets))

    def _read_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _handle(self, frame: bytes) -> None:
        command = int.from_bytes(frame[4:8], "big")
        sequence = int.from_bytes(frame[12:16], "big")
        if command in SUBMITS and self.may_submit:
            self._submit(frame, command, sequence)
        elif command & RESPONSE:
            self._smsc.acknowledged(command, int.from_bytes(frame[8:12], "big"))
        elif command in BINDS:
            self._bind(frame, command, sequence)
        elif command == ENQUIRE_LINK:
            self._out.append(pdu(command | RESPONSE, sequence))
        elif command == UNBIND:
            self.bound = None
            self._out.append(pdu(command | RESPONSE, sequence))
            self._flush()
            self.close()
        elif command in SUBMITS or command in UNKNOWN_MESSAGE or command == SUBMIT_MULTI:
            self._out.append(self._other(frame, command, sequence))
        else:
            self._out.append(pdu(GENERIC_NACK, sequence, status=ESME_RINVCMDID))

    def _bind(self, frame: bytes, command: int, sequence: int) -> None:
        status = ESME_RBINDFAIL
        if self.bound is not None:
            status = ESME_RALYBND
        else:
            try:
                who = read_bind(frame)
            except MalformedError:
                status = ESME_RINVCMDLEN
            else:
                if self._smsc.admits(who):
                    status, self.bound, self.system_id = ESME_ROK, command, who.system_id
        name = self._smsc.system_id.encode("ascii") + b"\0"
        self._out.append(pdu(command | RESPONSE, sequence, name, status))
        if status == ESME_ROK:
            self._flush()
            self._smsc.bound(self)

    def _other(self, frame: bytes, command: int, sequence: int) -> bytes:
        """Answer what is no submit of a transmitter: query, cancel, replace, submit_multi, wrong states."""
        answer = command | RESPONSE
        if not self.may_submit:
            return pdu(answer, sequence, status=ESME_RINVBNDSTS)
        if command == SUBMIT_MULTI:
            return pdu(answer, sequence, self._smsc.next_message_id().encode("ascii") + b"\0\0")
        message_id = read_message_id(frame)
        if not self._smsc.has_issued(message_id):
            return pdu(answer, sequence, status=UNKNOWN_MESSAGE[command])
        if command == QUERY_SM:  # 4.8.2: no final date yet known, state DELIVERED, no error
            return pdu(answer, sequence, message_id.encode("latin-1") + b"\0\0\x02\0")
        return pdu(answer, sequence)

    def _submit(self, frame: bytes, command: int, sequence: int) -> None:
        smsc = self._smsc
        smsc.received += 1
        if self._falls(frame):
            return
        if not smsc.reads_submits:
            octets = pdu(command | RESPONSE, sequence, smsc.next_message_id().encode("ascii") + b"\0")
            self._out.append(Reply(octets, ESME_ROK, None, "", None))
            return
        if smsc.script is not None and (scripted := smsc.script(frame)) is not None:
            self._out.append(scripted)
            return
        try:
            submit = read_submit(frame)
        except MalformedError:
            octets = pdu(command | RESPONSE, sequence, status=ESME_RINVCMDLEN)
            self._out.append(Reply(octets, ESME_RINVCMDLEN, None, "", None))
            return
        self._judge(submit)

    def _falls(self, frame: bytes) -> bool:
        """Drop or half-close the link when it is due; the submit is received and never answered."""
        fate = self._smsc.fate()
        if fate is None and not self.half_closed:
            return False
        self._smsc.note(frame)
        self._flush()
        if fate == "drop":
            self.abort()
        elif fate == "half_close":
            self.half_close()
        return True

    def _judge(self, submit: Submit) -> None:
        smsc, faults = self._smsc, self._smsc.faults
        text, ad = smsc.take(submit)
        status = faults.status(smsc.chance, len(submit.body), text)
        if status == SILENCE:
            return
        body = b"" if status else smsc.next_message_id().encode("ascii") + b"\0"
        octets = pdu(submit.command | RESPONSE, submit.sequence, body, status)
        reply = Reply(octets, status, submit, text or "", ad)
        if faults.delay and smsc.chance.random() < faults.delay:
            self._late.append(reply)
        elif faults.reorder and self._held is None and smsc.chance.random() < faults.reorder:
            self._held = reply
            asyncio.get_running_loop().call_later(HOLD_S, self._release, reply)
        else:
            self._out.append(reply)
            if self._held is not None:
                self._out.append(self._held)
                self._held = None

    def _release(self, reply: Reply) -> None:
        if self._held is reply:
            self._held = None
            self._send([reply])

    def _flush(self) -> None:
        """Write what is due; start the clock of what is late."""
        if self._late:
            late, self._late = self._late, []
            asyncio.get_running_loop().call_later(self._smsc.faults.delay_s, self._send, late)
        if self._out:
            out, self._out = self._out, []
            self._send(out)

    def _send(self, replies: "list[Reply] | list[bytes | Reply]") -> None:
        """Write answers and count them as answered; on a lost link they stay unanswered."""
        if self._transport is None or self._transport.is_closing() or self.half_closed:
            return
        answered: Callable[[SmscSession, Reply], None] = self._smsc.answered_one
        self._transport.write(
            b"".join([reply if isinstance(reply, bytes) else reply.octets for reply in replies])
        )
        for reply in replies:
            if not isinstance(reply, bytes):
                answered(self, reply)
        self._smsc.moved()


def message_id_of(reply: Reply) -> str:
    """Return the message_id an answer carries."""
    return reply.octets[HEADER_OCTETS:-1].decode("ascii")


def is_receipt_answer(command: int) -> bool:
    """Tell whether a response answers one of our receipts."""
    return command == DELIVER_SM | RESPONSE
