"""What is too old is deleted, and nothing else: sums stay whole, the audit log can still be checked."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.audit import BrokenLink, Flaw, check_audit, read_audit, write_audit
from adapters.postgres.counts import read_counts
from adapters.postgres.pool import Pool
from adapters.postgres.retention import PostgresRetention
from inventory.books import hour_of

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
KEEP = 30
EDGE = (NOW - timedelta(days=KEEP)).replace(hour=0)

# A row an hour ($1: hours since 1970) of every table that is kept for retention_days.aggregates.
HOURS = """
INSERT INTO ledger (campaign) VALUES (1);
INSERT INTO engagements (name, purpose, starts_at, lead_window, timezone, share_number, wording, state,
    created_at, created_by) VALUES ('E', 'vote', now(), 'day', 'UTC', false, '', 'live', now(), 'x');
INSERT INTO insertion_counts SELECT 1, h, 1, p, 'accepted', '', 1 FROM hours, generate_series(1, 12) p;
INSERT INTO lead_tallies SELECT 1, '', h, 'MX-JAL', '33', '5500000001', 2, 1 FROM hours;
INSERT INTO receipt_requests SELECT 1, h, 1 FROM hours;
INSERT INTO link_clicks SELECT 'abc', h, 1, 0, 0 FROM hours;
INSERT INTO notification_counts SELECT h, 5, 1, 1 FROM hours;
INSERT INTO pass_through_counts SELECT h, r, 1 FROM hours, unnest(ARRAY['no_room', 'no_lease', 'udh']) r;
INSERT INTO insertion_days SELECT DISTINCT 1, h / 24, ''::bytea, ''::bytea FROM hours;
INSERT INTO supply_days SELECT DISTINCT h / 24, ''::bytea, ''::bytea, ''::bytea FROM hours;
INSERT INTO reach_days SELECT DISTINCT 1, to_timestamp(h * 3600.0)::date, ''::bytea, 0, ''::bytea FROM hours;
"""
BY_HOUR = ("insertion_counts", "lead_tallies", "receipt_requests", "link_clicks")
BY_DAY = ("insertion_days", "supply_days")


async def fill(pool: Pool) -> None:
    """Fill the tables from 20 days before what is kept, to now."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # no rows are referred to
        await connection.execute("CREATE TEMP TABLE hours (h int) ON COMMIT DROP")
        span = hour_of(EDGE) - 20 * 24, hour_of(NOW)
        await connection.execute("INSERT INTO hours SELECT generate_series($1::int, $2::int)", *span)
        await connection.execute(HOURS)


async def oldest(pool: Pool, table: str, column: str) -> int:
    """Return the lowest hour or day of a table, but for hour 0."""
    query = f"SELECT min({column}) FROM {table} WHERE {column} > 0"  # our own names
    found: int = await pool.fetchval(query)
    return found


def test_counts_go_by_whole_days_in_batches_and_totals_stay(pool: Pool, runner: asyncio.Runner) -> None:
    """More than a batch of rows goes; what is to be kept stays, and what all time adds up to."""
    runner.run(fill(pool))

    async def totals() -> object:
        async with pool.acquire() as connection:
            found = await read_counts(connection)
        return found.notifications, found.consumed, found.refused, found.pass_through

    retention, before = PostgresRetention(pool), runner.run(totals())
    passes = 0
    while runner.run(retention.expire_counts(NOW, KEEP)):
        passes += 1
    assert passes > 1
    edge = hour_of(EDGE)
    for table in (*BY_HOUR, "notification_counts", "pass_through_counts"):
        assert runner.run(oldest(pool, table, "hour")) == edge, table
    for table in BY_DAY:
        assert runner.run(oldest(pool, table, "day")) == edge // 24, table
    assert runner.run(pool.fetchval("SELECT min(day) FROM reach_days")) == EDGE.date()
    assert runner.run(totals()) == before


def test_the_audit_log_is_cut_at_an_entry_that_holds_its_hash(pool: Pool, runner: asyncio.Runner) -> None:
    """Old entries go, twice; the rest is checked from the anchor on; what was altered or taken away shows."""
    retention = PostgresRetention(pool)

    async def write(*ages: int) -> None:
        async with pool.acquire() as connection:
            for age in ages:
                at = NOW - timedelta(days=age)
                await write_audit(connection, "ana", "create", "brand", f"b{age}", None, {"n": age}, at)

    runner.run(write(90, 60, 31, 29, 0))
    assert runner.run(retention.expire_audit(NOW, KEEP)) == 3
    assert runner.run(retention.expire_audit(NOW, KEEP)) == 0
    [anchor, *kept] = runner.run(read_audit(pool))
    assert (anchor.action, anchor.subject_id, [each.subject_id for each in kept]) == (
        "expire",
        "3",
        ["b0", "b29"],
    )
    assert runner.run(check_audit(pool)).broken is None
    later = NOW + timedelta(days=2)
    assert runner.run(retention.expire_audit(later, KEEP)) == 1
    assert runner.run(check_audit(pool)).broken is None

    runner.run(pool.execute("DELETE FROM audit WHERE sequence = 5"))
    assert runner.run(check_audit(pool)).broken == BrokenLink(5, Flaw.MISSING)


def test_an_altered_anchor_breaks_the_chain(pool: Pool, runner: asyncio.Runner) -> None:
    """The hash to go on from is itself a link: another one does not fit."""

    async def forged() -> BrokenLink | None:
        async with pool.acquire() as connection:
            for age in (90, 5):
                at = NOW - timedelta(days=age)
                await write_audit(connection, "ana", "create", "brand", "b", None, None, at)
        await PostgresRetention(pool).expire_audit(NOW, KEEP)
        await pool.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only")
        await pool.execute(
            "UPDATE audit SET after = jsonb_set(after, '{hash}', to_jsonb(repeat('00', 32)))"
            " WHERE action = 'expire'"
        )
        return (await check_audit(pool)).broken

    broken = runner.run(forged())
    assert broken is not None
    assert (broken.sequence, broken.flaw) == (2, Flaw.ALTERED)
