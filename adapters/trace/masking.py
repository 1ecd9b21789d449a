"""Subscribers' numbers and passwords taken out of PDUs, octet for octet: every length stays right.

Each command's mandatory fields are listed in SMPP 3.4's order. A PDU that its list does not fit, or
of a command without one, loses every octet that could be a digit.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, auto

from adapters.smpp.constants import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    BINDS,
    DATA_SM,
    DELIVER_SM,
    HEADER_OCTETS,
    OUTBIND,
    RESPONSE,
    SUBMIT_SM,
    TAG_MESSAGE_PAYLOAD,
)

_STAR = ord("*")
_DIGITS = bytes(_STAR if chr(octet).isdigit() and octet < 0x80 else octet for octet in range(256))
_DECIMALS = re.compile(r"\d")
_UDH_INDICATOR = 0x40
_UCS2 = 0x08
# Octets of no alphabet (SMPP 3.4 §5.2.19; GSM 03.38 class 0–3 with 8-bit data): digits can't be told.
_BINARY = frozenset((0x02, 0x04, 0xF4, 0xF5, 0xF6, 0xF7))
_TLV_HEADER = 4

# Tags whose values are numbers of ours or the SMSC's, or fixed codes (SMPP 3.4 §5.3.2): left as they are.
_CODES = frozenset(
    (
        *(0x0005, 0x0006, 0x0007, 0x0008, 0x000D, 0x000E, 0x000F, 0x0010, 0x0017, 0x0019, 0x0030),
        *(0x0201, 0x0204, 0x0205, 0x020A, 0x020B, 0x020C, 0x020D, 0x020E, 0x020F, 0x0210),
        *(0x0302, 0x0304, 0x0420, 0x0421, 0x0422, 0x0423, 0x0425, 0x0426, 0x0427),
        *(0x0501, 0x1201, 0x1203, 0x1204, 0x130C, 0x1380, 0x1383),
    )
)
# additional_status_info_text, receipted_message_id: texts, whose digits are masked. All others go whole.
_TEXTS = frozenset((0x001D, 0x001E))


class Field(Enum):
    """What a mandatory field is, as far as masking goes."""

    OCTET = auto()  # an integer of one octet
    CODING = auto()  # data_coding
    ESM = auto()  # esm_class
    TEXT = auto()  # a C-octet string that names no subscriber
    ADDRESS = auto()  # type of number, numbering plan, and a C-octet string that is masked
    RANGE = auto()  # the same, digits masked: an address range
    SECRET = auto()  # a C-octet string of which nothing is shown
    MESSAGE = auto()  # sm_length and short_message


_BIND = (Field.TEXT, Field.SECRET, Field.TEXT, Field.OCTET, Field.RANGE)
_SHORT_MESSAGE = (
    *(Field.TEXT, Field.ADDRESS, Field.ADDRESS, Field.ESM, Field.OCTET, Field.OCTET, Field.TEXT, Field.TEXT),
    *(Field.OCTET, Field.OCTET, Field.CODING, Field.OCTET, Field.MESSAGE),
)
_DATA = (Field.TEXT, Field.ADDRESS, Field.ADDRESS, Field.ESM, Field.OCTET, Field.CODING)

# SMPP 3.4 §4, by command_id.
_LAYOUTS: Mapping[int, Sequence[Field]] = {
    BIND_RECEIVER: _BIND,
    BIND_TRANSMITTER: _BIND,
    BIND_TRANSCEIVER: _BIND,
    **{command | RESPONSE: (Field.TEXT,) for command in BINDS},
    OUTBIND: (Field.TEXT, Field.SECRET),
    SUBMIT_SM: _SHORT_MESSAGE,
    DELIVER_SM: _SHORT_MESSAGE,
    DATA_SM: _DATA,
    **{command | RESPONSE: (Field.TEXT,) for command in (SUBMIT_SM, DELIVER_SM, DATA_SM)},
    0x03: (Field.TEXT, Field.ADDRESS),  # query_sm
    0x03 | RESPONSE: (Field.TEXT, Field.TEXT, Field.OCTET, Field.OCTET),
    0x07: (  # replace_sm
        *(Field.TEXT, Field.ADDRESS, Field.TEXT, Field.TEXT),
        *(Field.OCTET, Field.OCTET, Field.MESSAGE),
    ),
    0x08: (Field.TEXT, Field.TEXT, Field.ADDRESS, Field.ADDRESS),  # cancel_sm
    0x102: (Field.ADDRESS, Field.ADDRESS),  # alert_notification
}


def masked(pdu: bytes) -> bytes:
    """Return a PDU of the same length without subscribers' numbers and passwords."""
    return _masked(pdu, clear=False)


