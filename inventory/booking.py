"""A booking as availability sees it: what was sold, or is held for somebody, or is asked for."""

from dataclasses import dataclass, replace

from inventory.campaign import CampaignClass, HoursWindow
from segments.targets import Target


@dataclass(frozen=True, slots=True)
class Booking:
    """A quantity over a target and a flight, for a text that takes `size` characters of the room.

    `opens` and `closes` are UTC seconds, half open; no `hours` means every hour of the subscriber's
    clock. `settled` units of `quantity` are spent. `id` and `name` are for the carrier's eyes. Of what it
    reaches its own caps leave it the `usable` share (0-1). Blackouts may be of its `category`.
    """

    id: str
    name: str
    campaign_class: CampaignClass
    target: Target
    opens: float
    closes: float
    hours: tuple[HoursWindow, ...]
    size: int
    quantity: int
    settled: int = 0
    usable: float = 1.0
    category: str = ""

    @property
    def wanted(self) -> int:
        """Units still to come."""
        return max(0, self.quantity - self.settled)

    def not_before(self, instant: float) -> "Booking":
        """Return the same booking, served from an instant (UTC seconds) on."""
        return replace(self, opens=max(self.opens, instant))

    def moved(self, seconds: float) -> "Booking":
        """Return the same booking so much later."""
        return replace(self, opens=self.opens + seconds, closes=self.closes + seconds)
