"""Addresses that a spreadsheet imports leads from, by a token that expires; each reading is audited."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.audit import write_audit
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import Pool
from engine.access import Principal

_TOKEN_OCTETS = 32

_ENGAGEMENT = """
SELECT e.number FROM engagements e WHERE ($1 OR e.brand = ANY($2)) AND e.id::text = $3
"""

_READ = """
UPDATE lead_addresses a SET reads = a.reads + 1, last_read_at = $2
FROM engagements e
WHERE a.sha256 = $1 AND e.number = a.engagement AND a.revoked_at IS NULL AND a.expires_at > $2
RETURNING a.id, e.id AS engagement, e.name, e.timezone, a.created_by
"""

_REVOKE = """
UPDATE lead_addresses a SET revoked_at = coalesce(a.revoked_at, $4)
FROM engagements e
WHERE e.number = a.engagement AND ($1 OR e.brand = ANY($2)) AND a.id::text = $3
RETURNING e.id AS engagement
"""


@dataclass(frozen=True, slots=True)
class NewAddress:
    """An address as it is shown once."""

    id: str
    token: str


class PostgresLeadAddresses:
    """Addresses; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self, engagement: str, expires_at: datetime, *, principal: Principal, at: datetime
    ) -> NewAddress:
        """Make an address of an engagement's leads. Raises `MissingError`."""
        token = secrets.token_urlsafe(_TOKEN_OCTETS)
        async with self._pool.acquire() as connection, connection.transaction():
            number = await connection.fetchval(_ENGAGEMENT, *_view(principal), engagement)
            if number is None:
                raise MissingError("engagement")
            made: UUID = await connection.fetchval(
                "INSERT INTO lead_addresses (sha256, engagement, created_at, created_by, expires_at)"
                " VALUES ($1, $2, $3, $4, $5) RETURNING id",
                *(_sha256(token), number, at, principal.name, expires_at),
            )
            after = {"engagement": engagement, "expires_at": expires_at.isoformat()}
            await write_audit(
                connection, principal.name, "create", "lead_address", str(made), None, after, at
            )
        return NewAddress(str(made), token)

    async def read(self, token: str, peer: str, *, at: datetime) -> Mapping[str, Any] | None:
        """Return what an address is of, and audit that it is read; None when it is none, or no more."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_READ, _sha256(token), at)
            if row is None:
                return None
            after = {"engagement": str(row["engagement"]), "peer": peer}
            actor = f"address of {row['created_by']}"
            await write_audit(connection, actor, "read", "lead_address", str(row["id"]), None, after, at)
        return dict(row)

    async def revoke(self, address: str, *, principal: Principal, at: datetime) -> None:
        """Make an address worthless at once. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_REVOKE, *_view(principal), address, at)
            if row is None:
                raise MissingError("lead_address")
            before = {"engagement": str(row["engagement"])}
            await write_audit(connection, principal.name, "revoke", "lead_address", address, before, None, at)


def _view(principal: Principal) -> tuple[bool, list[str]]:
    return principal.is_carrier, sorted(principal.brands)


def _sha256(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
