"""Missed calls as a relay telephone or a cloud provider posts them: how a request is signed."""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

SIGNATURE_HEADER: Final = "Posdata-Signature"
SCHEME: Final = "Posdata-HMAC"
"""The Authorization scheme; its credential is the API key's id, so that the key itself never travels."""

MOST_SKEW_S: Final = 300
"""How far a request's time may be from ours; its nonce is remembered for longer."""

_FORM: Final = re.compile(r"t=(\d{1,12}),n=([A-Za-z0-9_-]{8,64}),v1=([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature as it stands in its header: Unix seconds, a nonce used once, HMAC-SHA256 in hex."""

    timestamp: int
    nonce: str
    digest: str

    def signs(self, secret: bytes, body: bytes) -> bool:
        """Tell whether it was made over this body with this secret."""
        return hmac.compare_digest(self.digest, _digest(secret, self.timestamp, self.nonce, body))

    def is_fresh(self, now: float) -> bool:
        """Tell whether it was made within MOST_SKEW_S of an instant (Unix seconds)."""
        return abs(now - self.timestamp) <= MOST_SKEW_S


def read_signature(header: str) -> Signature | None:
    """Return the signature in a header, None where there is none."""
    found = _FORM.fullmatch(header)
    return Signature(int(found[1]), found[2], found[3]) if found else None


def signed(key: str, timestamp: int, nonce: str, body: bytes) -> str:
    """Return the header that signs a body with an API key: "t=SECONDS,n=NONCE,v1=HEX"."""
    digest = _digest(secret_of(key), timestamp, nonce, body)
    return f"t={timestamp},n={nonce},v1={digest}"


def secret_of(key: str) -> bytes:
    """Return what signs with an API key: its SHA-256, which is all that is stored of it."""
    return sha256(key.encode()).digest()


def _digest(secret: bytes, timestamp: int, nonce: str, body: bytes) -> str:
    return hmac.new(secret, b"%d.%b.%b" % (timestamp, nonce.encode(), body), sha256).hexdigest()
