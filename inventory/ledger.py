"""What events do to a campaign's counts and to its ledger: quantity = settled + leased + free."""

from collections.abc import Mapping
from dataclasses import dataclass

from inventory.books import CountKey, Event


@dataclass(frozen=True, slots=True)
class Movement:
    """Changes to one campaign: counts, and units that move in the ledger.

    `spent` units go from leased to settled (and out of the worker's lease),
    `freed` units from settled to free. A rejected unit moves nothing: it stays with the worker.
    """

    inserted: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    spent: int = 0
    freed: int = 0

    def plus(self, other: "Movement", times: int) -> "Movement":
        """Return this movement and `times` the other."""
        return Movement(
            self.inserted + times * other.inserted,
            self.accepted + times * other.accepted,
            self.rejected + times * other.rejected,
            self.unknown + times * other.unknown,
            self.spent + times * other.spent,
            self.freed + times * other.freed,
        )


EFFECTS: Mapping[Event, Movement] = {
    Event.INSERTED: Movement(inserted=1),
    Event.ACCEPTED: Movement(accepted=1, spent=1),
    Event.REJECTED: Movement(rejected=1),
    Event.UNKNOWN: Movement(unknown=1, spent=1),
    Event.LATE_ACCEPTED: Movement(accepted=1, unknown=-1),
    Event.LATE_REJECTED: Movement(rejected=1, unknown=-1, freed=1),
}
"""One event of each kind: settled = accepted + unknown holds after every one of them."""


def movements(events: Mapping[tuple[CountKey, Event, str], int]) -> dict[int, Movement]:
    """Fold a batch's events into one movement a campaign, in the order of campaign numbers."""
    folded: dict[int, Movement] = {}
    for (key, event, _), count in events.items():
        folded[key.campaign] = folded.get(key.campaign, Movement()).plus(EFFECTS[event], count)
    return dict(sorted(folded.items()))
