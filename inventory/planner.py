"""The plan of this version: class first, then by lag; every cell gets shares and a short lag list.

Shares of a cell's row go to the campaigns of the first class that lags, in proportion to their
lag; the lag list holds the next ones, other classes included. The forecast-based planner will
fill the same table.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import accumulate, islice

from inventory.books import ServingCampaign
from inventory.campaign import Campaign
from inventory.pacing import Pace, Quiet, lag
from inventory.plan import (
    LAG_LIST_LENGTH,
    ROOM_CLASS_FLOORS,
    Plan,
    PlannedCampaign,
    PlannedCreative,
    Vacancy,
    catalogue_digest,
    catalogue_octets,
)
from segments.targets import Target

# Campaigns that open within this are shipped ahead, so that the first second is not lost.
AHEAD_S = 5.0
# Lag is looked at this far ahead: the plan lasts until the next one.
OUTLOOK_S = 1.0

# The room a text must fit by class: what fits a class's lower end fits all of it. The lowest class
# has no lower end to speak of, so what may fit some of it is tried there.
_FITTED_ROOMS = (ROOM_CLASS_FLOORS[1] - 1, *ROOM_CLASS_FLOORS[1:])

CompileTarget = Callable[[Target], frozenset[int]]


@dataclass(frozen=True, slots=True)
class _Ranked:
    slot: int
    rank: int
    lag: float
    shortest: int


class Planner:
    """Makes plans from the books; remembers what depends on targets alone.

    `compile_target` gives the dense place indexes of a target, `places` is how many there are,
    `measure` the characters a text takes of the room.
    """

    def __init__(
        self,
        numbering: str,
        places: int,
        compile_target: CompileTarget,
        measure: Callable[[str], int],
        zone: tzinfo,
        quiet: Quiet,
    ) -> None:
        self._numbering = numbering
        self._places = places
        self._compile_target = compile_target
        self._measure = measure
        self._zone = zone
        self._quiet = quiet
        self._paces: dict[tuple[int, int], Pace] = {}
        self._targets: dict[Target, frozenset[int]] = {}
        self._grouped_for: tuple[Target, ...] = ()
        self._group_of_place: list[int] = []
        self._members: list[frozenset[int]] = []

    def keep_quiet(self, quiet: Quiet) -> None:
        """Take over other quiet hours."""
        self._quiet = quiet
        self._paces.clear()

    def plan(self, version: int, serving: Iterable[ServingCampaign], now: float) -> Plan:
        """Return the plan for `now` (UTC seconds)."""
        current = [
            each
            for each in serving
            if each.campaign.starts_at.timestamp() - AHEAD_S <= now < each.campaign.ends_at.timestamp()
        ]
        campaigns = [each.campaign for each in current]
        self._group(tuple(campaign.target for campaign in campaigns))
        catalogue = catalogue_octets([_planned(campaign) for campaign in campaigns])
        rows = _Rows()
        order = self._order(current, now)
        lagging = [ranked for ranked in order if ranked.lag > 0]
        for members in self._members:
            rows.add_group([ranked for ranked in lagging if ranked.slot in members], booked=bool(members))
        return Plan(
            version=version,
            numbering=self._numbering,
            catalogue_digest=catalogue_digest(catalogue),
            catalogue_octets=catalogue,
            group_of_place=self._group_of_place,
            **rows.arrays(),
        )

    def _order(self, current: Sequence[ServingCampaign], now: float) -> list[_Ranked]:
        """Return all slots, first class first, most lagging first within it."""
        self._forget([each.campaign for each in current])
        ranked = [
            _Ranked(
                slot,
                each.campaign.campaign_class.rank,
                lag(each.campaign, each.settled, self._pace(each.campaign), now + OUTLOOK_S),
                min(self._measure(creative.text) for creative in each.campaign.creatives),
            )
            for slot, each in enumerate(current)
        ]
        return sorted(ranked, key=lambda each: (each.rank, -each.lag, each.slot))

    def _pace(self, campaign: Campaign) -> Pace:
        key = (campaign.number, campaign.version)
        if key not in self._paces:
            self._paces[key] = Pace(campaign, self._zone, self._quiet)
        return self._paces[key]

    def _forget(self, campaigns: Sequence[Campaign]) -> None:
        keys = {(campaign.number, campaign.version) for campaign in campaigns}
        self._paces = {key: pace for key, pace in self._paces.items() if key in keys}

    def _group(self, targets: tuple[Target, ...]) -> None:
        """Put places that the same campaigns may use into one group; group 0 is for nobody."""
        if targets == self._grouped_for and self._group_of_place:
            return
        self._targets = {
            target: self._targets.get(target) or self._compile_target(target) for target in set(targets)
        }
        slots_of_place: list[list[int]] = [[] for _ in range(self._places)]
        for slot, target in enumerate(targets):
            for place in self._targets[target]:
                slots_of_place[place].append(slot)
        groups: dict[tuple[int, ...], int] = {(): 0}
        self._group_of_place = [groups.setdefault(tuple(slots), len(groups)) for slots in slots_of_place]
        self._members = [frozenset(slots) for slots in groups]
        self._grouped_for = targets


class _Rows:
    """The cells' rows and lag lists, group after group, room class after room class."""

    def __init__(self) -> None:
        self._vacancy: list[int] = []
        self._row_start = [0]
        self._row_share: list[float] = []
        self._row_slot: list[int] = []
        self._lag_start = [0]
        self._lag_slot: list[int] = []

    def add_group(self, lagging: Sequence[_Ranked], *, booked: bool) -> None:
        """Add the cells of one group whose lagging campaigns come in serving order."""
        if not lagging:
            nobody = Vacancy.ON_PACE if booked else Vacancy.NO_CAMPAIGN
            for _ in ROOM_CLASS_FLOORS:
                self._add_cell((), nobody)
            return
        for room in _FITTED_ROOMS:
            fitting = (each for each in lagging if each.shortest <= room)
            candidates = list(islice(fitting, LAG_LIST_LENGTH))
            self._add_cell(candidates, Vacancy.NONE if candidates else Vacancy.NO_ROOM)

    def _add_cell(self, candidates: Sequence[_Ranked], vacancy: Vacancy) -> None:
        first = [each for each in candidates if each.rank == candidates[0].rank]
        total = sum(each.lag for each in first)
        self._row_share += accumulate(each.lag / total for each in first)
        self._row_slot += [each.slot for each in first]
        self._row_start.append(len(self._row_slot))
        self._lag_slot += [each.slot for each in candidates]
        self._lag_start.append(len(self._lag_slot))
        self._vacancy.append(vacancy)

    def arrays(self) -> Mapping[str, Sequence[int]]:
        """Return the arrays by their names in a plan."""
        return {
            "vacancy": self._vacancy,
            "row_start": self._row_start,
            "row_share": self._row_share,  # type: ignore[dict-item]  # the one array of floats
            "row_slot": self._row_slot,
            "lag_start": self._lag_start,
            "lag_slot": self._lag_slot,
        }


def _planned(campaign: Campaign) -> PlannedCampaign:
    return PlannedCampaign(
        number=campaign.number,
        opens=campaign.starts_at.timestamp(),
        closes=campaign.ends_at.timestamp(),
        hours=tuple((tuple(sorted(window.days)), window.start, window.end) for window in campaign.hours),
        creatives=tuple(
            PlannedCreative(creative.number, creative.text, creative.weight)
            for creative in campaign.creatives
        ),
    )
