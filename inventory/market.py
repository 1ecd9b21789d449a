"""The market: what was sold, laid over a forecast, ready to be asked how many more can be bought."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from inventory.availability import Availability, Contention, Emptiness, Prospect, Rival, SellOn, Tight
from inventory.booking import Booking
from inventory.campaign import CampaignClass
from inventory.cells import CellMap, Ground, Reach
from inventory.contest import BundledContest
from inventory.fairness import fair_units
from inventory.flow import Eligible, Flow, Indexes, Units
from inventory.forecast import Forecast
from inventory.portion import Portion, portion
from inventory.scenarios import P20
from inventory.supply import HOUR_S, Counts
from segments.targets import Target

# Flows are whole numbers: cells are counted in these parts of a notification, so that many small
# cells lose nothing to speak of.
_PARTS = 1000

# Units that fair shares may lose where they are counted in whole parts.
_ROUNDING = 0.5

_TIGHTEST = 5
_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Country:
    """What a market needs to know of places: `ground`, each place's state, and how a target is compiled."""

    ground: Ground
    states: Sequence[str]
    compile_target: Callable[[Target], frozenset[int]]
    day_of: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A booking that is asked for: its portion, what is reached of it, its units by cell and beside them."""

    portion: Portion
    reached: float
    counted: Counts
    unbooked: float


class Market:
    """Bookings over a forecast from `now` (UTC seconds) on, to the forecast's end.

    Guaranteed bookings are sold on `sell_on` beside guaranteed ones alone; other classes on P50 beside
    their own class and those above. P20 is taken in two steps, so that it holds for a booking's
    *whole* eligible supply: every cell is scaled by the country's P20, and what the booking's own
    P20 is below that is taken off what it can get. Of a flight that outlasts the forecast the part
    within it is looked at, with the quantity due in it by time; answers hold for the whole in proportion.
    """

    def __init__(
        self,
        bookings: Sequence[Booking],
        country: Country,
        forecast: Forecast,
        now: float,
        sell_on: SellOn,
    ) -> None:
        self.bookings = tuple(bookings)
        self.forecast = forecast
        self._country = country
        self._now = now
        self._sell_on = sell_on
        self.ends = (forecast.supply.first_hour + forecast.supply.hours) * float(HOUR_S)
        first = max(now // HOUR_S, forecast.supply.first_hour) * HOUR_S
        self.cells = CellMap([self._reach(each) for each in bookings], country.ground, first, self.ends)
        self._raw = self.cells.raw(forecast.supply, now)
        everything = Reach(frozenset(range(len(country.states))), now, self.ends, (), 0)
        whole = self._portion(everything)
        self._country_p20 = self._reached(whole) / whole.expected if whole.expected else 1.0
        self._flows: dict[tuple[SellOn, CampaignClass], Flow] = {}

    def sold_on(self, campaign_class: CampaignClass) -> SellOn:
        """Return which figure a class is sold on."""
        return self._sell_on if campaign_class is CampaignClass.GUARANTEED else "p50"

    def without(self, booking: str) -> "Market":
        """Return the market as it would be without one booking, by its id."""
        kept = [each for each in self.bookings if each.id != booking]
        return Market(kept, self._country, self.forecast, self._now, self._sell_on)

    def prepare(self) -> None:
        """Place every booking now, so that the first question takes no longer than the others."""
        for each in CampaignClass:
            for figure in sorted({self.sold_on(each), "p50"}):
                self._flow(figure, each)

    def states_of(self, target: Target) -> Sequence[str]:
        """Return the states that a target lies in."""
        return sorted({self._country.states[place] for place in self._country.compile_target(target)})

    def ask(self, wish: Booking) -> Availability:
        """Return how many can be bought of what `wish` describes (its quantity plays no part)."""
        sold_on = self.sold_on(wish.campaign_class)
        reach = self._reach(wish)
        reason = self._impossible(wish, reach)
        asked = self._lay(reach)
        mine = asked.portion
        if reason is None and mine.expected <= 0:
            reason = self._ruled_out(reach)
        if reason is not None:
            return Availability(sold_on, reason=reason, cold_start=self.forecast.cold_start)
        covered = self._covered(wish)
        return Availability(
            sold_on,
            p20=int(self._available(wish, asked, "p20") / covered),
            p50=int(self._available(wish, asked, "p50") / covered),
            expected=int(mine.expected / covered),
            reached=int(asked.reached / covered),
            quiet_cost=round((mine.before_quiet - mine.expected) / covered),
            blackout_cost=round((mine.before_blackout - mine.expected) / covered),
            room_cost=round((mine.before_room - mine.expected) / covered),
            counted_until=self.ends if wish.closes > self.ends else None,
            cold_start=self.forecast.cold_start,
        )

    def fits(self, wish: Booking) -> bool:
        """Tell whether the quantity that `wish` wants can be promised."""
        due = self._due(wish)
        return self._placed(wish, self._lay(self._reach(wish)), self.sold_on(wish.campaign_class), due) >= due

    def promises(self, wish: Booking, others: Sequence[Booking]) -> bool | None:
        """Tell whether `wish` can be promised beside `others`: bookings of now, most of them the market's.

        None where only a market made of `others` can tell: what was booked since is only laid where it may
        use all of a cell.
        """
        now = {each.id: each for each in others}
        mine = {each.id: replace(each, settled=0) for each in self.bookings}
        stays = [
            each.id in now and replace(now[each.id], settled=0) == mine[each.id] for each in self.bookings
        ]
        new = [each for each in others if replace(each, settled=0) != mine.get(each.id)]
        figure, lowest = self.sold_on(wish.campaign_class), wish.campaign_class
        flow, wished = self._fork(asked := self._lay(self._reach(wish)), figure, lowest)
        gone = [position for position, each in enumerate(stays) if not each]
        for position in gone:
            flow.drop(position)
        if gone:
            flow.place(self._goals(lowest, but=gone))
        for each in new:
            if each.campaign_class.rank <= lowest.rank:
                due = self._due(each) * _PARTS
                position = flow.add(*self._wholly(each, figure))
                flow.place({position: due})
                if flow.placed[position] < due:
                    return None
        if wish.usable < 1 and self._due(wish) > wish.usable * (
            asked.portion.expected if figure == "p50" else asked.reached
        ):
            return False
        goal = self._goal(asked, figure, self._due(wish))
        is_enough = flow.most(wished, goal) >= goal
        return is_enough if is_enough or not (gone or new) else None

    def explain(self, wish: Booking) -> Contention:
        """Return what stands in the way of the quantity that `wish` wants."""
        sold_on = self.sold_on(wish.campaign_class)
        asked = self._lay(self._reach(wish))
        flow, position = self._fork(asked, sold_on, wish.campaign_class)
        due = self._due(wish)
        flow.place({position: self._goal(asked, sold_on, due)})
        missing = due - max(0, flow.placed[position] - self._shortfall(asked, sold_on)) // _PARTS
        if missing <= 0:
            return Contention(0, displaced=self._displaced(wish, asked))
        found, _ = flow.rivals(position)
        taken, _ = asked.portion.poured(self.cells)
        contending = tuple(
            self._rival(each, self._overlap(flow, each, taken)) for each in np.flatnonzero(found).tolist()
        )
        days, states = self._tightest(asked.portion, self._taken(flow, position, sold_on))
        return Contention(missing, contending, self._displaced(wish, asked), days, states)

    def prospects(self) -> Sequence[Prospect]:
        """Return what every booking is expected to have at its end, by the shortage policy."""
        contest = self._contest()
        done = np.array([float(each.settled) for each in self.bookings])
        p20 = p50 = fair_units(contest, done, part=self._country_p20)
        if self._country_p20 > 1 or np.any(p20 < contest.wanted - _ROUNDING):  # else all get all on both
            p50 = fair_units(contest, done)
        return [
            Prospect(
                each.id,
                each.name,
                each.campaign_class,
                each.quantity,
                self._share_at_end(each, low),
                self._share_at_end(each, middle),
                self.sold_on(each.campaign_class),
            )
            for each, low, middle in zip(self.bookings, p20.tolist(), p50.tolist(), strict=True)
        ]

    def _share_at_end(self, booking: Booking, units: float) -> float:
        return min(1.0, (booking.settled + units / self._covered(booking)) / booking.quantity)

    def _reach(self, booking: Booking) -> Reach:
        places = self._country.compile_target(booking.target)
        return Reach(
            places, booking.opens, booking.closes, booking.hours, booking.size, category=booking.category
        )

    def _portion(self, reach: Reach) -> Portion:
        return portion(reach, self.cells, self._country.ground, self.forecast, self._now)

    def _lay(self, reach: Reach) -> _Asked:
        mine = self._portion(reach)
        return _Asked(mine, self._reached(mine), *mine.poured(self.cells))

    def _impossible(self, wish: Booking, reach: Reach) -> Emptiness | None:
        if not reach.places:
            return Emptiness.EMPTY_TARGET
        if wish.closes <= self._now:
            return Emptiness.PAST
        if wish.closes <= wish.opens:
            return Emptiness.TOO_SOON
        return Emptiness.BEYOND_FORECAST if wish.opens >= self.ends else None

    def _ruled_out(self, reach: Reach) -> Emptiness:
        """Return why a booking with a target and dates has nothing."""
        mine = self._portion(reach)
        if mine.before_blackout > 0:
            return Emptiness.BLACKOUT
        if mine.before_room > 0:
            return Emptiness.NO_ROOM
        anytime = self._portion(Reach(reach.places, reach.opens, reach.closes, (), 0))
        return Emptiness.NO_HOURS if anytime.before_quiet > 0 else Emptiness.NO_SUPPLY

    def _covered(self, booking: Booking) -> float:
        """Return the share of what is left of a flight that lies within the forecast."""
        opens = max(booking.opens, self._now)
        if booking.closes <= self.ends or opens >= self.ends:
            return 1.0
        return (self.ends - opens) / (booking.closes - opens)

    def _due(self, booking: Booking) -> int:
        """Return the wanted units that are due within the forecast."""
        return math.ceil(booking.wanted * self._covered(booking))

    def _reached(self, mine: Portion) -> float:
        """Return what is reached of a portion with 80 % probability."""
        return self.forecast.scenarios.total_of_days(mine.by_day, P20, mine.hours_squared)

    def _factor(self, figure: SellOn) -> float:
        return self._country_p20 if figure == "p20" else 1.0

    @cached_property
    def _supply(self) -> Counts:
        """What is still to come, by cell."""
        return self.cells.pour(self._raw)

    def _parts(self, figure: SellOn) -> Units:
        """Return each cell's supply in parts, and a last cell for what nobody booked may use."""
        parts = np.floor(np.append(self._supply, 0.0) * (self._factor(figure) * _PARTS))
        return parts.astype(np.int64)

    def _flow(self, figure: SellOn, lowest: CampaignClass) -> Flow:
        """Return the flow of bookings of a class and those above it."""
        if (figure, lowest) not in self._flows:
            above = [each for each in CampaignClass if each.rank == lowest.rank - 1]
            flow = (
                self._flow(figure, above[0]).fork() if above else Flow(self._parts(figure), self._eligible())
            )
            flow.place(self._goals(lowest))
            self._flows[figure, lowest] = flow
        return self._flows[figure, lowest]

    def _eligible(self) -> Eligible:
        """Return who may be served where, and a last cell that nobody booked may use."""
        start = np.append(self.cells.start, self.cells.start[-1])
        return Eligible(start, self.cells.campaign, len(self.bookings))

    def _goals(self, lowest: CampaignClass, but: Collection[int] = ()) -> Mapping[int, int]:
        """Return the parts due to bookings of a class and those above it, by position."""
        return {
            position: self._due(each) * _PARTS
            for position, each in enumerate(self.bookings)
            if each.campaign_class.rank <= lowest.rank and position not in but
        }

    def _wholly(self, booking: Booking, figure: SellOn) -> tuple[Indexes, Units]:
        """Return the cells of which a booking may use all, and their parts."""
        counted, parts = self._lay(self._reach(booking)).counted, self._parts(figure)[:-1]
        cells = np.flatnonzero((parts > 0) & (counted * (self._factor(figure) * _PARTS) >= parts))
        return cells, parts[cells]

    def _fork(self, asked: _Asked, figure: SellOn, lowest: CampaignClass) -> tuple[Flow, int]:
        """Return the flow with what is asked for added to it, and where."""
        flow = self._flow(figure, lowest).fork()
        factor = self._factor(figure) * _PARTS
        flow.left[-1] = int(asked.unbooked * factor)
        cells = np.append(np.flatnonzero(asked.counted), len(self.cells))
        wanted = np.append(asked.counted, asked.unbooked)[cells] * factor
        limits = np.minimum(np.floor(wanted + 0.5).astype(np.int64), self._limit(figure, flow)[cells])
        return flow, flow.add(cells, limits)

    def _limit(self, figure: SellOn, flow: Flow) -> Units:
        parts = self._parts(figure)
        parts[-1] = flow.left[-1]
        return parts

    def _shortfall(self, asked: _Asked, figure: SellOn) -> int:
        """Return the parts by which the booking's own P20 lies below the country's."""
        if figure == "p50":
            return 0
        return max(0, int((asked.portion.expected * self._country_p20 - asked.reached) * _PARTS))

    def _goal(self, asked: _Asked, figure: SellOn, quantity: int) -> int:
        return quantity * _PARTS + self._shortfall(asked, figure)

    def _placed(self, wish: Booking, asked: _Asked, figure: SellOn, quantity: int) -> int:
        """Return how many of a quantity can be had."""
        flow, position = self._fork(asked, figure, wish.campaign_class)
        most = flow.most(position, self._goal(asked, figure, quantity))
        reached = asked.portion.expected if figure == "p50" else asked.reached
        capped = math.inf if wish.usable >= 1 else wish.usable * reached
        return int(min(max(0, most - self._shortfall(asked, figure)) // _PARTS, capped))

    def _available(self, wish: Booking, asked: _Asked, figure: SellOn) -> int:
        return self._placed(wish, asked, figure, int(asked.portion.expected) + 1)

    def _rival(self, position: int, parts: int) -> Rival:
        booking = self.bookings[position]
        return Rival(booking.id, booking.name, booking.campaign_class, -(-parts // _PARTS))

    def _overlap(self, flow: Flow, position: int, taken: Counts) -> int:
        return int(flow.held(position)[taken[flow.cells(position)] > 0].sum())

    def _displaced(self, wish: Booking, asked: _Asked) -> tuple[Rival, ...]:
        """Return who would lose what if the quantity were forced: lower classes first, as few as can be."""
        figure = self.sold_on(wish.campaign_class)
        flow, position = self._fork(asked, figure, CampaignClass.HOUSE)
        before = flow.placed.copy()
        goal = self._goal(asked, figure, self._due(wish))
        flow.place({position: goal})
        for each in reversed(CampaignClass):
            members = [at for at, one in enumerate(self.bookings) if one.campaign_class is each]
            if members:
                flow.place({position: goal}, yielding=members)
        lost = [(at, before[at] - flow.placed[at]) for at in range(len(self.bookings))]
        return tuple(self._rival(at, parts) for at, parts in lost if parts >= _PARTS)

    def _taken(self, flow: Flow, position: int, figure: SellOn) -> Counts:
        """Return the share of each cell that others than the one at `position` hold."""
        parts = self._parts(figure)
        others = parts - flow.left
        others[flow.cells(position)] -= flow.held(position)
        share: Counts = others[:-1] / np.maximum(1, parts[:-1])
        return share

    def _tightest(self, mine: Portion, share: Counts) -> tuple[tuple[Tight, ...], tuple[Tight, ...]]:
        """Return the days and states of a portion of which others hold nearly all (`share` by cell)."""
        numbers = self.cells.cell_of[:, mine.groups[:, None], mine.slots]
        taken = mine.units * np.append(share, 0.0)[numbers]  # NOBODY is -1: the last one
        starts = self.cells.timeline.bounds[mine.slots]
        days = [self._country.day_of(at) for at in starts.tolist()]
        by_day = _ranked(days, mine.units.sum(axis=(0, 1)), taken.sum(axis=(0, 1)))
        of_group = taken.sum(axis=(0, 2)) / np.maximum(mine.units.sum(axis=(0, 2)), 1e-9)
        group = np.searchsorted(mine.groups, self.cells.group_of_place[mine.places])
        states = [self._country.states[place] for place in mine.places.tolist()]
        return by_day, _ranked(states, mine.by_place, mine.by_place * of_group[group])

    def _contest(self) -> BundledContest:
        """Return who wants what, by bundles: thousands of bookings have too many edges."""
        bundles = self.cells.bundles
        supply, bundles = bundles.together(self._raw, bundles.alike())
        due = np.array([float(self._due(each)) for each in self.bookings])
        return BundledContest(
            supply,
            bundles,
            wanted=due,
            quantity=due + np.array([float(each.settled) for each in self.bookings]),
            rank=np.array([each.campaign_class.rank for each in self.bookings], dtype=np.intp),
        )


def _ranked(labels: Sequence[str], units: Counts, taken: Counts) -> tuple[Tight, ...]:
    """Sum by label, and return those that are nearly full, the fullest first."""
    totals: dict[str, list[float]] = {}
    for label, one, part in zip(labels, units.tolist(), taken.tolist(), strict=True):
        total = totals.setdefault(label, [0.0, 0.0])
        total[0] += one
        total[1] += part
    shares = [Tight(label, min(1.0, part / one)) for label, (one, part) in totals.items() if one > 0]
    full = sorted((each for each in shares if each.share >= _FULL), key=lambda each: -each.share)
    return tuple(full[:_TIGHTEST])
