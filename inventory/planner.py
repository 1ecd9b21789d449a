"""The planner: plans from the books, by the allotment where there is one, by the deficit rule where not.

A plan is made every second and costs little: rows come from the allotment (or, by the deficit rule, in
proportion to lag), lag lists from where each campaign stands on its own curve of eligible traffic.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

import numpy as np

from inventory.allotment import Allotment, NothingLost, Outlook, ReducedSupply, allot
from inventory.blackouts import NONE_YET, Blackout, blackout_octets
from inventory.books import ServingCampaign
from inventory.campaign import Campaign, Pacing
from inventory.cells import CellMap, Ground, Reach
from inventory.contest import Indexes
from inventory.pacing import Pace, Quiet
from inventory.plan import Plan, PlannedCampaign, PlannedCreative, catalogue_digest, catalogue_octets
from inventory.rows import NOT_LISTED, Column
from inventory.supply import HOUR_S, Counts
from inventory.timeline import Mask
from segments.targets import Target

# Campaigns that open within this are shipped ahead, so that the first second is not lost.
AHEAD_S = 5.0
# Lag is looked at this far ahead: the plan lasts until the next one.
OUTLOOK_S = 1.0
# An allotment older than this many intervals is no longer followed.
STALE_INTERVALS = 3

# The deficit rule's rescue: in the last part of a flight, at most so long, all that is left may be served.
RESCUE_S = 7200.0
RESCUE_PART = 0.1

_LEAST_TRAFFIC = 1e-9

# Of longer flights the time before is taken to have been like the rest.
LOOK_BACK_S = 14 * 24 * HOUR_S

CompileTarget = Callable[[Target], frozenset[int]]


def _identity(campaign: Campaign) -> tuple[int, int]:
    return campaign.number, campaign.version


@dataclass(frozen=True, slots=True)
class _Roster:
    """What a plan needs of the campaigns in its catalogue, by slot."""

    identities: tuple[tuple[int, int], ...]
    tests: tuple[tuple[int, int], ...]
    catalogue: bytes
    rank: Indexes
    starts: Counts
    ends: Counts
    quantity: Counts
    eager: Mask
    unlimited: Mask

    @classmethod
    def of(cls, current: Sequence[ServingCampaign], tests: Mapping[Campaign, frozenset[int]]) -> "_Roster":
        """Return the roster of some campaigns, with test campaigns by their places behind them."""
        campaigns = [each.campaign for each in current]
        planned = [_planned(campaign) for campaign in campaigns]
        planned += [_planned(campaign, tuple(sorted(places))) for campaign, places in tests.items()]
        return cls(
            tuple(map(_identity, campaigns)),
            tuple(map(_identity, tests)),
            catalogue_octets(planned),
            np.array([campaign.campaign_class.rank for campaign in campaigns], dtype=np.intp),
            np.array([campaign.starts_at.timestamp() for campaign in campaigns]),
            np.array([campaign.ends_at.timestamp() for campaign in campaigns]),
            np.array([float(campaign.quantity or 0) for campaign in campaigns]),
            np.array([campaign.pacing is Pacing.ASAP for campaign in campaigns], dtype=np.bool_),
            np.array([campaign.quantity is None for campaign in campaigns], dtype=np.bool_),
        )

    def settled(self, current: Sequence[ServingCampaign]) -> Counts:
        """Return what was spent of each."""
        return np.array([float(each.settled) for each in current])

    def lag(self, settled: Counts, elapsed: Counts, now: float) -> Counts:
        """Return by how many units campaigns are behind their curves; above 0 they may catch up.

        From its start on `asap` lags by all that is left, `house` without a quantity always by one.
        """
        lag = self.quantity * np.where(self.eager, 1.0, elapsed) - settled
        lag[self.unlimited] = 1.0
        lag[now < self.starts] = 0.0
        return lag

    def rescued(self, lag: Counts, settled: Counts, now: float) -> Counts:
        """Return lags that grow to all that is left while the last part of a flight runs out."""
        window = np.minimum(RESCUE_S, RESCUE_PART * (self.ends - self.starts))
        part = np.clip(1 - (self.ends - now) / window, 0.0, 1.0)
        return np.where(self.unlimited, lag, np.maximum(lag, part * (self.quantity - settled)))

    def by_class(self, lag: Counts) -> Indexes:
        """Return each one's place in the deficit rule's order: class, then lag, then as booked."""
        return _places(np.lexsort((-lag, self.rank)), lag > 0)

    def by_urgency(self, allotment: Allotment, at: Indexes, settled: Counts, now: float) -> Indexes:
        """Return each one's place in the order in which they catch up; `at` are positions in the allotment.

        Who lags, or is tight, goes by how much of its coming traffic it needs to reach its target (which
        knows of classes); then `asap`, then what has no quantity and has had least.
        """
        lag = self.lag(settled, allotment.elapsed(now)[at], now)
        left = self.quantity - settled
        listed = np.where(allotment.tight[at] & (now >= self.starts), left, lag) > 0
        need = (allotment.target[at] - settled) / np.maximum(allotment.to_come(now)[at], _LEAST_TRAFFIC)
        need = np.where(self.unlimited, -settled, need)
        tier = np.where(self.unlimited, 2, np.where(self.eager, 1, 0))
        return _places(np.lexsort((-need, tier)), listed)


def _places(order: Indexes, listed: Mask) -> Indexes:
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    place[~listed] = NOT_LISTED
    return place


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
        self._roster = _Roster.of([], {})
        self._blackouts: tuple[Blackout, ...] = ()
        self._blackout_octets = NONE_YET
        self.allotment: Allotment | None = None

    def keep_quiet(self, quiet: Quiet) -> None:
        """Take over other quiet hours; the allotment made for the former ones is dropped."""
        self._stand_on(replace(self._ground, quiet=quiet))

    def obey(self, blackouts: tuple[Blackout, ...], now: float) -> bool:
        """Take over the blackouts that have not ended; tell whether they are others than before.

        What was made for others is dropped. One that has ended since changes nothing.
        """
        if blackouts == tuple(each for each in self._blackouts if each.ends > now):
            return False
        self._blackouts = blackouts
        self._blackout_octets = blackout_octets(blackouts, len(self._ground.zone_of_place))
        # Whoever may be served again is in the last plan before that; workers know the instant itself.
        early = tuple(replace(each, ends=each.ends - OUTLOOK_S) for each in blackouts)
        self._stand_on(replace(self._ground, blackouts=early))
        return True

    def _stand_on(self, ground: Ground) -> None:
        self._ground = ground
        self._paces.clear()
        self._cells = self._now_cells = self._column = self.allotment = None

    def allot(self, serving: Sequence[ServingCampaign], outlook: Outlook) -> Allotment | None:
        """Return a new allotment for campaigns that serve now or later; None where nothing is left to allot.

        Changes nothing that `plan` uses: it may run beside it, in another thread, one at a time.
        """
        booked = [
            each
            for each in serving
            if each.campaign.ends_at.timestamp() > outlook.at and not each.campaign.test
        ]
        expected_until = (outlook.expected.first_hour + outlook.expected.hours) * HOUR_S
        ends = [each.campaign.ends_at.timestamp() for each in booked]
        last = min(max(ends, default=0.0), expected_until)
        if last <= outlook.at:
            return None
        starts = [each.campaign.starts_at.timestamp() for each in booked]
        first = max(min(*starts, outlook.at), outlook.at - LOOK_BACK_S) // HOUR_S * HOUR_S
        ground, known = self._ground, self._cells
        key = (tuple(_identity(each.campaign) for each in booked), first, last)
        if known is None or known[0] != key or known[1].ground is not ground:
            known = self._cells = key, CellMap(self._reaches(booked), ground, first, last)
        return allot(booked, known[1], outlook, self._supply_factor, self._reduced, former=self.allotment)

    def follow(self, allotment: Allotment | None) -> None:
        """Take an allotment over, unless what it stands on has changed since; None for the deficit rule."""
        if allotment is None or allotment.cells.ground is self._ground:
            self.allotment = allotment

    def is_allotted(self, serving: Sequence[ServingCampaign]) -> bool:
        """Tell whether the allotment was made for just these campaigns."""
        made = None if self.allotment is None else set(self.allotment.versions)
        return made == {_identity(each.campaign) for each in serving if not each.campaign.test}

    def plan(self, version: int, serving: Sequence[ServingCampaign], now: float) -> Plan:
        """Return the plan for `now` (UTC seconds)."""
        running = [
            each
            for each in serving
            if each.campaign.starts_at.timestamp() - AHEAD_S <= now < each.campaign.ends_at.timestamp()
        ]
        current = [each for each in running if not each.campaign.test]
        roster = self._roster_of(current, [each.campaign for each in running if each.campaign.test])
        allotment = self.allotment
        if allotment is not None and allotment.serves(roster.identities, now, self._stale_s):
            column, lists = self._followed(allotment, roster, current, now)
        else:
            column, lists = self._by_deficit(roster, current, now)
        return Plan(
            version=version,
            numbering=self._numbering,
            catalogue_digest=catalogue_digest(roster.catalogue, self._blackout_octets),
            catalogue_octets=roster.catalogue,
            blackout_octets=self._blackout_octets,
            **column.arrays(lists),  # type: ignore[arg-type]  # arrays of whole numbers but for row_share
        )

    def _followed(
        self, allotment: Allotment, roster: _Roster, current: Sequence[ServingCampaign], now: float
    ) -> tuple[Column, Indexes]:
        """Return rows by the allotment, and lists of those behind their own curve."""
        position = {identity: at for at, identity in enumerate(allotment.versions)}
        at = np.array([position[identity] for identity in roster.identities], dtype=np.intp)
        cells = allotment.cells
        slot = cells.timeline.at(now)
        column = self._column_of(
            cells, at, now, lambda column: column.lay_shares(allotment.rate, allotment.thinned(slot))
        )
        order = np.full(cells.campaigns, NOT_LISTED)
        order[at] = roster.by_urgency(allotment, at, roster.settled(current), now + OUTLOOK_S)
        return column, column.lists(order)

    def _by_deficit(
        self, roster: _Roster, current: Sequence[ServingCampaign], now: float
    ) -> tuple[Column, Indexes]:
        """Return rows and lists by class and lag behind the national curve."""
        first = now // HOUR_S * HOUR_S
        key = (roster.identities, first)
        if self._now_cells is None or self._now_cells[0] != key:
            self._now_cells = key, CellMap(self._reaches(current), self._ground, first, first + 2 * HOUR_S)
        column = self._column_of(self._now_cells[1], np.arange(len(current)), now, lambda _: None)
        elapsed = np.array([self._pace(each.campaign).elapsed(now + OUTLOOK_S) for each in current])
        settled = roster.settled(current)
        lag = roster.lag(settled, elapsed, now + OUTLOOK_S)
        lag = roster.rescued(lag, settled, now + OUTLOOK_S)
        lists = column.lists(roster.by_class(lag))
        column.lay_lag(lists, roster.rank, lag)
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
                category=each.campaign.category,
            )
            for each in serving
        ]

    def _pace(self, campaign: Campaign) -> Pace:
        key = _identity(campaign)
        if key not in self._paces:
            self._paces[key] = Pace(campaign, self._zone, self._ground.quiet, self._gaps(campaign))
        return self._paces[key]

    def _gaps(self, campaign: Campaign) -> list[tuple[float, float]]:
        """Return when blackouts rule a campaign out at all of its places."""
        target = self._targets.get(campaign.target) or self._compile_target(campaign.target)
        return [
            (each.begins, each.ends)
            for each in self._blackouts
            if each.concerns(campaign.category) and target <= each.places
        ]

    def _roster_of(self, current: Sequence[ServingCampaign], tests: Sequence[Campaign]) -> _Roster:
        identities = tuple(_identity(each.campaign) for each in current)
        if (self._roster.identities, self._roster.tests) != (identities, tuple(map(_identity, tests))):
            self._roster = _Roster.of(current, {each: self._compile_target(each.target) for each in tests})
            self._paces = {key: pace for key, pace in self._paces.items() if key in set(identities)}
        return self._roster


def _planned(campaign: Campaign, test_places: tuple[int, ...] | None = None) -> PlannedCampaign:
    return PlannedCampaign(
        number=campaign.number,
        opens=campaign.starts_at.timestamp(),
        closes=campaign.ends_at.timestamp(),
        hours=tuple((tuple(sorted(window.days)), window.start, window.end) for window in campaign.hours),
        creatives=tuple(
            PlannedCreative(creative.number, creative.text, creative.weight)
            for creative in campaign.creatives
        ),
        test_places=test_places,
        brand=campaign.brand,
        category=campaign.category,
        caps=tuple((cap.count, cap.per.value, cap.scope.value) for cap in campaign.frequency_caps),
        spacing_minutes=campaign.spacing_minutes or 0,
        exclude_brands=campaign.exclude_brands,
        exclude_callers=campaign.exclude_callers,
    )
