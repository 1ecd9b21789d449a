"""The stock: does a campaign's quantity fit beside what was sold, within the transaction that books it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.postgres.bookings import Measure, booking_of_row, read_one
from adapters.postgres.documents import hours_document, target_document
from adapters.postgres.holds import judged, lock_holds, others_than
from adapters.postgres.pool import Connection
from inventory.booking import Booking
from inventory.holds import DECISION_S, Judge, NoHoldError

_TAKE_OVER = """
UPDATE holds SET campaign = $2, expires_at = $3
WHERE id::text = $1 AND expires_at > $4 AND campaign IS NULL AND held_by = $5
"""

_HOLD = """
INSERT INTO holds (campaign, held_by, name, class, target, opens, closes, hours, size, quantity, expires_at)
SELECT number, $2, name, class, $3, starts_at, ends_at, $4, $5, $6, $7 FROM campaigns WHERE number = $1
"""


@dataclass(frozen=True, slots=True)
class Stock:
    """Asks `judge` about bookings; None while there is no forecast to judge by: then nothing is refused.

    `measure` gives the room that a text takes, in characters.
    """

    measure: Measure
    judge: Judge | None = None

    async def lock(self, connection: Connection) -> None:
        """Let nobody else book or hold until the transaction ends; before any row is locked."""
        await lock_holds(connection)

    async def check(
        self, connection: Connection, number: int, *, now: datetime, opens: datetime | None = None
    ) -> Booking | None:
        """Return the booking that a campaign is as it stands in the transaction; None without a quantity.

        It counts from `opens` on when that is later than its start. Raises `UnavailableError`.
        """
        row = await read_one(connection, number)
        if row is None:
            return None
        booking = booking_of_row(row, self.measure)
        if opens is not None:
            booking = booking.not_before(opens.timestamp())
        if self.judge is not None:
            others = await others_than(connection, self.measure, now, number)
            mine = [each for each in others if each.id != booking.id]
            await judged(self.judge, mine, booking)
        return booking

    async def hold(
        self,
        connection: Connection,
        number: int,
        hold: str | None,
        by: str,
        *,
        now: datetime,
        opens: datetime,
    ) -> None:
        """Keep the quantity until the decision: a hold from the form, or a new one.

        Raises `NoHoldError`, and `UnavailableError` where there was no hold and it does not fit.
        """
        until = now + timedelta(seconds=DECISION_S)
        await self.release(connection, number)
        if hold is not None:
            if await connection.execute(_TAKE_OVER, hold, number, until, now, by) != "UPDATE 1":
                raise NoHoldError(f"hold {hold} has expired or never was; take a new one")
            return
        booking = await self.check(connection, number, now=now, opens=opens)
        if booking is None or self.judge is None:
            return
        await connection.execute(
            _HOLD,
            *(number, by, target_document(booking.target), hours_document(booking.hours), booking.size),
            *(booking.wanted, until),
        )

    async def release(self, connection: Connection, number: int) -> None:
        """Give up what is held for a campaign."""
        await connection.execute("DELETE FROM holds WHERE campaign = $1", number)
