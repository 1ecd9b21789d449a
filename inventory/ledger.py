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

    @property
    def in_flight(self) -> int:
        """Insertions that began less those that ended; a late answer's insertion had ended before."""
        return self.inserted - self.accepted - self.rejected - self.unknown

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


def written_off(held: int, in_flight: int, *, lost: bool) -> dict[Event, int]:
    """Return the events that end a dead worker's lease of one campaign; units that they spend stay spent.

    `held` = granted − returned − spent units; `in_flight` insertions have no outcome. Each of them is
    unknown and lies in `held`; those beyond it were refused, since a worker returns only units that
    came back to it. When `lost`, any other held unit may have been inserted without a trace.
    """
    open_ones = max(0, in_flight)
    unknown = min(held, open_ones)
    unseen = held - unknown if lost else 0
    events = {Event.INSERTED: unseen, Event.UNKNOWN: unknown + unseen, Event.REJECTED: open_ones - unknown}
    return {event: count for event, count in events.items() if count}
