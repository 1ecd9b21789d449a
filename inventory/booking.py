"""A booking as availability sees it: what was sold, or is held for somebody, or is asked for."""

from dataclasses import dataclass, replace

from inventory.campaign import Campaign, CampaignClass, HoursWindow
from segments.targets import Target


@dataclass(frozen=True, slots=True)
class Booking:
    """A quantity over a target and a flight, for a text that takes `size` characters of the room.

    `opens` and `closes` are UTC seconds, half open; no `hours` means every hour of the subscriber's
    clock. `settled` units of `quantity` are spent. `id` and `name` are for the carrier's eyes.
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

    @property
    def wanted(self) -> int:
        """Units still to come."""
        return max(0, self.quantity - self.settled)

    def moved(self, seconds: float) -> "Booking":
        """Return the same booking so much later."""
        return replace(self, opens=self.opens + seconds, closes=self.closes + seconds)


def booking_of(campaign: Campaign, settled: int, size: int) -> Booking | None:
    """Return a campaign's booking; None for a house campaign without a quantity, which blocks nobody.

    `size` is what its shortest text takes of the room, in characters.
    """
    if campaign.quantity is None:
        return None
    return Booking(
        campaign.id,
        campaign.name,
        campaign.campaign_class,
        campaign.target,
        campaign.starts_at.timestamp(),
        campaign.ends_at.timestamp(),
        campaign.hours,
        size,
        campaign.quantity,
        settled,
    )
