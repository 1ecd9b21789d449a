"""Who asks, and what they may do: organisations, roles, brands (DESIGN §10)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class OrganisationKind(StrEnum):
    """What an organisation is to the channel; there is one carrier."""

    CARRIER = "carrier"
    ADVERTISER = "advertiser"
    AGENCY = "agency"


class Role(StrEnum):
    """What somebody does here."""

    ADVERTISER = "advertiser"
    BRAND_MANAGER = "brand_manager"
    APPROVER = "approver"
    OPS = "ops"
    ADMIN = "admin"


CARRIER_ROLES: Final = frozenset({Role.APPROVER, Role.OPS, Role.ADMIN})
"""Roles of the carrier's own people: they see every brand."""

EVERYBODY: Final = frozenset(Role)
READERS: Final = EVERYBODY - {Role.ADMIN}
"""Roles that read campaigns and their counts."""

TAGS: Final = frozenset(
    {
        "audit", "availability", "blackouts", "brands", "campaigns", "consents", "creatives", "engagements",
        "holds", "keys", "leads", "links", "missed-calls", "ops", "organisations", "reports", "segments",
        "subscribers", "suppressions", "texts", "users", "webhooks",
    }
)  # fmt: skip
"""The kinds of operations that a key's scopes may name."""


def is_scope(text: str) -> bool:
    """Tell whether it is a tag, or a tag and ":read"."""
    return text.removesuffix(":read") in TAGS


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from: one user or one API key.

    `name` is the user's e-mail or the key's prefix, as the audit log shows it. `brands` are those
    the principal acts for; they mean nothing for carrier roles. `scopes` narrow a key to operations
    by tag (`campaigns`, `campaigns:read`); none means no narrowing.
    """

    id: str
    name: str
    organisation: str
    role: Role
    brands: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    language: str = "es"

    @property
    def is_carrier(self) -> bool:
        """Tell whether all brands are visible."""
        return self.role in CARRIER_ROLES

    def sees(self, brand: str) -> bool:
        """Tell whether what belongs to a brand exists for this principal at all; else it answers 404."""
        return self.is_carrier or brand in self.brands

    def may(self, tag: str, *, writes: bool) -> bool:
        """Tell whether the principal's scopes allow an operation of a tag."""
        if not self.scopes:
            return True
        return tag in self.scopes or (not writes and f"{tag}:read" in self.scopes)
