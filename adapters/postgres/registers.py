"""Reading the register: where it stands, what changed, and all of it, a stretch of buckets at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from adapters.postgres.choices import SUPPRESSION
from adapters.postgres.pool import Connection, Pool
from engine.register_file import Scopes
from segments.number_set import BUCKETS, LOW_BITS, LOW_MASK

STRETCH = 2048
"""Buckets that are read at once: half a megabyte of a list of 30 million."""

_STATE = "SELECT version, lists, key_check FROM register"

_SUPPRESSED = """
SELECT number FROM (
    SELECT DISTINCT ON (number) number, allowed FROM subscriber_choices
    WHERE scope = $1 ORDER BY number, scope, id DESC
) newest WHERE NOT allowed ORDER BY number
"""

_CHOSEN = """
SELECT number, array_agg(scope ORDER BY scope) FILTER (WHERE allowed) AS yes,
    array_agg(scope ORDER BY scope) FILTER (WHERE NOT allowed) AS no
FROM (
    SELECT DISTINCT ON (number, scope) number, scope, allowed FROM subscriber_choices
    WHERE ($1::bigint[] IS NULL OR number = ANY($1)) ORDER BY number, scope, id DESC
) newest WHERE scope <> 'suppression' GROUP BY number
"""

_CHANGED = "SELECT number, max(version) AS version FROM subscriber_choices WHERE version > $1 GROUP BY number"

_SUPPRESSED_OF = """
SELECT number FROM (
    SELECT DISTINCT ON (number) number, allowed FROM subscriber_choices
    WHERE scope = $1 AND number = ANY($2) ORDER BY number, scope, id DESC
) newest WHERE NOT allowed
"""


@dataclass(frozen=True, slots=True)
class RegisterState:
    """Where the register stands: each number rises with every change of its kind."""

    version: int
    lists: int
    key_check: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for one number as of a version."""

    suppressed: bool
    scopes: Scopes
    version: int


async def read_state(connection: Connection | Pool) -> RegisterState:
    """Return where the register stands."""
    [row] = await connection.fetch(_STATE)
    return RegisterState(**dict(row))


async def claim_key(pool: Pool, check: str) -> None:
    """Let the register belong to this key, unless it belongs to one already."""
    await pool.execute("UPDATE register SET key_check = $1 WHERE key_check IS NULL", check)


async def read_changes(connection: Connection, since: int) -> Mapping[int, Standing]:
    """Return what holds for the sealed numbers about which something was recorded after a version."""
    versions = {row["number"]: row["version"] for row in await connection.fetch(_CHANGED, since)}
    return await read_standing(connection, versions)


async def read_standing(connection: Connection, versions: Mapping[int, int]) -> Mapping[int, Standing]:
    """Return what holds for sealed numbers; `versions` are told back."""
    if not versions:
        return {}
    numbers = list(versions)
    listed = await on_lists(connection, numbers)
    own = {row["number"] for row in await connection.fetch(_SUPPRESSED_OF, SUPPRESSION, numbers)}
    scopes = {row["number"]: _scopes(row) for row in await connection.fetch(_CHOSEN, numbers)}
    return {
        number: Standing(number in listed or number in own, scopes.get(number, ((), ())), version)
        for number, version in versions.items()
    }


async def on_lists(connection: Connection, numbers: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """Return on which imported lists (ids) sealed numbers are, as far as they are on any."""
    rows = await connection.fetch(
        "SELECT bucket, list, members FROM suppression_chunks WHERE bucket = ANY($1::int[])",
        sorted({number >> LOW_BITS for number in numbers}),
    )
    found: dict[int, list[int]] = {}
    by_bucket: dict[int, list[tuple[int, frozenset[int]]]] = {}
    for row in rows:
        members = frozenset(np.frombuffer(row["members"], dtype="<u2").tolist())
        by_bucket.setdefault(row["bucket"], []).append((row["list"], members))
    for number in numbers:
        for listed, members in by_bucket.get(number >> LOW_BITS, ()):
            if number & LOW_MASK in members:
                found.setdefault(number, []).append(listed)
    return found


async def read_own_suppressions(connection: Connection) -> NDArray[np.uint64]:
    """Return the sealed numbers that are suppressed one by one, ascending."""
    rows = await connection.fetch(_SUPPRESSED, SUPPRESSION)
    return np.fromiter((row["number"] for row in rows), np.uint64, len(rows))


async def read_listed(connection: Connection) -> AsyncIterator[tuple[int, Sequence[tuple[int, bytes]]]]:
    """Yield the end of each stretch of buckets, and the rows of the imported lists in it."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM suppression_chunks)"):
        yield BUCKETS, []
        return
    for first in range(0, BUCKETS, STRETCH):
        rows = await connection.fetch(
            "SELECT bucket, members FROM suppression_chunks WHERE bucket >= $1 AND bucket < $2",
            *(first, first + STRETCH),
        )
        yield first + STRETCH, [(row["bucket"], row["members"]) for row in rows]


async def read_chosen(connection: Connection) -> Mapping[int, Scopes]:
    """Return what everybody chose who consented to anything or withdrew from it, by sealed number."""
    chosen: dict[int, Scopes] = {}
    nobody: Any = None
    async for row in connection.cursor(_CHOSEN, nobody, prefetch=1000):
        chosen[row["number"]] = _scopes(row)
    return chosen


def _scopes(row: asyncpg.Record) -> Scopes:
    return tuple(row["yes"] or ()), tuple(row["no"] or ())
