"""What a handset shows of a message's octets, by data_coding (SMPP 5.2.19, 3GPP TS 23.038)."""

import codecs
import re
from typing import Final, Literal

from adapters.simulator.pdu import UDH_INDICATOR

Alphabet = Literal["gsm7", "ascii", "latin1"]

GSM_BASIC: Final = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Final = {
    "\n": "\f", "Λ": "^", "(": "{", ")": "}", "/": "\\", "<": "[", "=": "~", ">": "]", "¡": "|", "e": "€",
}  # fmt: skip
_GSM_ENCODING: Final = codecs.charmap_build(GSM_BASIC)
_ESCAPED: Final = re.compile("\x1b(.?)", re.DOTALL)
_CODECS: Final = {1: "ascii", 3: "latin-1", 6: "iso8859-5", 7: "iso8859-8", 8: "utf-16-be"}


def gsm_text(octets: bytes) -> str:
    """Decode unpacked GSM 7-bit; what the alphabet does not hold shows as U+FFFD."""
    text = codecs.charmap_decode(octets, "replace", GSM_BASIC)[0]
    if "\x1b" in text:
        # TS 23.038 6.2.1.1: an escape followed by an unknown character shows that character
        return _ESCAPED.sub(lambda found: GSM_EXTENSION.get(found[1], found[1]), text)
    return text


def gsm_octets(text: str) -> bytes:
    """Encode to unpacked GSM 7-bit, basic alphabet only. Raises UnicodeEncodeError."""
    return codecs.charmap_encode(text, "strict", _GSM_ENCODING)[0]


def shown(data_coding: int, esm_class: int, octets: bytes, default: Alphabet = "gsm7") -> str | None:
    """Return the text a handset shows, None for binary content.

    `default` is what the SMSC takes data_coding 0 for. A user data header is not shown.
    """
    if esm_class & UDH_INDICATOR and octets:
        octets = octets[octets[0] + 1 :]
    if data_coding == 0:
        if default == "gsm7":
            return gsm_text(octets)
        return octets.decode("ascii" if default == "ascii" else "latin-1", "replace")
    codec = _CODECS.get(data_coding)
    if codec is not None:
        return octets.decode(codec, "replace")
    return _by_class(data_coding, octets)


def _by_class(data_coding: int, octets: bytes) -> str | None:
    """Decode under the message class codings of TS 23.038 section 4 (flash and the like)."""
    if data_coding & 0xF0 == 0xF0:
        return None if data_coding & 0x04 else gsm_text(octets)
    if data_coding & 0xC0 == 0 and data_coding & 0xF0:
        alphabet = data_coding & 0x0C
        if alphabet == 0x08:
            return octets.decode("utf-16-be", "replace")
        return gsm_text(octets) if alphabet == 0 else None
    return None
