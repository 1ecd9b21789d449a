"""The books in PostgreSQL: each batch, grant, return and closing is one transaction.

Locks are taken in one order everywhere (epoch, ledger rows by campaign, leases, counts by key),
so that nodes wait for each other and never deadlock.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import asyncpg

from adapters.postgres.counts import read_counts
from adapters.postgres.pool import Connection, Pool, snapshot
from adapters.postgres.report_counts import add_exposures, add_receipt_requests, forget_days
from adapters.postgres.supply_counts import add_supply
from inventory.books import (
    POWER_LOSS,
    PROCESS_DIED,
    Batch,
    CountKey,
    Counts,
    Epoch,
    EpochClosedError,
    Event,
    LeaseRequest,
    LeaseTotals,
    LedgerError,
    OpenEpoch,
    SequenceGapError,
    hour_of,
)
from inventory.leases import top_up
from inventory.ledger import Movement, movements, written_off

_OPEN = """
INSERT INTO epochs (node, worker, epoch, boot_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""

_OPEN_ONES = """
SELECT worker, epoch, boot_id, applied FROM epochs
WHERE node = $1 AND closed_at IS NULL ORDER BY opened_at, epoch, worker
"""

_STAYS_OPEN = """
SELECT closed_at IS NULL FROM epochs WHERE (node, worker, epoch) = ($1, $2, $3) FOR SHARE
"""

_CLOSE = """
UPDATE epochs SET closed_at = $4, lost = $5
WHERE (node, worker, epoch) = ($1, $2, $3) AND closed_at IS NULL
"""

_ADVANCE = """
UPDATE epochs SET applied = $5
WHERE (node, worker, epoch) = ($1, $2, $3) AND applied = $4 AND closed_at IS NULL
"""

_APPLIED = "SELECT applied, closed_at FROM epochs WHERE (node, worker, epoch) = ($1, $2, $3)"

_ADD_INSERTIONS = """
INSERT INTO insertion_counts AS c (campaign, hour, creative_version, place, event, cause, n)
SELECT * FROM unnest($1::int[], $2::int[], $3::int[], $4::int[], $5::text[], $6::text[], $7::bigint[])
ON CONFLICT (campaign, hour, creative_version, place, event, cause) DO UPDATE SET n = c.n + excluded.n
"""

_ADD_NOTIFICATIONS = """
INSERT INTO notification_counts AS c (hour, notifications, consumed, refused)
SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
ON CONFLICT (hour) DO UPDATE SET notifications = c.notifications + excluded.notifications,
    consumed = c.consumed + excluded.consumed, refused = c.refused + excluded.refused
"""

_ADD_UNCHANGED = """
INSERT INTO pass_through_counts AS c (hour, reason, n)
SELECT * FROM unnest($1::int[], $2::text[], $3::bigint[])
ON CONFLICT (hour, reason) DO UPDATE SET n = c.n + excluded.n
"""

_MOVE = """
UPDATE ledger l SET inserted = l.inserted + d.inserted, accepted = l.accepted + d.accepted,
    rejected = l.rejected + d.rejected, unknown = l.unknown + d.unknown,
    leased = l.leased - d.spent, settled = l.settled + d.spent - d.freed
FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS d (campaign, inserted, accepted, rejected, unknown, spent, freed)
WHERE l.campaign = d.campaign
"""

_SPEND = """
UPDATE leases l SET spent = l.spent + d.spent, in_flight = l.in_flight + d.in_flight
FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS d (campaign, spent, in_flight)
WHERE (l.node, l.worker, l.epoch) = ($1, $2, $3) AND l.campaign = d.campaign
"""

_SERVING = """
SELECT l.campaign, CASE WHEN l.quantity IS NOT NULL THEN l.quantity - l.settled - l.leased END AS free
FROM ledger l JOIN campaigns c ON c.number = l.campaign
WHERE l.campaign = ANY($1) AND c.state IN ('approved', 'live') AND c.stopped_at IS NULL AND c.ends_at > $2
ORDER BY l.campaign FOR UPDATE OF l
"""

_GRANT = """
INSERT INTO leases AS l (node, worker, epoch, campaign, granted)
SELECT $1, $2, $3, d.* FROM unnest($4::int[], $5::bigint[]) AS d
ON CONFLICT (node, worker, epoch, campaign) DO UPDATE SET granted = l.granted + excluded.granted
"""

_RETURN = """
UPDATE leases l SET returned = d.returned
FROM unnest($4::int[], $5::bigint[]) AS d (campaign, returned)
WHERE (l.node, l.worker, l.epoch) = ($1, $2, $3) AND l.campaign = d.campaign
"""

_LEASES = """
SELECT campaign, granted, returned, spent FROM leases
WHERE (node, worker, epoch) = ($1, $2, $3) ORDER BY campaign
"""

_HELD = """
SELECT campaign, granted - returned - spent AS held, in_flight FROM leases
WHERE (node, worker, epoch) = ($1, $2, $3) ORDER BY campaign
"""

_LEASED = """
UPDATE ledger l SET leased = l.leased + d.units
FROM unnest($1::int[], $2::bigint[]) AS d (campaign, units) WHERE l.campaign = d.campaign
"""

# Counts of a batch that are put in order without a thread; leases and requests wait meanwhile.
AT_ONCE = 200

_LOCK = "SELECT 1 FROM ledger WHERE campaign = ANY($1) ORDER BY campaign FOR UPDATE"


Named = TypeVar("Named", bound=StrEnum)


class PostgresBooks:
    """Implements `inventory.books.Books`; what it raises besides is listed in `pool.DATABASE_AWAY`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def open_epoch(self, epoch: Epoch, boot_id: str) -> None:
        """Register an epoch; doing it twice changes nothing."""
        await self._pool.execute(_OPEN, *_key(epoch), boot_id)

    async def open_epochs(self, node: str) -> Sequence[OpenEpoch]:
        """Return the node's epochs that are not closed, oldest first."""
        rows = await self._pool.fetch(_OPEN_ONES, node)
        return [
            OpenEpoch(Epoch(node, row["worker"], row["epoch"]), row["boot_id"], row["applied"])
            for row in rows
        ]

    async def grant(
        self, epoch: Epoch, requests: Sequence[LeaseRequest], horizon_s: float, holders: int, *, now: datetime
    ) -> Mapping[int, LeaseTotals]:
        """Lease units and return the campaigns' totals (see the port)."""
        async with self._change() as connection:
            await _require_open(connection, epoch)
            wanted = {request.campaign: request for request in requests}
            serving = await connection.fetch(_SERVING, list(wanted), now)
            leases = await _leases(connection, epoch)
            units = {}
            for row in serving:
                request = wanted[row["campaign"]]
                first = request.campaign not in leases
                if more := top_up(row["free"], request.held, request.rate, horizon_s, holders, first=first):
                    units[request.campaign] = more
            if units:
                await _lease(connection, epoch, units)
                leases = await _leases(connection, epoch)
            return {number: totals for number, totals in leases.items() if number in wanted}

    async def give_back(self, epoch: Epoch, returned: Mapping[int, int]) -> None:
        """Raise the returned totals of campaigns to `returned`; units go back to free."""
        async with self._change() as connection:
            await _require_open(connection, epoch)
            leases = await _leases(connection, epoch, lock_for=returned)
            higher = {n: total for n, total in returned.items() if n in leases and total > leases[n].returned}
            await _release(connection, epoch, leases, higher)

    async def lease_totals(self, epoch: Epoch) -> Mapping[int, LeaseTotals]:
        """Return the epoch's leases by campaign number."""
        async with self._pool.acquire() as connection:
            return await _leases(connection, epoch)

    async def settle(self, batch: Batch) -> bool:
        """Apply a batch in one transaction; False when it was applied before (see the port)."""
        if batch.upto <= batch.after:
            raise ValueError(
                f"a batch from frame {batch.after} to {batch.upto} can't be told from its repetition"
            )
        async with self._change() as connection:
            status = await connection.execute(_ADVANCE, *_key(batch.epoch), batch.after, batch.upto)
            if status != "UPDATE 1":
                return await _applied_before(connection, batch)
            await _move(connection, batch.epoch, movements(batch.events))
            await count_insertions(connection, batch.events)
            await _count_notifications(connection, batch.notifications, batch.consumed, batch.refused)
            await _count_pass_through(connection, batch.pass_through)
            await add_supply(connection, batch.supply)
            await add_receipt_requests(connection, batch.awaited)
            await add_exposures(connection, batch.exposures)
            if batch.awaited:
                await connection.copy_records_to_table("awaited_inbox", records=batch.awaited)
            if batch.received:
                await connection.copy_records_to_table("receipt_inbox", records=batch.received)
            return True

    async def close_epoch(self, epoch: Epoch, *, lost: bool, now: datetime) -> None:
        """Close an epoch; its units go back to free, or are booked as unknown when `lost` (see the port)."""
        async with self._change() as connection:
            status = await connection.execute(_CLOSE, *_key(epoch), now, lost)
            if status != "UPDATE 1":
                return
            await _write_off(connection, epoch, hour_of(now), lost=lost)
            leases = await _leases(connection, epoch)
            totals = {n: total.granted - total.spent for n, total in leases.items()}
            totals = {n: returned for n, returned in totals.items() if returned > leases[n].returned}
            await lock_ledger(connection, totals)
            await _release(connection, epoch, leases, totals)

    async def counts(self) -> Counts:
        """Return all counts as of one instant."""
        async with snapshot(self._pool) as connection:
            return await read_counts(connection)

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[Connection]:
        """Yield a connection in a transaction; the ledger's CHECKs are the last line of defence."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield connection
        except (asyncpg.CheckViolationError, asyncpg.ForeignKeyViolationError) as fault:
            raise LedgerError(f"{fault.constraint_name}: {fault.detail}") from fault


def _key(epoch: Epoch) -> tuple[str, int, int]:
    return epoch.node, epoch.worker, epoch.number


async def _require_open(connection: Connection, epoch: Epoch) -> None:
    """Hold the epoch open until the transaction ends."""
    if not await connection.fetchval(_STAYS_OPEN, *_key(epoch)):
        raise EpochClosedError(f"{epoch} is not open")


async def _applied_before(connection: Connection, batch: Batch) -> bool:
    """Say why a batch does not follow what was applied: False for a repetition, else an error."""
    row = await connection.fetchrow(_APPLIED, *_key(batch.epoch))
    if row is not None and batch.upto <= row["applied"]:
        return False
    if row is None or row["closed_at"] is not None:
        raise EpochClosedError(f"{batch.epoch} is not open")
    raise SequenceGapError(f"{batch.epoch}: applied up to {row['applied']}, the batch follows {batch.after}")


async def _leases(
    connection: Connection, epoch: Epoch, *, lock_for: Iterable[int] = ()
) -> dict[int, LeaseTotals]:
    await lock_ledger(connection, lock_for)
    rows = await connection.fetch(_LEASES, *_key(epoch))
    return {row["campaign"]: LeaseTotals(row["granted"], row["returned"], row["spent"]) for row in rows}


async def lock_ledger(connection: Connection, campaigns: Iterable[int]) -> None:
    """Lock ledger rows in the order that everybody keeps."""
    if numbers := list(campaigns):
        await connection.execute(_LOCK, numbers)


async def _lease(connection: Connection, epoch: Epoch, units: Mapping[int, int]) -> None:
    """Move units from free to leased; the ledger's rows are locked."""
    await connection.execute(_LEASED, list(units), list(units.values()))
    await connection.execute(_GRANT, *_key(epoch), list(units), list(units.values()))


async def _release(
    connection: Connection, epoch: Epoch, leases: Mapping[int, LeaseTotals], returned: Mapping[int, int]
) -> None:
    """Raise returned totals and move the difference from leased to free; the ledger's rows are locked."""
    if not returned:
        return
    change = [leases[number].returned - total for number, total in returned.items()]
    await connection.execute(_LEASED, list(returned), change)
    await connection.execute(_RETURN, *_key(epoch), list(returned), list(returned.values()))


async def _write_off(connection: Connection, epoch: Epoch, hour: int, *, lost: bool) -> None:
    """Book what the journal tells no more; each unit that a lost one may have inserted was a notification."""
    cause = POWER_LOSS if lost else PROCESS_DIED
    events = {}
    for row in await connection.fetch(_HELD, *_key(epoch)):
        key = CountKey(row["campaign"], creative_version=0, place=0, hour=hour)
        for event, count in written_off(row["held"], row["in_flight"], lost=lost).items():
            events[key, event, cause] = count
    await _move(connection, epoch, movements(events))
    await count_insertions(connection, events)
    unseen = sum(count for (_, event, _), count in events.items() if event is Event.INSERTED)
    await _count_notifications(connection, {hour: unseen} if unseen else {}, {}, {})


async def _move(connection: Connection, epoch: Epoch, moved: Mapping[int, Movement]) -> None:
    if not moved:
        return
    await lock_ledger(connection, moved)
    rows = [(n, m.inserted, m.accepted, m.rejected, m.unknown, m.spent, m.freed) for n, m in moved.items()]
    await connection.execute(_MOVE, *_columns(rows))
    if used := [(n, m.spent, m.in_flight) for n, m in moved.items() if m.spent or m.in_flight]:
        status = await connection.execute(_SPEND, *_key(epoch), *_columns(used))
        if status != f"UPDATE {len(used)}":
            raise LedgerError(f"{epoch} used units of a campaign that it never leased")


async def count_insertions(connection: Connection, events: Mapping[tuple[CountKey, Named, str], int]) -> None:
    """Add to the counts by key, event and cause, in the order in which everybody locks them."""
    if events:
        if len(events) > AT_ONCE:
            columns = await asyncio.to_thread(_insertions, events)
        else:
            columns = _insertions(events)
        await connection.execute(_ADD_INSERTIONS, *columns)
        await forget_days(connection, {(key.campaign, key.hour) for key, _, _ in events})


def _insertions(events: Mapping[tuple[CountKey, Named, str], int]) -> list[list[int | str]]:
    rows = sorted(
        (k.campaign, k.hour, k.creative_version, k.place, event.value, cause, n)
        for (k, event, cause), n in events.items()
    )
    return _columns(rows)


async def _count_notifications(connection: Connection, *by_hour: Mapping[int, int]) -> None:
    """Add notifications, consumed and refused ones, in this order."""
    hours = sorted(set().union(*by_hour))
    if hours:
        rows = [(hour, *(counts.get(hour, 0) for counts in by_hour)) for hour in hours]
        await connection.execute(_ADD_NOTIFICATIONS, *_columns(rows))


async def _count_pass_through(connection: Connection, pass_through: Mapping[tuple[int, str], int]) -> None:
    rows = sorted((hour, reason, n) for (hour, reason), n in pass_through.items())
    if rows:
        await connection.execute(_ADD_UNCHANGED, *_columns(rows))


def _columns(rows: Sequence[tuple[int | str, ...]]) -> list[list[int | str]]:
    return [list(column) for column in zip(*rows, strict=True)]
