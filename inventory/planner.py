"""The planner: plans from the books, by the allotment where there is one, by the deficit rule where not.

A plan is made every second and costs little: rows come from the allotment (or, by the deficit rule, in
proportion to lag), lag lists from where each campaign stands on its own curve of eligible traffic.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import tzinfo
from operator import is_

import numpy as np

from inventory.allotment import Allotment, NothingLost, Outlook, ReducedSupply, allot
from inventory.blackouts import NONE_YET, Blackout, blackout_octets
from inventory.books import ServingCampaign
from inventory.campaign import Campaign
from inventory.cells import CellMap, Ground, Reach
from inventory.contest import Indexes
from inventory.pacing import Pace, Quiet
from inventory.plan import Plan, catalogue_digest
from inventory.roster import Identity, Lineup, Roster, identity, settled_of
from inventory.rows import NOT_LISTED, Column
from inventory.supply import HOUR_S
from inventory.timeline import Mask
from segments.targets import Target

# Campaigns that open within this are shipped ahead, so that the first second is not lost.
AHEAD_S = 5.0
# Lag is looked at this far ahead: the plan lasts until the next one.
OUTLOOK_S = 1.0
# An allotment older than this many intervals is no longer followed.
STALE_INTERVALS = 3

# Of longer flights the time before is taken to have been like the rest.
LOOK_BACK_S = 14 * 24 * HOUR_S

CompileTarget = Callable[[Target], frozenset[int]]


# What a column is made of: the allotment that it follows, if any, cells, catalogue, slot of time.
_Laid = tuple[Allotment | None, CellMap, Roster, int]


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
        self._paces: dict[Identity, Pace] = {}
        self._cells: tuple[object, CellMap] | None = None
        self._now_cells: tuple[object, CellMap] | None = None
        self._column: tuple[_Laid, Column] | None = None
        self._lineup = Lineup(())
        self._running: Mask = np.zeros(0, dtype=np.bool_)
        self._roster = Roster.of([], {})
        self._digest: tuple[bytes, bytes, str] | None = None
        self._positions: tuple[Allotment, Roster, Indexes | None] | None = None
        self._blackouts: tuple[Blackout, ...] = ()
        self._blackout_octets = NONE_YET
        self.allotment: Allotment | None = None

    def keep_quiet(self, quiet: Quiet) -> None:
        """Take over quiet hours; where they are others, the allotment made for the former ones is dropped."""
        if quiet != self._ground.quiet:
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
        key = (tuple(identity(each.campaign) for each in booked), first, last)
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
        return made == {identity(each.campaign) for each in serving if not each.campaign.test}

    def plan(self, version: int, serving: Sequence[ServingCampaign], now: float) -> Plan:
        """Return the plan for `now` (UTC seconds).

        It may be made in a thread, one at a time, beside `allot` and `follow`. What depends on bookings alone
        is not worked out again while they are the same objects.
        """
        current, roster = self._on_duty(serving, now)
        allotment = self.allotment
        at = None if allotment is None else self._followable(allotment, roster, now)
        if allotment is None or at is None:
            column, lists = self._by_deficit(roster, current, now)
        else:
            column, lists = self._followed(allotment, at, roster, current, now)
        return Plan(
            version=version,
            numbering=self._numbering,
            catalogue_digest=self._digest_of(roster.catalogue, self._blackout_octets),
            catalogue_octets=roster.catalogue,
            blackout_octets=self._blackout_octets,
            **column.arrays(lists),  # type: ignore[arg-type]  # arrays of whole numbers but for row_share
        )

    def _on_duty(
        self, serving: Sequence[ServingCampaign], now: float
    ) -> tuple[list[ServingCampaign], Roster]:
        """Return the campaigns that run now but for tests, and the roster: the same for the same ones."""
        former, lineup = self._lineup, self._lineup.look(serving)
        running = (lineup.starts - AHEAD_S <= now) & (now < lineup.ends)
        current = [serving[at] for at in np.flatnonzero(running & ~lineup.test).tolist()]
        if lineup is former and np.array_equal(running, self._running):
            return current, self._roster
        self._lineup, self._running = lineup, running
        tests = [serving[at].campaign for at in np.flatnonzero(running & lineup.test).tolist()]
        identities = tuple(identity(each.campaign) for each in current)
        if (self._roster.identities, self._roster.tests) != (identities, tuple(map(identity, tests))):
            self._roster = Roster.of(current, {each: self._compile_target(each.target) for each in tests})
            kept = set(identities)
            self._paces = {key: pace for key, pace in self._paces.items() if key in kept}
        return current, self._roster

    def _followable(self, allotment: Allotment, roster: Roster, now: float) -> Indexes | None:
        """Return where an allotment has the campaigns of a roster; None when it may not be followed."""
        if not allotment.is_fresh(now, self._stale_s):
            return None
        known = self._positions
        if known is None or known[0] is not allotment or known[1] is not roster:
            known = self._positions = allotment, roster, allotment.positions(roster.identities)
        return known[2]

    def _digest_of(self, catalogue: bytes, blackouts: bytes) -> str:
        known = self._digest
        if known is None or known[0] is not catalogue or known[1] is not blackouts:
            known = self._digest = catalogue, blackouts, catalogue_digest(catalogue, blackouts)
        return known[2]

    def _followed(
        self,
        allotment: Allotment,
        at: Indexes,
        roster: Roster,
        current: Sequence[ServingCampaign],
        now: float,
    ) -> tuple[Column, Indexes]:
        """Return rows by the allotment, and lists of those behind their own curve."""
        cells = allotment.cells
        slot = cells.timeline.at(now)
        column = self._column_of(
            (allotment, cells, roster, slot),
            at,
            lambda column: column.lay_shares(allotment.rate, allotment.thinned(slot)),
        )
        order = np.full(cells.campaigns, NOT_LISTED)
        order[at] = roster.by_urgency(allotment, at, settled_of(current), now + OUTLOOK_S)
        return column, column.lists(order)

    def _by_deficit(
        self, roster: Roster, current: Sequence[ServingCampaign], now: float
    ) -> tuple[Column, Indexes]:
        """Return rows and lists by class and lag behind the national curve."""
        first = now // HOUR_S * HOUR_S
        key = (roster.identities, first)
        if self._now_cells is None or self._now_cells[0] != key:
            self._now_cells = key, CellMap(self._reaches(current), self._ground, first, first + 2 * HOUR_S)
        cells = self._now_cells[1]
        laid = (None, cells, roster, cells.timeline.at(now))
        column = self._column_of(laid, np.arange(len(current)), lambda _: None)
        elapsed = np.array([self._pace(each.campaign).elapsed(now + OUTLOOK_S) for each in current])
        settled = settled_of(current)
        lag = roster.lag(settled, elapsed, now + OUTLOOK_S)
        lag = roster.rescued(lag, settled, now + OUTLOOK_S)
        lists = column.lists(roster.by_class(lag))
        column.lay_lag(lists, roster.rank, lag)
        return column, lists

    def _column_of(self, laid: _Laid, at: Indexes, lay: Callable[[Column], None]) -> Column:
        """Return the cells of the slot that runs; `at` are the positions of those in the catalogue."""
        if self._column is None or not all(map(is_, self._column[0], laid)):
            _, cells, _, slot = laid
            catalogued = np.full(cells.campaigns, -1, dtype=np.intp)
            catalogued[at] = np.arange(len(at))
            column = Column(cells, slot, catalogued)
            lay(column)
            self._column = laid, column
        return self._column[1]

    def _reaches(self, serving: Sequence[ServingCampaign]) -> list[Reach]:
        wanted = {each.campaign.target for each in serving}
        targets = self._targets = {
            target: self._targets.get(target) or self._compile_target(target) for target in wanted
        }
        return [
            Reach(
                targets[each.campaign.target],
                each.campaign.starts_at.timestamp() - OUTLOOK_S,
                each.campaign.ends_at.timestamp(),
                each.campaign.hours,
                min(self._measure(creative.text) for creative in each.campaign.creatives),
                category=each.campaign.category,
            )
            for each in serving
        ]

    def _pace(self, campaign: Campaign) -> Pace:
        key = identity(campaign)
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
