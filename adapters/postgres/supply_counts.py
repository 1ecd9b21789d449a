"""Adding to the counts of supply, in the transaction of a batch; adapters.postgres.supply reads them."""

from collections.abc import Mapping

from adapters.postgres.pool import Connection
from inventory.books import SupplyKey

_ADD = """
INSERT INTO supply_counts AS c (hour, place, room_class, wide, n)
SELECT * FROM unnest($1::int[], $2::int[], $3::smallint[], $4::boolean[], $5::bigint[])
ON CONFLICT (hour, place, room_class, wide) DO UPDATE SET n = c.n + excluded.n
"""


async def add_supply(connection: Connection, supply: Mapping[SupplyKey, int]) -> None:
    """Add counts by cell, in the order of their keys, so that nodes never deadlock."""
    if supply:
        rows = [(*key, count) for key, count in sorted(supply.items())]
        await connection.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))
