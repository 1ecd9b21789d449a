"""Short links and their clicks in PostgreSQL."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Connection, Pool
from engine.access import Principal
from inventory.short_links import CODE_CHARACTERS, CODE_LENGTH, KnownLink, Shortener, site_of

_KNOWN = """
SELECT l.code, l.target, v.text FROM links l
JOIN creative_versions v ON v.number = l.version JOIN creatives cr ON cr.id = v.creative
JOIN campaigns c ON c.number = cr.campaign
WHERE c.id = $1
"""

_ADD = "INSERT INTO links (code, target, version, created_at) VALUES ($1, $2, $3, $4)"

# A text that was refused or taken down leads nowhere any more.
_TARGET = """
SELECT l.target FROM links l JOIN creative_versions v ON v.number = l.version
WHERE l.code = $1 AND v.review NOT IN ('rejected', 'taken_down')
"""

# A draft's links may still change.
_NOT_LANDED = """
SELECT l.code, l.target FROM links l
JOIN creative_versions v ON v.number = l.version JOIN creatives cr ON cr.id = v.creative
JOIN campaigns c ON c.number = cr.campaign
WHERE l.landed_at IS NULL AND v.review IN ('pending', 'approved') AND cr.removed_at IS NULL
    AND c.state IN ('submitted', 'approved', 'live', 'paused')
ORDER BY l.version LIMIT $1
"""

_LAND = """
UPDATE links SET landing_host = $2, landing_fault = $3, landed_at = $4 WHERE code = $1 AND landed_at IS NULL
RETURNING target
"""

_COUNT = """
INSERT INTO link_clicks AS c (code, hour, people, bots, prefetches)
SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[])
ON CONFLICT (code, hour) DO UPDATE SET people = c.people + excluded.people, bots = c.bots + excluded.bots,
    prefetches = c.prefetches + excluded.prefetches
"""

_LIST = """
SELECT l.code, l.target, l.landing_host, l.landing_fault, l.landed_at, c.id AS campaign, c.brand, v.creative,
    v.version, v.review, l.created_at, v.number,
    k.people, k.bots, k.prefetches
FROM links l JOIN creative_versions v ON v.number = l.version JOIN creatives cr ON cr.id = v.creative
JOIN campaigns c ON c.number = cr.campaign
CROSS JOIN LATERAL (
    SELECT coalesce(sum(people), 0)::bigint AS people, coalesce(sum(bots), 0)::bigint AS bots,
        coalesce(sum(prefetches), 0)::bigint AS prefetches
    FROM link_clicks k WHERE k.code = l.code
) k
WHERE ($1 OR c.brand = ANY($2)) AND ($3::uuid IS NULL OR c.id = $3) AND ($4::int IS NULL OR l.version < $4)
ORDER BY l.version DESC LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Clicks:
    """How often a code was followed in a UTC hour: by people, by programs, by browsers ahead of people."""

    code: str
    hour: int
    people: int
    bots: int
    prefetches: int


def new_code() -> str:
    """Return a code that nobody can guess."""
    return "".join(secrets.choice(CODE_CHARACTERS) for _ in range(CODE_LENGTH))


def shortener(public_url: str | None, known: Mapping[str, KnownLink] | None = None) -> Shortener:
    """Return how links become short behind a public URL."""
    return Shortener(site_of(public_url), new_code, known or {})


async def add_link(connection: Connection, code: str, target: str, version: int, at: datetime) -> None:
    """Let a code lead to an address, for ever; `version` is the number of the text's version it stands in."""
    await connection.execute(_ADD, code, target, version, at)


class PostgresLinks:
    """The short links; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def known(self, campaign: str) -> Mapping[str, KnownLink]:
        """Return a campaign's codes; none for what is no campaign."""
        try:
            wanted = UUID(campaign)
        except ValueError:
            return {}
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_KNOWN, wanted)
        return {row["code"]: KnownLink(row["target"], row["text"]) for row in rows}

    async def target(self, code: str) -> str | None:
        """Return where a code leads; None for one that is not known, or whose text was taken out."""
        async with self._pool.acquire() as connection:
            found: str | None = await connection.fetchval(_TARGET, code)
        return found

    async def not_landed(self, limit: int) -> Mapping[str, str]:
        """Return targets by code of submitted texts that nobody has followed to their end."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_NOT_LANDED, limit)
        return {row["code"]: row["target"] for row in rows}

    async def land(self, code: str, host: str | None, fault: str | None, at: datetime) -> None:
        """Keep where a link leads in the end; the first word stands."""
        async with self._pool.acquire() as connection, connection.transaction():
            target = await connection.fetchval(_LAND, code, host, fault, at)
            if target is not None:
                after = {"target": target, "landing_host": host, "landing_fault": fault}
                await write_audit(connection, "posdata", "land", "link", code, None, after, at)

    async def count(self, clicks: Sequence[Clicks]) -> None:
        """Add clicks, all or none."""
        columns = ("code", "hour", "people", "bots", "prefetches")
        async with self._pool.acquire() as connection:
            await connection.execute(_COUNT, *([getattr(each, name) for each in clicks] for name in columns))

    async def listed(
        self, principal: Principal, *, campaign: UUID | None, below: int | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return the links of the brands one sees, newest first, with their clicks."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(
                _LIST, principal.is_carrier, sorted(principal.brands), campaign, below, limit
            )
        return [dict(row) for row in rows]
