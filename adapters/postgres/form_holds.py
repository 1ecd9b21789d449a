"""Holds from the form, as those who took them see them: taken, listed, given up, and audited."""

from collections.abc import Sequence
from datetime import datetime

from adapters.postgres.audit import write_audit
from adapters.postgres.bookings import Measure
from adapters.postgres.holds import hold_of_row, insert_hold, judged, lock_holds, others_than
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import Pool
from engine.access import Principal
from inventory.booking import Booking
from inventory.holds import Hold, Judge

MOST_HOLDS = 20
"""So many may one user or key have at a time: holds keep quantities from others."""

_MINE = """
SELECT * FROM holds
WHERE campaign IS NULL AND expires_at > $1 AND ($2::text IS NULL OR held_by = $2)
ORDER BY expires_at, id
"""

_RELEASE = """
DELETE FROM holds
WHERE id::text = $1 AND campaign IS NULL AND expires_at > $2 AND ($3::text IS NULL OR held_by = $3)
RETURNING *
"""


class TooManyHoldsError(Exception):
    """The principal has MOST_HOLDS already."""


class PostgresFormHolds:
    """A hold belongs to the user or key that took it; the carrier sees all.

    `measure` gives the room that a text takes, in characters.
    """

    def __init__(self, pool: Pool, measure: Measure) -> None:
        self._pool = pool
        self._measure = measure

    async def take(self, wish: Booking, judge: Judge, *, principal: Principal, now: datetime) -> Hold:
        """Hold what is wished for. Raises `UnavailableError`, `TooManyHoldsError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            await lock_holds(connection)
            if len(await connection.fetch(_MINE, now, principal.id)) >= MOST_HOLDS:
                raise TooManyHoldsError(principal.id)
            await judged(judge, await others_than(connection, self._measure, now), wish)
            hold = await insert_hold(connection, wish, principal.id, now)
            after = {"name": wish.name, "quantity": wish.wanted, "expires_at": hold.expires_at.isoformat()}
            await write_audit(connection, principal.name, "hold", "hold", hold.id, None, after, now)
        return hold

    async def active(self, *, principal: Principal, now: datetime) -> Sequence[Hold]:
        """Return the holds that a principal sees, the first to expire first."""
        rows = await self._pool.fetch(_MINE, now, _owner(principal))
        return [hold_of_row(row) for row in rows]

    async def release(self, hold: str, *, principal: Principal, now: datetime) -> None:
        """Give up a hold. Raises `MissingError` where the principal sees none."""
        async with self._pool.acquire() as connection, connection.transaction():
            row = await connection.fetchrow(_RELEASE, hold, now, _owner(principal))
            if row is None:
                raise MissingError("hold")
            before = {"name": row["name"], "quantity": row["quantity"]}
            await write_audit(connection, principal.name, "release", "hold", hold, before, None, now)


def _owner(principal: Principal) -> str | None:
    return None if principal.is_carrier else principal.id
