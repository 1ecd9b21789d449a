"""The GSM 7-bit default alphabet: what it holds, what a text costs, its octets (3GPP TS 23.038 §6.2.1)."""

ESCAPE = 0x1B
"""The code that announces a character of the extension table; it is no character itself."""

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
"""The 128 characters of the basic table in code order; position 0x1B holds the escape."""

EXTENSION: dict[str, int] = {
    "\f": 0x0A,
    "^": 0x14,
    "{": 0x28,
    "}": 0x29,
    "\\": 0x2F,
    "[": 0x3C,
    "~": 0x3D,
    "]": 0x3E,
    "|": 0x40,
    "€": 0x65,
}
"""Character → code after the escape; each costs two septets."""

ONE_SEPTET = frozenset(BASIC) - {chr(ESCAPE)}
"""The characters that cost one septet."""

_CODES: dict[str, bytes] = {char: bytes([code]) for code, char in enumerate(BASIC) if code != ESCAPE}
_CODES |= {char: bytes([ESCAPE, code]) for char, code in EXTENSION.items()}

_DROP_ONE_SEPTET = dict.fromkeys(map(ord, ONE_SEPTET))


def septets(text: str) -> int | None:
    """Return what `text` costs in septets, or None when it holds a character outside the alphabet."""
    rest = text.translate(_DROP_ONE_SEPTET)
    if not rest:
        return len(text)
    if EXTENSION.keys() >= set(rest):
        return len(text) + len(rest)
    return None


def is_gsm7(text: str) -> bool:
    """Tell whether the alphabet with its extension table can hold `text`."""
    return septets(text) is not None


def encode(text: str) -> bytes:
    """Return one octet a septet, unpacked, as SMPP carries data_coding 0.

    Raises `ValueError` that names the first character outside the alphabet and its position.
    """
    try:
        return b"".join([_CODES[char] for char in text])
    except KeyError:
        at = next(index for index, char in enumerate(text) if char not in _CODES)
        raise ValueError(f"U+{ord(text[at]):04X} at position {at} is not in GSM 03.38") from None


def pack(unpacked: bytes) -> bytes:
    """Return septets packed eight to seven octets, as they go over the air (3GPP TS 23.038 §6.1.2.1)."""
    bits = 0
    for index, septet in enumerate(unpacked):
        bits |= septet << (7 * index)
    return bits.to_bytes((7 * len(unpacked) + 7) // 8, "little")
