"""What webhooks are told, how it is signed, and when it is tried again."""

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, get_args
from urllib.parse import urlsplit

from inventory.faults import Fault

Happening = Literal[
    "approved",
    "rejected",
    "live",
    "at_risk",
    "percent_50",
    "percent_90",
    "percent_100",
    "finished",
    "taken_down",
    "coupons_low",
    "coupons_out",
]
"""What happens to a campaign, or to the coupons of an engagement, that somebody may want to hear of."""

HAPPENINGS: Final[Sequence[str]] = get_args(Happening)

SIGNATURE_HEADER: Final = "Posdata-Signature"
GIVE_UP_AFTER: Final = timedelta(hours=24)
LONGEST_URL: Final = 2000

_FIRST_WAIT: Final = timedelta(seconds=5)
_LONGEST_WAIT: Final = timedelta(hours=1)
_DOUBLINGS: Final = 10
_JITTER: Final = 0.2


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of SIGNATURE_HEADER: HMAC-SHA256 over "TIMESTAMP.BODY"; Unix seconds."""
    signed = hmac.new(secret.encode(), b"%d.%b" % (timestamp, body), sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


def next_attempt(attempts: int, created: datetime, now: datetime, chance: float) -> datetime | None:
    """Return when to try again after so many failed attempts, None after GIVE_UP_AFTER; `chance` in [0, 1).

    Each wait is twice the one before, from 5 s up to an hour, and up to a fifth longer.
    """
    wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(attempts - 1, _DOUBLINGS))
    then = now + wait * (1 + _JITTER * chance)
    return then if then < created + GIVE_UP_AFTER else None


def message(event_id: str, kind: str, at: datetime, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a webhook is told of an event; it is the same at every attempt."""
    return {"id": event_id, "event": kind, "at": at.isoformat(), **document}


def is_web_address(url: str) -> bool:
    """Tell whether a URL is http or https, has a host, and carries neither credentials nor a fragment."""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and port != 0
        and "@" not in parts.netloc
        and not parts.fragment
    )


def address_faults(url: str, pointer: str) -> Iterator[Fault]:
    """Tell what is wrong with a webhook's address, if anything."""
    if not is_web_address(url):
        yield Fault(
            pointer,
            "bad_url",
            "debe ser una dirección http o https, sin usuario ni fragmento",
            "must be an http or https address without a user or a fragment",
        )
