"""What a handset shows and what one SMS part costs, by libraries that we did not write."""

import gsm0338

from engine.composition import DefaultAlphabet

GSM = gsm0338.Codec()
PART_SEPTETS = 160
PART_UNITS = 70
# SMPP 3.4 §5.2.19
CODECS = {1: "ascii", 3: "latin-1", 8: "utf-16-be"}
DEFAULTS: dict[DefaultAlphabet, str] = {"gsm7": "gsm03.38", "ascii": "ascii", "latin1": "latin-1"}


def codec_of(data_coding: int, default: DefaultAlphabet) -> str:
    """Return the name of the codec that reads a body."""
    return CODECS.get(data_coding) or DEFAULTS[default]


def shown(octets: bytes, data_coding: int, default: DefaultAlphabet = "gsm7", errors: str = "strict") -> str:
    """Return the text of a body."""
    codec = codec_of(data_coding, default)
    return str(GSM.decode(octets, errors)[0]) if codec == "gsm03.38" else octets.decode(codec, errors)


def written(text: str, data_coding: int, default: DefaultAlphabet = "gsm7") -> bytes:
    """Return the octets of a text; raises UnicodeEncodeError."""
    codec = codec_of(data_coding, default)
    return bytes(GSM.encode(text)[0]) if codec == "gsm03.38" else text.encode(codec)


def fits_one_part(text: str, data_coding: int) -> bool:
    """Tell whether a text is one SMS: 160 septets when GSM 03.38 holds it, else 70 UCS-2 units.

    A body in UCS-2 is sent as it is; any other alphabet the SMSC turns into GSM where it can.
    """
    if data_coding != 8:
        try:
            return len(GSM.encode(text)[0]) <= PART_SEPTETS
        except UnicodeEncodeError:
            pass  # the SMSC falls back to UCS-2
    return len(text.encode("utf-16-be")) // 2 <= PART_UNITS
