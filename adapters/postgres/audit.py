"""The audit log: who changed what and when, append-only, each row chained to the one before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import asyncpg

from adapters.postgres.pool import Connection, Pool

# Rows are numbered and chained one after another, whoever writes: "audit" in ASCII.
AUDIT_LOCK = int.from_bytes(b"audit")
EXPIRY = "expire", "audit"
"""Action and subject type of the entry that says which former entries were too old to be kept."""

_NOTHING = bytes(32)
_BATCH = 5000
_ANCHOR = "SELECT after FROM audit WHERE action = $1 AND subject_type = $2 ORDER BY sequence DESC LIMIT 1"

Document = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change; `before` is None for what is new, `after` for what is gone."""

    sequence: int
    at: datetime
    actor: str
    action: str
    subject_type: str
    subject_id: str
    before: Document
    after: Document


class Flaw(StrEnum):
    """How a link is broken: its row was changed, is gone, or stands where the chain has none."""

    ALTERED = "altered"
    MISSING = "missing"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first link that is broken; `entry` is the row that stands there, None where it is missing."""

    sequence: int
    flaw: Flaw
    entry: AuditEntry | None = None


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What was found along the chain: so many whole entries, `upto` a sequence whose row has `hash`."""

    entries: int
    upto: int
    hash: bytes
    broken: BrokenLink | None = None


async def write_audit(
    connection: Connection,
    actor: str,
    action: str,
    subject_type: str,
    subject_id: str,
    before: Document,
    after: Document,
    at: datetime,
) -> None:
    """Write a row within the transaction that makes the change; writers wait for each other.

    So it is what a transaction does last: who holds the log's lock must not wait for any other.
    """
    await connection.execute("SELECT pg_advisory_xact_lock($1)", AUDIT_LOCK)
    last = await connection.fetchrow("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
    sequence, former = (last["sequence"] + 1, last["hash"]) if last else (1, _NOTHING)
    entry = AuditEntry(sequence, at, actor, action, subject_type, subject_id, before, after)
    await connection.execute(
        "INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        *(sequence, at, actor, action, subject_type, subject_id, _plain(before), _plain(after)),
        _chained(former, entry),
    )


async def check_audit(pool: Pool) -> AuditCheck:
    """Walk along the chain, from its beginning to its end or the first broken link.

    Where entries were too old to be kept, the chain goes on from the hash that the newest entry about it
    holds, which is a link of the chain itself.
    """
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        anchor = await connection.fetchval(_ANCHOR, *EXPIRY)
        former, upto = (_NOTHING, 0) if anchor is None else (bytes.fromhex(anchor["hash"]), anchor["upto"])
        entries = 0
        async for row in connection.cursor("SELECT * FROM audit ORDER BY sequence", prefetch=_BATCH):
            broken = _flaw(former, upto + 1, row)
            if broken is not None:
                return AuditCheck(entries, upto, former, broken)
            entries, former, upto = entries + 1, row["hash"], row["sequence"]
    return AuditCheck(entries, upto, former)


def _flaw(former: bytes, expected: int, row: asyncpg.Record) -> BrokenLink | None:
    """Return what is wrong with the row that stands where one is expected."""
    sequence, entry = row["sequence"], _entry(row)
    if sequence > expected:
        return BrokenLink(expected, Flaw.MISSING)
    if sequence < expected:
        return BrokenLink(sequence, Flaw.ADDED, entry)
    return None if row["hash"] == _chained(former, entry) else BrokenLink(sequence, Flaw.ALTERED, entry)


async def read_audit(
    pool: Pool, *, before: int | None = None, subject: str | None = None, limit: int = 50
) -> Sequence[AuditEntry]:
    """Return entries, newest first, below a sequence and about one subject id if asked."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            """
            SELECT * FROM audit
            WHERE ($1::bigint IS NULL OR sequence < $1) AND ($2::text IS NULL OR subject_id = $2)
            ORDER BY sequence DESC LIMIT $3
            """,
            *(before, subject, limit),
        )
    return [_entry(row) for row in rows]


def _entry(row: asyncpg.Record) -> AuditEntry:
    return AuditEntry(**{name: row[name] for name in AuditEntry.__slots__})


def _plain(document: Document) -> Any:
    """Return a document as jsonb gives it back, so that its hash stays what it is."""
    return None if document is None else json.loads(_canonical(document))


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)


def _chained(former: bytes, entry: AuditEntry) -> bytes:
    row = [
        entry.sequence,
        entry.at.isoformat(),
        entry.actor,
        entry.action,
        entry.subject_type,
        entry.subject_id,
        entry.before,
        entry.after,
    ]
    return hashlib.sha256(former + _canonical(row).encode()).digest()
