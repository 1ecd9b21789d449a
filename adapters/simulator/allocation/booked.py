"""A booking as a simulated day meets it: known from an instant on, perhaps paused or cancelled."""

from dataclasses import dataclass

from engine.composition import septets_of
from inventory.campaign import Campaign

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Booked:
    """One campaign of a simulated book; instants are UTC seconds.

    The planner hears of it at `known_from`, of its end at `cancelled_at`, of a pause when it begins and
    when it ends.
    """

    campaign: Campaign
    known_from: float
    cancelled_at: float | None = None
    pauses: tuple[Interval, ...] = ()

    @property
    def opens(self) -> float:
        """The first instant at which it may serve."""
        return max(self.known_from, self.campaign.starts_at.timestamp())

    @property
    def closes(self) -> float:
        """The instant from which on it may not."""
        end = self.campaign.ends_at.timestamp()
        return end if self.cancelled_at is None else min(end, self.cancelled_at)

    @property
    def quantity(self) -> int:
        """Its units; 0 for a house campaign without a limit."""
        return self.campaign.quantity or 0

    @property
    def size(self) -> int:
        """What its shortest text takes of the room, in septets."""
        return min(septets_of(creative.text) for creative in self.campaign.creatives)

    def serves(self, now: float) -> bool:
        """Tell whether the books would give it to the planner: known, not paused, not over."""
        paused = any(start <= now < end for start, end in self.pauses)
        return self.known_from <= now < self.closes and not paused
