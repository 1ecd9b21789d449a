"""The planner: plans from the books, by the allotment where there is one, by the deficit rule where not.

A plan is made every second and costs little: rows come from the allotment (or, by the deficit rule, in
proportion to lag), lag lists from where each campaign stands on its own curve of eligible traffic.
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo

import numpy as np

from inventory.allotment import Allotment, NothingLost, Outlook, ReducedSupply, allot
from inventory.books import ServingCampaign
from inventory.campaign import Campaign, Pacing
from inventory.cells import CellMap, Ground, Reach
from inventory.contest import Indexes
from inventory.pacing import Pace, Quiet
from inventory.plan import Plan, PlannedCampaign, PlannedCreative, catalogue_digest, catalogue_octets
from inventory.rows import NOT_LISTED, Column
from inventory.supply import HOUR_S, Counts
from segments.targets import Target

# Campaigns that open within this are shipped ahead, so that the first second is not lost.
AHEAD_S = 5.0
# Lag is looked at this far ahead: the plan lasts until the next one.
OUTLOOK_S = 1.0
# An allotment older than this many intervals is no longer followed.
STALE_INTERVALS = 3

CompileTarget = Callable[[Target], frozenset[int]]


class Planner:
    """Makes plans from the books; remembers what depends on bookings alone.

    `compile_target` gives the dense place indexes of a target, `ground` the places and quiet hours,
    `measure` the characters a text takes of the room. Allotments plan with `supply_factor` of the
    expected supply; one is followed for STALE_INTERVALS times `every_s`.
    """

    def __init__(
        self,
        numbering: str,
        ground: Ground,
        compile_target: CompileTarget,
        measure: Callable[[str], int],
        zone: tzinfo,
        *,
        supply_factor: float = 0.93,
        every_s: float = 300.0,
        reduced: ReducedSupply | None = None,
    ) -> None:
        self._numbering = numbering
        self._ground = ground
        self._compile_target = compile_target
        self._measure = measure
        self._zone = zone
        self._supply_factor = supply_factor
        self._stale_s = STALE_INTERVALS * every_s
        self._reduced = reduced or NothingLost()
        self._targets: dict[Target, frozenset[int]] = {}
        self._paces: dict[tuple[int, int], Pace] = {}
        self._cells: tuple[object, CellMap] | None = None
        self._now_cells: tuple[object, CellMap] | None = None
        self._column: tuple[object, Column] | None = None
        self._catalogue: tuple[tuple[Campaign, ...], bytes] = ((), catalogue_octets([]))
        self.allotment: Allotment | None = None

    def keep_quiet(self, quiet: Quiet) -> None:
        """Take over other quiet hours; the allotment made for the former ones is dropped."""
        ground = self._ground
        self._ground = Ground(ground.timezones, ground.zone_of_place, quiet)
        self._paces.clear()
        self._cells = self._now_cells = self._column = self.allotment = None

    def allot(self, serving: Sequence[ServingCampaign], outlook: Outlook) -> Allotment | None:
        """Return a new allotment for campaigns that serve now or later; None where nothing is left to allot.

        Changes nothing that `plan` uses: it may run beside it, in another thread, one at a time.
        """
        booked = [each for each in serving if each.campaign.ends_at.timestamp() > outlook.at]
        expected_until = (outlook.expected.first_hour + outlook.expected.hours) * HOUR_S
        ends = [each.campaign.ends_at.timestamp() for each in booked]
        last = min(max(ends, default=0.0), expected_until)
        if last <= outlook.at:
            return None
        starts = [each.campaign.starts_at.timestamp() for each in booked]
        first = min(*starts, outlook.at) // HOUR_S * HOUR_S
        key = (tuple(_identity(each.campaign) for each in booked), first, last, self._ground.quiet)
        if self._cells is None or self._cells[0] != key:
            self._cells = key, CellMap(self._reaches(booked), self._ground, first, last)
        return allot(
            booked, self._cells[1], outlook, self._supply_factor, self._reduced, former=self.allotment
        )

    def plan(self, version: int, serving: Sequence[ServingCampaign], now: float) -> Plan:
        """Return the plan for `now` (UTC seconds)."""
        current = [
            each
            for each in serving
            if each.campaign.starts_at.timestamp() - AHEAD_S <= now < each.campaign.ends_at.timestamp()
        ]
        allotment = self.allotment
        if allotment is not None and allotment.serves(current, now, self._stale_s):
            column, lists = self._followed(allotment, current, now)
        else:
            column, lists = self._by_deficit(current, now)
        catalogue = self._catalogue_of([each.campaign for each in current])
        return Plan(
            version=version,
            numbering=self._numbering,
            catalogue_digest=catalogue_digest(catalogue),
            catalogue_octets=catalogue,
            **column.arrays(lists),  # type: ignore[arg-type]  # arrays of whole numbers but for row_share
        )

    def _followed(
        self, allotment: Allotment, current: Sequence[ServingCampaign], now: float
    ) -> tuple[Column, Indexes]:
        """Return rows by the allotment, and lists of those behind their own curve."""
        position = {number: at for at, (number, _) in enumerate(allotment.versions)}
        at = np.array([position[each.campaign.number] for each in current], dtype=np.intp)
        cells = allotment.cells
        column = self._column_of(cells, at, now, lambda column: column.lay_shares(allotment.share))
        elapsed = allotment.elapsed(now + OUTLOOK_S)[at]
        order = np.full(cells.campaigns, NOT_LISTED)
        order[at] = _order(current, _lag(current, elapsed, now + OUTLOOK_S))
        return column, column.lists(order)

    def _by_deficit(self, current: Sequence[ServingCampaign], now: float) -> tuple[Column, Indexes]:
        """Return rows and lists by class and lag behind the national curve."""
        first = now // HOUR_S * HOUR_S
        key = (tuple(_identity(each.campaign) for each in current), first)
        if self._now_cells is None or self._now_cells[0] != key:
            self._now_cells = key, CellMap(self._reaches(current), self._ground, first, first + 2 * HOUR_S)
        column = self._column_of(self._now_cells[1], np.arange(len(current)), now, lambda _: None)
        elapsed = np.array([self._pace(each.campaign).elapsed(now + OUTLOOK_S) for each in current])
        lag = _lag(current, elapsed, now + OUTLOOK_S)
        lists = column.lists(_order(current, lag))
        column.lay_lag(lists, _ranks(current), lag)
        return column, lists

    def _column_of(self, cells: CellMap, at: Indexes, now: float, lay: Callable[[Column], None]) -> Column:
        """Return the cells of the slot that runs; `at` are the positions of those in the catalogue."""
        slot = cells.timeline.at(now)
        key = (id(self.allotment), id(cells), slot, tuple(at.tolist()))
        if self._column is None or self._column[0] != key:
            catalogued = np.full(cells.campaigns, -1, dtype=np.intp)
            catalogued[at] = np.arange(len(at))
            column = Column(cells, slot, catalogued)
            lay(column)
            self._column = key, column
        return self._column[1]

    def _reaches(self, serving: Sequence[ServingCampaign]) -> list[Reach]:
        targets = {each.campaign.target for each in serving}
        self._targets = {
            target: self._targets.get(target) or self._compile_target(target) for target in targets
        }
        return [
            Reach(
                self._targets[each.campaign.target],
                each.campaign.starts_at.timestamp() - OUTLOOK_S,
                each.campaign.ends_at.timestamp(),
                each.campaign.hours,
                min(self._measure(creative.text) for creative in each.campaign.creatives),
            )
            for each in serving
        ]

    def _pace(self, campaign: Campaign) -> Pace:
        key = _identity(campaign)
        if key not in self._paces:
            self._paces[key] = Pace(campaign, self._zone, self._ground.quiet)
        return self._paces[key]

    def _catalogue_of(self, campaigns: Sequence[Campaign]) -> bytes:
        known = tuple(campaigns)
        if self._catalogue[0] != known:
            self._catalogue = known, catalogue_octets([_planned(campaign) for campaign in campaigns])
            keys = {_identity(campaign) for campaign in campaigns}
            self._paces = {key: pace for key, pace in self._paces.items() if key in keys}
        return self._catalogue[1]


def _identity(campaign: Campaign) -> tuple[int, int]:
    return campaign.number, campaign.version


def _ranks(current: Sequence[ServingCampaign]) -> Indexes:
    return np.array([each.campaign.campaign_class.rank for each in current], dtype=np.intp)


def _lag(current: Sequence[ServingCampaign], elapsed: Counts, now: float) -> Counts:
    """Return by how many units campaigns are behind their curves; above 0 they may catch up.

    From its start on `asap` lags by all that is left, `house` without a quantity always by one.
    """
    lag = np.zeros(len(current))
    for at, each in enumerate(current):
        campaign = each.campaign
        if now < campaign.starts_at.timestamp():
            continue
        if campaign.quantity is None:
            lag[at] = 1.0
        elif campaign.pacing is Pacing.ASAP:
            lag[at] = campaign.quantity - each.settled
        else:
            lag[at] = campaign.quantity * elapsed[at] - each.settled
    return lag


def _order(current: Sequence[ServingCampaign], lag: Counts) -> Indexes:
    """Return each campaign's place in the order in which they catch up: class, then lag, then as booked."""
    ranked = np.lexsort((-lag, _ranks(current)))
    place = np.empty(len(current), dtype=np.intp)
    place[ranked] = np.arange(len(current))
    place[lag <= 0] = NOT_LISTED
    return place


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
