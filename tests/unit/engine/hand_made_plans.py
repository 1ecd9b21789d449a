"""Plans and offers made by hand, one cell at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from engine.decision import Decision, Offer
from engine.leasebook import Lease
from inventory.plan import (
    ROOM_CLASSES,
    Plan,
    PlannedCampaign,
    PlannedCreative,
    Vacancy,
    catalogue_digest,
    catalogue_octets,
)

NOON = 1_764_000_000.0 // 60 * 60
OPENS = NOON - 3600
CLOSES = NOON + 3600
TEXT = "Compra hoy"

Hours = tuple[tuple[tuple[int, ...], int, int], ...]


@dataclass(frozen=True)
class Cell:
    """What one group's cells hold, in every room class: shares by slot, lag list, why nobody."""

    shares: Mapping[int, float]
    lag: Sequence[int] = ()
    vacancy: Vacancy = Vacancy.NONE


def planned(
    number: int, *texts: str, hours: Hours = (), opens: float = OPENS, closes: float = CLOSES
) -> PlannedCampaign:
    """Return a campaign with one creative a text, of weights 1, 2, 3 and so on."""
    creatives = tuple(
        PlannedCreative(10 * number + at, text, at + 1) for at, text in enumerate(texts or (TEXT,))
    )
    return PlannedCampaign(number, opens, closes, hours, creatives)


def plan_of(
    catalogue: Sequence[PlannedCampaign], cells: Sequence[Cell], group_of_place: Sequence[int]
) -> Plan:
    """Return a plan whose groups hold the same in every room class."""
    octets = catalogue_octets(catalogue)
    row_start, row_end, row_share, row_slot = list[int](), list[int](), list[float](), list[int]()
    lag_start, lag_slot = [0], list[int]()
    for cell in cells:
        for _ in range(ROOM_CLASSES):
            row_start.append(len(row_slot))
            row_share += accumulate(cell.shares.values())
            row_slot += cell.shares
            row_end.append(len(row_slot))
            lag_slot += cell.lag
            lag_start.append(len(lag_slot))
    return Plan(
        version=1,
        numbering="test",
        catalogue_digest=catalogue_digest(octets),
        group_of_place=group_of_place,
        vacancy=[cell.vacancy for cell in cells for _ in range(ROOM_CLASSES)],
        row_start=row_start,
        row_end=row_end,
        row_share=row_share,
        row_slot=row_slot,
        lag_start=lag_start,
        lag_slot=lag_slot,
        catalogue_octets=octets,
    )


class Chance:
    """A random source that says what it is told to."""

    def __init__(self) -> None:
        self.value = 0.0

    def __call__(self) -> float:
        """Return the value set."""
        return self.value


class Table:
    """One decision over one place (time zone 0) whose group is one cell, with its leases at hand."""

    def __init__(self, catalogue: Sequence[PlannedCampaign], cell: Cell, held: int = 10) -> None:
        self.chance = Chance()
        self.leases = [Lease(campaign.number) for campaign in catalogue]
        for lease in self.leases:
            lease.held = held
        self.offers = [
            Offer(campaign, lease, " ") for campaign, lease in zip(catalogue, self.leases, strict=True)
        ]
        self.decision = Decision(plan_of(catalogue, [cell], [0]), self.offers, [0], self.chance)
        self.decision.at(NOON, (0,))
