"""Holds as a port: quantities kept for somebody while they decide, so that two buyers never get the same.

A hold from the form lasts FORM_S; submission makes it a soft hold that lasts DECISION_S, until the
decision; approval looks again and books. Whoever takes or books does so alone: the judge is asked with
everything that was sold and held before, and nobody else's hold comes between its answer and the deed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from inventory.booking import Booking

FORM_S = 30 * 60
DECISION_S = 48 * 3600

Judge = Callable[[Sequence[Booking], Booking], bool]
"""Tells whether a booking can be promised beside all others (bookings that serve, and active holds)."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A booking held until `expires_at`; `campaign` is the number of the one that was submitted with it."""

    id: str
    booking: Booking
    held_by: str
    expires_at: datetime
    campaign: int | None = None

    def active(self, now: datetime) -> bool:
        """Tell whether it still keeps its quantity from others."""
        return now < self.expires_at


class UnavailableError(Exception):
    """The quantity can't be promised beside what was sold: nothing was held or booked."""


class NoHoldError(Exception):
    """There is no such hold, or it has expired: take a new one."""


class UndecidableError(Exception):
    """The campaign is not waiting for a decision: look at its state."""


class Holds(Protocol):
    """Where holds are kept, beside the bookings."""

    async def take(self, wish: Booking, by: str, judge: Judge, *, now: datetime) -> Hold:
        """Hold what is wished for FORM_S. Raises `UnavailableError`."""

    async def submit(self, hold: str, campaign: int, *, now: datetime) -> Hold:
        """Make a hold the soft hold of a draft campaign, which becomes submitted, for DECISION_S.

        Raises `NoHoldError`, `UndecidableError` for a campaign that is no draft.
        """

    async def release(self, hold: str) -> None:
        """Give up a hold; one that is not there changes nothing."""

    async def approve(self, campaign: int, judge: Judge, *, lead_time: timedelta, now: datetime) -> None:
        """Book a submitted campaign as of `now`, and end its hold; it serves after the lead time.

        Its quantity is looked at again, whether its hold has expired or not; texts are reviewed on
        their own. Raises `UnavailableError`, and `UndecidableError` for one that is not submitted.
        """

    async def bookings(self, *, now: datetime) -> Sequence[Booking]:
        """Return what was sold and is still to come, and what is held."""
