"""Imported suppression lists: written whole, each stored as buckets of sealed numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from adapters.files.number_file import distinct
from adapters.postgres.audit import write_audit
from adapters.postgres.choices import SUPPRESSION
from adapters.postgres.pool import Connection, Pool
from segments.masked import masked
from segments.number_set import BUCKETS, LOW_BITS, LOW_MASK
from segments.seal import Seal

# Parts in which an import goes: a sixteenth of the buckets each, so that memory stays small.
PARTS = 16
_PART_BUCKETS = BUCKETS // PARTS
_PART_BITS = 30

_RAISE_LISTS = "UPDATE register SET lists = lists + 1 RETURNING lists"

_NAME = """
INSERT INTO suppression_lists (name, source, numbers, imported_by, imported_at) VALUES ($1, $2, 0, $3, $4)
ON CONFLICT (name) DO UPDATE SET source = $2, imported_by = $3, imported_at = $4
RETURNING id, numbers
"""

_COUNT = "UPDATE suppression_lists SET numbers = $2 WHERE id = $1"

_ADD_LIFT = """
INSERT INTO subscriber_choices (version, number, scope, allowed, source, wording, by, at)
VALUES ($1, $2, $3, true, $4, $5, $6, $7)
"""

_CHANGE_CHUNK = "UPDATE suppression_chunks SET members = $3 WHERE bucket = $1 AND list = $2"
_IS_OWN = """
SELECT NOT allowed FROM subscriber_choices WHERE number = $1 AND scope = $2 ORDER BY id DESC LIMIT 1
"""
_COUNT_LESS = "UPDATE suppression_lists SET numbers = numbers - 1 WHERE id = $1"

_CLEAR_PART = """
DELETE FROM suppression_chunks WHERE list = $1 AND bucket >= $2 AND bucket < $3 RETURNING bucket, members
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: how long the list was and is, and the register's lists that say so."""

    before: int
    numbers: int
    lists: int


class SealedParts:
    """Sealed numbers by part, 32 bits each: thirty million take 120 MB."""

    def __init__(self) -> None:
        self._parts: list[list[NDArray[np.uint32]]] = [[] for _ in range(PARTS)]

    def add(self, sealed: NDArray[np.int64]) -> None:
        """Add some."""
        ordered = np.sort(sealed)
        bounds = np.searchsorted(ordered, np.arange(PARTS + 1, dtype=np.int64) << _PART_BITS)
        for part, (first, last) in enumerate(pairwise(bounds)):
            if last > first:
                low = ordered[first:last] & ((1 << _PART_BITS) - 1)
                self._parts[part].append(low.astype(np.uint32))

    def take(self, part: int) -> NDArray[np.uint32]:
        """Return a part's numbers, each once, ascending, less the part's own bits; and let go of them."""
        some, self._parts[part] = self._parts[part], []
        return distinct(np.concatenate(some)) if some else np.zeros(0, np.uint32)


async def import_list(
    pool: Pool, name: str, parts: SealedParts, *, source: str, by: str, at: datetime, replace: bool
) -> Imported:
    """Add numbers to a list, or with `replace` make it these, in one transaction with its audit row."""
    async with pool.acquire() as connection, connection.transaction():
        lists: int = await connection.fetchval(_RAISE_LISTS)
        row = await connection.fetchrow(_NAME, name, source, by, at)
        assert row is not None  # noqa: S101  # INSERT … RETURNING gives a row or raises
        total = 0
        for part in range(PARTS):
            first = part * _PART_BUCKETS
            former = await connection.fetch(_CLEAR_PART, row["id"], first, first + _PART_BUCKETS, timeout=600)
            numbers = parts.take(part)
            if former and not replace:
                known = np.concatenate([_low(each["bucket"] - first, each["members"]) for each in former])
                numbers = np.union1d(numbers, known)
            total += len(numbers)
            if len(numbers):
                await connection.copy_records_to_table(
                    "suppression_chunks",
                    records=_chunks(row["id"], first, numbers),
                    columns=("bucket", "list", "members"),
                    timeout=600,
                )
        await connection.execute(_COUNT, row["id"], total)
        after = {"source": source, "numbers": total, "replaced": replace}
        await write_audit(
            connection, by, "import", "suppression_list", name, {"numbers": row["numbers"]}, after, at
        )
    return Imported(row["numbers"], total, lists)


async def remove_from_lists(
    connection: Connection,
    seal: Seal,
    number: int,
    *,
    source: str,
    wording: str = "",
    by: str,
    at: datetime,
) -> bool:
    """Take a number off every list and lift its suppression; tell whether there was anything to do.

    The change is heard at once: what stands beside a node's file overrules it.
    """
    sealed = seal.of(number)
    version = await connection.fetchval("UPDATE register SET version = version + 1 RETURNING version")
    bucket, low = sealed >> LOW_BITS, (sealed & LOW_MASK).to_bytes(2, "little")
    removed = 0
    for row in await connection.fetch(
        "SELECT list, members FROM suppression_chunks WHERE bucket = $1 FOR UPDATE", bucket
    ):
        members = np.frombuffer(row["members"], dtype="<u2")
        kept = members[members != int.from_bytes(low, "little")]
        if len(kept) < len(members):
            removed += 1
            await connection.execute(_CHANGE_CHUNK, bucket, row["list"], kept.tobytes())
            await connection.execute(_COUNT_LESS, row["list"])
    own = await connection.fetchval(_IS_OWN, sealed, SUPPRESSION)
    if not removed and not own:
        return False
    await connection.execute(_ADD_LIFT, version, sealed, SUPPRESSION, source, wording, by, at)
    after = {"lists": removed, "source": source}
    await write_audit(connection, by, "remove", "suppression", masked(number), None, after, at)
    return True


def _low(bucket: int, members: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(members, dtype="<u2").astype(np.uint32) | np.uint32(bucket << LOW_BITS)


def _chunks(listed: int, first: int, numbers: NDArray[np.uint32]) -> Iterator[tuple[int, int, bytes]]:
    buckets = numbers >> np.uint32(LOW_BITS)
    starts = np.flatnonzero(np.diff(buckets, prepend=np.uint32(0xFFFFFFFF)))
    members = (numbers & np.uint32(LOW_MASK)).astype("<u2").tobytes()
    ends: Sequence[int] = [*starts[1:].tolist(), len(numbers)]
    for bucket, start, end in zip(buckets[starts].tolist(), starts.tolist(), ends, strict=True):
        yield first + bucket, listed, members[start * 2 : end * 2]
