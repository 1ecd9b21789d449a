"""Delivery receipts as values: what a state means, how message_ids are compared, one hash for both ends."""

import re
from hashlib import blake2b
from typing import Final, Literal
from zlib import crc32

Form = Literal["as-is", "hex-of-decimal", "decimal-of-hex"]
"""What a receipt holds: the answer's message_id as it is, the hexadecimal of its decimal, or the reverse."""

FORMS: Final[tuple[Form, ...]] = ("as-is", "hex-of-decimal", "decimal-of-hex")

# SMPP 3.4 §5.2.28
ENROUTE: Final = 1
DELIVERED: Final = 2
EXPIRED: Final = 3
DELETED: Final = 4
UNDELIVERABLE: Final = 5
ACCEPTED: Final = 6
UNKNOWN: Final = 7
REJECTED: Final = 8

NAMES: Final = {
    ENROUTE: "enroute",
    DELIVERED: "delivered",
    EXPIRED: "expired",
    DELETED: "deleted",
    UNDELIVERABLE: "undeliverable",
    ACCEPTED: "accepted",
    UNKNOWN: "unknown",
    REJECTED: "rejected",
}

FAILURES: Final = frozenset((EXPIRED, DELETED, UNDELIVERABLE, REJECTED))
FINAL: Final = FAILURES | {DELIVERED}
"""States that say what became of a message. ENROUTE and ACCEPTED are intermediate, UNKNOWN says nothing."""

MIN_KEY_OCTETS: Final = 32

_DECIMAL = re.compile(rb"[0-9]+")
_HEXADECIMAL = re.compile(rb"[0-9a-f]+")
ASKS_FOR_RECEIPT: Final = 0x03
"""Bits of registered_delivery (SMPP 3.4 §5.2.17): 01 whatever the outcome, 10 on failure."""

_ALWAYS: Final = 0x01
_ON_FAILURE: Final = 0x02


def asks_more(registered_delivery: int, *, failures: bool) -> bool:
    """Tell whether bits 1-0 (SMPP 3.4 §5.2.17) ask for more than nothing, or than `failures`."""
    asked = registered_delivery & ASKS_FOR_RECEIPT
    return asked != 0 and not (failures and asked == _ON_FAILURE)


def always(registered_delivery: int) -> int:
    """Return the octet with bits 1-0 asking for a receipt whatever the outcome (SMPP 3.4 §5.2.17)."""
    return registered_delivery & ~ASKS_FOR_RECEIPT & 0xFF | _ALWAYS


def is_asked(registered_delivery: int) -> bool:
    """Tell whether bits 1-0 ask for any receipt (SMPP 3.4 §5.2.17)."""
    return registered_delivery & ASKS_FOR_RECEIPT != 0


def normalised(message_id: bytes, form: Form = "as-is") -> bytes:
    """Return a message_id as answers have it, without leading zeros and case.

    `form` is how a receipt writes it; one that can't be of that form is taken as it is.
    """
    plain = message_id.strip().lower().lstrip(b"0")
    if form == "hex-of-decimal" and _HEXADECIMAL.fullmatch(plain):
        return b"%d" % int(plain, 16)
    if form == "decimal-of-hex" and _DECIMAL.fullmatch(plain):
        return b"%x" % int(plain)
    return plain


class RouteHash:
    """Hashes of one route: 64 bits for a message_id and its subscriber, under the node's key."""

    __slots__ = ("_begun", "number")

    def __init__(self, key: bytes, route: str) -> None:
        name = route.encode()
        self._begun = blake2b(name + b"\0", digest_size=8, key=blake2b(key, digest_size=32).digest())
        self.number = crc32(name)

    def of(self, message_id: bytes, subscriber: int) -> int:
        """Return the hash of a normalised message_id and a subscriber (0 for none)."""
        digest = self._begun.copy()
        digest.update(subscriber.to_bytes(8, "big") + message_id)
        return int.from_bytes(digest.digest(), "big")


def route_number(route: str) -> int:
    """Return the number that stands for a route's name in journals and tables."""
    return crc32(route.encode())


_TEXT: Final = 1
_TLV: Final = 2
_CLASSES: Final = ("no id", "digits", "hexadecimal digits", "characters")


def masked(message_id: bytes, subscriber: int, *, in_text: bool, in_tlv: bool) -> int:
    """Return 64 bits that describe a receipt without telling whose it is (`sample` reads them).

    Octets, highest first: the id's length, where it stood and what it is made of, its last two
    characters, the subscriber's first two and last two digits, two of zero.
    """
    lower = message_id.lower()
    made_of = 0
    if message_id:
        made_of = 1 if _DECIMAL.fullmatch(lower) else 2 if _HEXADECIMAL.fullmatch(lower) else 3
    where = (_TEXT if in_text else 0) | (_TLV if in_tlv else 0) | made_of << 4
    end = message_id[-2:].rjust(2, b"\0")
    first, last = subscriber // 10**8, subscriber % 100
    return (
        min(len(message_id), 255) << 56 | where << 48 | end[0] << 40 | end[1] << 32 | first << 24 | last << 16
    )


def sample(mask: int) -> str:
    """Return what `masked` kept, for a person."""
    octets = mask.to_bytes(8, "big")
    length, where = octets[0], octets[1]
    end = octets[2:4].lstrip(b"\0").decode("ascii", "replace")
    shown = "*" * (length - len(end)) + (end if end.isprintable() else "??")
    places = [name for bit, name in ((_TEXT, "text"), (_TLV, "tlv")) if where & bit]
    made_of = _CLASSES[where >> 4 & 3]
    number = f"{octets[4]:02d}******{octets[5]:02d}" if octets[4] else "not a subscriber"
    told = f"id {shown} ({length} {made_of}, {' and '.join(places)})" if length else "no id"
    return f"{told}, {number}"
