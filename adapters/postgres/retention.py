"""Counts and audit entries that are too old: deleted in small batches; sums and chain stay whole."""

from datetime import datetime, timedelta
from typing import Final

from adapters.postgres.audit import AUDIT_LOCK, EXPIRY, write_audit
from adapters.postgres.pool import Connection, Pool

ROWS_AT_ONCE: Final = 5000
HOURS_AT_ONCE: Final = 168
_HOURS: Final = 24

# Any number that no other advisory lock has: "expire" in ASCII.
_LOCK = int.from_bytes(b"expire")

# Tables by how their rows tell the time: days (int, since 1970), dates, or hours (int, UTC, since 1970).
# Packed days go first, then what they were made of. Long tables are looked through by their key's beginning.
_BY_DAY = ("insertion_days", "supply_days")
_BY_DATE = ("reach_days", "report_mails")
_BY_HOUR = ("receipt_requests", "link_clicks")
_KEYED = (
    ("insertion_counts", "campaign", "SELECT campaign FROM ledger"),
    ("lead_tallies", "engagement", "SELECT number FROM engagements"),
)

# Totals over all time are sums of these, so what goes is added to hour 0.
_FOLD_NOTIFICATIONS = """
WITH gone AS (
    DELETE FROM notification_counts WHERE hour > 0 AND hour < least($1,
        (SELECT min(hour) FROM notification_counts WHERE hour > 0) + $2) RETURNING *
), folded AS (
    INSERT INTO notification_counts AS c (hour, notifications, consumed, refused)
    SELECT 0, sum(notifications), sum(consumed), sum(refused) FROM gone HAVING count(*) > 0
    ON CONFLICT (hour) DO UPDATE SET notifications = c.notifications + excluded.notifications,
        consumed = c.consumed + excluded.consumed, refused = c.refused + excluded.refused
)
SELECT count(*) FROM gone
"""
_FOLD_PASSED = """
WITH gone AS (
    DELETE FROM pass_through_counts WHERE hour > 0 AND hour < least($1,
        (SELECT min(hour) FROM pass_through_counts WHERE hour > 0) + $2) RETURNING *
), folded AS (
    INSERT INTO pass_through_counts AS c (hour, reason, n)
    SELECT 0, reason, sum(n) FROM gone GROUP BY reason
    ON CONFLICT (hour, reason) DO UPDATE SET n = c.n + excluded.n
)
SELECT count(*) FROM gone
"""


class PostgresRetention:
    """Deletes what is too old; instants are passed in. A call is a short transaction, one node at a time."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def expire_counts(self, now: datetime, keep_days: int) -> int:
        """Delete a batch of the counts of UTC days that are over for `keep_days`; 0 when none is left."""
        day = now - timedelta(days=keep_days)
        days = int(day.timestamp()) // 86400
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return 0
            gone = 0
            for table in _BY_DAY:
                gone += await _delete(connection, table, "day", days)
            for table in _BY_DATE:
                gone += await _delete(connection, table, "day", day.date())
            for table in _BY_HOUR:
                gone += await _delete(connection, table, "hour", days * _HOURS)
            for table, key, keys in _KEYED:
                gone += await _delete_keyed(connection, table, key, keys, days * _HOURS)
            for statement in (_FOLD_NOTIFICATIONS, _FOLD_PASSED):
                gone += await connection.fetchval(statement, days * _HOURS, HOURS_AT_ONCE)
        return gone

    async def expire_audit(self, now: datetime, keep_days: int) -> int:
        """Delete a batch of the oldest entries; 0 when none is older than `keep_days` whole days.

        The entry that says so holds the hash that the chain goes on from.
        """
        before = (now - timedelta(days=keep_days)).replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", AUDIT_LOCK)
            rows = await connection.fetch(
                "SELECT sequence, at, hash FROM audit ORDER BY sequence LIMIT $1", ROWS_AT_ONCE
            )
            kept = next((place for place, row in enumerate(rows) if row["at"] >= before), len(rows))
            if not kept:
                return 0
            last = rows[kept - 1]
            after = {"upto": last["sequence"], "hash": last["hash"].hex(), "rows": kept}
            await write_audit(connection, "posdata", *EXPIRY, str(last["sequence"]), None, after, now)
            await connection.execute("DELETE FROM audit WHERE sequence <= $1", last["sequence"])
        return kept


async def _delete(connection: Connection, table: str, column: str, before: object) -> int:
    some = f"SELECT ctid FROM {table} WHERE {column} < $1 LIMIT $2"  # noqa: S608  # our own names
    return await _deleted(connection, table, some, before)


async def _delete_keyed(connection: Connection, table: str, key: str, keys: str, before: int) -> int:
    some = f"""
        SELECT each.ctid FROM ({keys}) AS known (key) CROSS JOIN LATERAL
        (SELECT ctid FROM {table} WHERE {key} = known.key AND hour < $1 LIMIT $2) AS each LIMIT $2
    """  # noqa: S608  # our own names
    return await _deleted(connection, table, some, before)


async def _deleted(connection: Connection, table: str, some: str, before: object) -> int:
    statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({some}))"  # noqa: S608  # our own names
    told: str = await connection.execute(statement, before, ROWS_AT_ONCE)
    return int(told.rpartition(" ")[2])
