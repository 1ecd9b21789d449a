"""Blackouts in PostgreSQL: made and withdrawn, never changed; all instants are passed in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.documents import target_document, target_of
from adapters.postgres.pool import Connection, Pool
from inventory.blackouts import Blackout, BlackoutDraft, folded, together
from segments.targets import Target

_CREATE = """
INSERT INTO blackouts (reason, categories, target, begins_at, ends_at, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""

_WITHDRAW = """
UPDATE blackouts SET withdrawn_at = $2, withdrawn_by = $3, version = version + 1 WHERE number = $1 RETURNING *
"""

_LIST = """
SELECT * FROM blackouts
WHERE ($1::int IS NULL OR number < $1)
    AND ($2::timestamptz IS NULL OR (ends_at > $2 AND withdrawn_at IS NULL))
ORDER BY number DESC LIMIT $3
"""

# What holds now or later.
_STANDING = """
SELECT categories, target, begins_at AS begins, ends_at AS ends FROM blackouts
WHERE withdrawn_at IS NULL AND ends_at > $1 ORDER BY number
"""

# What held between two instants: from when it was made, until it was withdrawn.
_HELD = """
SELECT categories, target, greatest(begins_at, created_at) AS begins, least(ends_at, withdrawn_at) AS ends
FROM blackouts
WHERE ends_at > $1 AND begins_at < $2
    AND greatest(begins_at, created_at) < least(ends_at, withdrawn_at)
ORDER BY number
"""

_CATEGORIES = "SELECT category FROM brands UNION SELECT category FROM campaigns"


class BlackoutUnknownError(Exception):
    """There is no such blackout."""


class BlackoutStaleError(Exception):
    """The blackout is no longer the version that was read."""


class BlackoutOverError(Exception):
    """The blackout was withdrawn, or has ended."""


class PostgresBlackouts:
    """The register of blackouts."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def create(self, draft: BlackoutDraft, *, by: str, at: datetime) -> Mapping[str, Any]:
        """Make a blackout and return its row."""
        async with self._pool.acquire() as connection, connection.transaction():
            [row] = await connection.fetch(
                _CREATE,
                draft.reason,
                None if draft.categories is None else list(draft.categories),
                target_document(draft.target),
                draft.begins_at,
                draft.ends_at,
                at,
                by,
            )
            await _audit(connection, "create", row, by, at)
        return dict(row)

    async def withdraw(
        self, blackout: str, *, version: int | None = None, by: str, at: datetime
    ) -> Mapping[str, Any]:
        """Let a blackout hold no more from now on, and return its row.

        Raises `BlackoutUnknownError`, `BlackoutStaleError` where it is not the `version` that was read, and
        `BlackoutOverError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(
                "SELECT * FROM blackouts WHERE id::text = $1 FOR UPDATE", blackout.lower()
            )
            if row is None:
                raise BlackoutUnknownError(blackout)
            if version not in {None, row["version"]}:
                raise BlackoutStaleError(blackout)
            if row["withdrawn_at"] is not None or row["ends_at"] <= at:
                raise BlackoutOverError(blackout)
            [after] = await connection.fetch(_WITHDRAW, row["number"], at, by)
            await _audit(connection, "withdraw", after, by, at, before=row)
        return dict(after)

    async def one(self, blackout: str) -> Mapping[str, Any]:
        """Return a blackout's row. Raises `BlackoutUnknownError`."""
        row = await self._pool.fetchrow("SELECT * FROM blackouts WHERE id::text = $1", blackout.lower())
        if row is None:
            raise BlackoutUnknownError(blackout)
        return dict(row)

    async def listed(
        self, *, below: int | None = None, standing_at: datetime | None = None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return rows, the newest first; with `standing_at` those that hold then or later."""
        return [dict(row) for row in await self._pool.fetch(_LIST, below, standing_at, limit)]

    async def standing(
        self, now: datetime, compiled: Callable[[Target], frozenset[int]]
    ) -> tuple[Blackout, ...]:
        """Return what holds now or later; `compiled` gives the places of a target."""
        return _compiled(await self._pool.fetch(_STANDING, now), compiled)

    async def held(
        self, begins: datetime, ends: datetime, compiled: Callable[[Target], frozenset[int]]
    ) -> tuple[Blackout, ...]:
        """Return what held at any time between two instants, and when it did."""
        return _compiled(await self._pool.fetch(_HELD, begins, ends), compiled)

    async def unknown(self, categories: Sequence[str]) -> Sequence[str]:
        """Return which of some categories no brand and no campaign has."""
        known = {folded(row["category"]) for row in await self._pool.fetch(_CATEGORIES)}
        return [each for each in categories if folded(each) not in known]


def _compiled(
    rows: Sequence[asyncpg.Record], compiled: Callable[[Target], frozenset[int]]
) -> tuple[Blackout, ...]:
    return together(
        Blackout(
            row["begins"].timestamp(),
            row["ends"].timestamp(),
            None if row["categories"] is None else frozenset(map(folded, row["categories"])),
            compiled(target_of(row["target"])),
        )
        for row in rows
    )


async def _audit(
    connection: Connection,
    action: str,
    row: asyncpg.Record,
    by: str,
    at: datetime,
    before: asyncpg.Record | None = None,
) -> None:
    former = None if before is None else _recorded(before)
    await write_audit(connection, by, action, "blackout", str(row["id"]), former, _recorded(row), at)


def _recorded(row: asyncpg.Record) -> dict[str, Any]:
    withdrawn = row["withdrawn_at"]
    return {
        "reason": row["reason"],
        "categories": row["categories"],
        "target": row["target"],
        "from": row["begins_at"].isoformat(),
        "to": row["ends_at"].isoformat(),
        "withdrawn_at": None if withdrawn is None else withdrawn.isoformat(),
    }