def without_secrets(pdu: bytes) -> bytes:
    """Return a PDU of the same length without passwords."""
    return _masked(pdu, clear=True)


def _masked(pdu: bytes, *, clear: bool) -> bytes:
    command = int.from_bytes(pdu[4:8], "big")
    layout = _LAYOUTS.get(command)
    secret = layout is not None and Field.SECRET in layout
    if clear and not secret:
        return pdu
    if layout is None or int.from_bytes(pdu[:4], "big") != len(pdu):
        return _all_masked(pdu, secret=secret)
    mask = _Mask(pdu, clear=clear)
    try:
        for field in layout:
            mask.take(field)
        if not clear:
            mask.take_parameters()
    except (ValueError, IndexError):  # a field runs past the end
        return _all_masked(pdu, secret=secret)
    return bytes(mask.octets)


def _all_masked(pdu: bytes, *, secret: bool) -> bytes:
    """Return a PDU that can't be read without its digits; of one that may hold a password, the header."""
    body = pdu[HEADER_OCTETS:]
    return pdu[:HEADER_OCTETS] + (b"*" * len(body) if secret else body.translate(_DIGITS))


class _Mask:
    """One PDU on its way: `octets` are masked up to `at`."""

    def __init__(self, pdu: bytes, *, clear: bool) -> None:
        self.octets = bytearray(pdu)
        self._at = HEADER_OCTETS
        self._clear = clear
        self._esm = 0
        self._coding = 0

    def take(self, field: Field) -> None:
        """Mask one field and go on to the next. Raises ValueError or IndexError past the end."""
        match field:
            case Field.TEXT:
                self._at = self._end() + 1
            case Field.SECRET:
                self._fill(self._at, self._end())
            case Field.ADDRESS | Field.RANGE:
                self._at += 2
                self._address(whole=field is Field.ADDRESS)
            case Field.MESSAGE:
                self._at += 1
                end = self._at + self.octets[self._at - 1]
                self._message(end)
            case _:
                value = self.octets[self._at]
                self._at += 1
                if field is Field.ESM:
                    self._esm = value
                elif field is Field.CODING:
                    self._coding = value

    def take_parameters(self) -> None:
        """Mask the optional parameters (SMPP 3.4 §5.3). Raises ValueError when one runs past the end."""
        octets = self.octets
        while self._at < len(octets):
            if self._at + _TLV_HEADER > len(octets):
                raise ValueError("a parameter's header is cut off")
            tag = int.from_bytes(octets[self._at : self._at + 2], "big")
            length = int.from_bytes(octets[self._at + 2 : self._at + 4], "big")
            self._at += _TLV_HEADER
            end = self._at + length
            if end > len(octets):
                raise ValueError("a parameter runs past the end")
            if tag == TAG_MESSAGE_PAYLOAD:
                self._message(end)
            elif tag in _TEXTS:
                octets[self._at : end] = octets[self._at : end].translate(_DIGITS)
            elif tag not in _CODES:
                octets[self._at : end] = b"*" * length
            self._at = end

    def _end(self) -> int:
        return self.octets.index(0, self._at)

    def _fill(self, start: int, end: int) -> None:
        self.octets[start:end] = b"*" * (end - start)
        self._at = end + 1

    def _address(self, *, whole: bool) -> None:
        end = self._end()
        if self._clear:
            self._at = end + 1
        elif whole:
            self._fill(self._at, end)
        else:
            self.octets[self._at : end] = self.octets[self._at : end].translate(_DIGITS)
            self._at = end + 1

    def _message(self, end: int) -> None:
        """Mask the digits of a text up to `end`, behind its user data header."""
        octets = self.octets
        if end > len(octets):
            raise ValueError("the message runs past the end")
        start = self._at
        if self._esm & _UDH_INDICATOR and start < end:
            start = min(end, start + 1 + octets[start])
        if not self._clear:
            octets[start:end] = text_masked(bytes(octets[start:end]), self._coding)
        self._at = end


def text_masked(text: bytes, data_coding: int) -> bytes:
    """Return a text of the same length without digits; a binary one without anything."""
    if data_coding in _BINARY:
        return b"*" * len(text)
    if data_coding == _UCS2 and len(text) % 2 == 0:
        units = text.decode("utf-16-be", "surrogatepass")
        return _DECIMALS.sub(lambda found: "*" * _units(found[0]), units).encode("utf-16-be", "surrogatepass")
    return text.translate(_DIGITS)


def _units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1  # the last character of one UTF-16 unit
