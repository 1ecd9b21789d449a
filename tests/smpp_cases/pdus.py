"""PDUs for tests, written field by field after SMPP 3.4 §4; shares nothing with the code under test."""

from dataclasses import dataclass, replace

import smpp34

HEADER_OCTETS = 16
RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND, REPLACE_SM, CANCEL_SM = 0x03, 0x04, 0x05, 0x06, 0x07, 0x08
OUTBIND, ENQUIRE_LINK, SUBMIT_MULTI, ALERT, DATA_SM = 0x0B, 0x15, 0x21, 0x102, 0x103
SUBMIT_SM_RESP = SUBMIT_SM | RESPONSE
DATA_SM_RESP = DATA_SM | RESPONSE
OK, RINVMSGLEN, RINVCMDLEN, RINVBNDSTS, RSYSERR, RSUBMITFAIL, RTHROTTLED = 0, 1, 2, 4, 8, 0x45, 0x58
RALYBND = 5
VENDOR_STATUS = 0x400
PAYLOAD_TAG = 0x0424


def pdu(command: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """Return a whole PDU (§3.2)."""
    octets = (HEADER_OCTETS + len(body), command, status, sequence)
    return b"".join(octet.to_bytes(4, "big") for octet in octets) + body


def tlv(tag: int, value: bytes) -> bytes:
    """Return one optional parameter (§5.3.1)."""
    return tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def bind(kind: int = BIND_TRANSCEIVER, system_id: bytes = b"mcn", sequence: int = 1) -> bytes:
    """Return a bind request (§4.1)."""
    return pdu(kind, sequence, system_id + b"\0secret\0\0\x34\0\0\0")


def bind_answer(kind: int = BIND_TRANSCEIVER, status: int = 0, sequence: int = 1) -> bytes:
    """Return the SMSC's answer to a bind."""
    return pdu(kind | RESPONSE, sequence, b"SMSC\0", status)


def answer(sequence: int, status: int = 0, command: int = SUBMIT_SM_RESP) -> bytes:
    """Return the answer to a submit_sm (§4.4.2): a message_id only when it was taken."""
    return pdu(command, sequence, b"%x\0" % sequence if status == OK else b"", status)


@dataclass(frozen=True, slots=True)
class Submit:
    """A submit_sm, or a data_sm when `data` (its body is then in `payload`). `tlvs` are whole TLVs."""

    sequence: int = 7
    body: bytes = b"Llamada perdida de 5501234567"
    payload: bytes | None = None
    service_type: bytes = b""
    source: bytes = b"5501234567"
    destination: bytes = b"3301234567"
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: bytes = b""
    validity: bytes = b""
    registered: int = 0
    replace: int = 0
    data_coding: int = 0
    default_msg: int = 0
    tlvs_before: bytes = b""
    tlvs: bytes = b""
    data: bool = False

    @property
    def octets(self) -> bytes:
        """The whole PDU."""
        addresses = self.service_type + b"\0\x05\0" + self.source + b"\0\x01\x01" + self.destination + b"\0"
        payload = tlv(PAYLOAD_TAG, self.payload) if self.payload is not None else b""
        rest = self.tlvs_before + payload + self.tlvs
        if self.data:
            flags = bytes((self.esm_class, self.registered, self.data_coding))
            return pdu(DATA_SM, self.sequence, addresses + flags + rest)
        fields = (
            bytes((self.esm_class, self.protocol_id, self.priority)),
            self.schedule + b"\0" + self.validity + b"\0",
            bytes((self.registered, self.replace, self.data_coding, self.default_msg, len(self.body))),
            self.body,
        )
        return pdu(SUBMIT_SM, self.sequence, addresses + b"".join(fields) + rest)

    @property
    def text(self) -> bytes:
        """The octets of the message, wherever they lie."""
        return self.payload if self.payload is not None else self.body

    def saying(self, octets: bytes) -> "Submit":
        """Return the same request with another message in the same place."""
        if self.payload is not None:
            return replace(self, payload=octets)
        return replace(self, body=octets)


def fields_of(octets: bytes) -> dict[str, object]:
    """Return a submit_sm as smpp34, a codec we did not write, reads it; `body` is where the text is."""
    read = smpp34.decode(octets)
    assert isinstance(read, smpp34.SubmitSm)
    names = [name for name in dir(read) if not name.startswith("_") and name not in {"encode", "tlvs"}]
    fields: dict[str, object] = {name: getattr(read, name) for name in names}
    fields["tlvs"] = [(each.tag, each.value) for each in read.tlvs]
    return fields


def cut(stream: bytes, lengths: list[int]) -> list[bytes]:
    """Return the stream in pieces of the given lengths, and the rest as the last one."""
    pieces = []
    at = 0
    for length in lengths:
        pieces.append(stream[at : at + length])
        at += length
    return [*pieces, stream[at:]]
