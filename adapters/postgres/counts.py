"""Reading the counts: rows of the ledger as the port's value objects."""

from collections.abc import Mapping, Sequence

import asyncpg

from adapters.postgres.pool import Connection
from inventory.books import CampaignCounts, Counts

_CAMPAIGNS = """
SELECT c.number, c.id, c.name, l.quantity, l.inserted, l.accepted, l.rejected, l.unknown,
       l.delivered, l.failed, l.made_good, l.settled, l.leased
FROM campaigns c JOIN ledger l ON l.campaign = c.number
"""
_SOME = f"{_CAMPAIGNS} WHERE c.number = ANY($1)"
_ALL = f"{_CAMPAIGNS} ORDER BY c.number"


async def read_counts(connection: Connection) -> Counts:
    """Return all counts; inside a REPEATABLE READ transaction they are of one instant."""
    [total] = await connection.fetch(
        "SELECT coalesce(sum(notifications), 0)::bigint AS notifications, "
        "coalesce(sum(consumed), 0)::bigint AS consumed, coalesce(sum(refused), 0)::bigint AS refused "
        "FROM notification_counts"
    )
    reasons = await connection.fetch(
        "SELECT reason, sum(n)::bigint AS n FROM pass_through_counts GROUP BY reason ORDER BY reason"
    )
    return Counts(
        notifications=total["notifications"],
        consumed=total["consumed"],
        refused=total["refused"],
        pass_through={row["reason"]: row["n"] for row in reasons},
        campaigns=[counts_of(row) for row in await connection.fetch(_ALL)],
    )


async def read_campaign_counts(
    connection: Connection, numbers: Sequence[int]
) -> Mapping[int, CampaignCounts]:
    """Return the counts and ledger of some campaigns by number."""
    rows = await connection.fetch(_SOME, numbers)
    return {row["number"]: counts_of(row) for row in rows}


async def read_inserted_by_place(connection: Connection) -> Mapping[int, int]:
    """Return the insertions of all campaigns by place code."""
    rows = await connection.fetch(
        "SELECT place, sum(n)::bigint AS n FROM insertion_counts "
        "WHERE event = 'inserted' AND place > 0 GROUP BY place"
    )
    return {row["place"]: row["n"] for row in rows}


def counts_of(row: asyncpg.Record) -> CampaignCounts:
    """Return the counts of a campaign's row, joined with its ledger."""
    return CampaignCounts(
        number=row["number"],
        id=str(row["id"]),
        name=row["name"],
        quantity=row["quantity"],
        inserted=row["inserted"],
        accepted=row["accepted"],
        rejected=row["rejected"],
        unknown=row["unknown"],
        delivered=row["delivered"],
        failed=row["failed"],
        returned=row["rejected"] + row["made_good"],
        settled=row["settled"],
        leased=row["leased"],
    )
