"""The forecaster: from what was counted to what is expected of the next days."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import numpy as np

from inventory.calendar import Holidays, Hours, local_hours, span
from inventory.cold_start import place_shares
from inventory.forecast import Forecast
from inventory.history import History
from inventory.misses import (
    ORIGINS,
    PATH_DAYS,
    SCENARIOS,
    Misses,
    Reals,
    by_area,
    draw,
    lada_spreads,
    missed,
    none_yet,
)
from inventory.placement import Areas, placed, rooms
from inventory.scenarios import HOURS_PER_DAY, Index, Scenarios, areas
from inventory.seasons import Seasons, fit
from inventory.supply import Supply
from segments.places import Place

# With fewer whole days the forecast is marked cold_start.
WARM_DAYS = 14
# Past forecasts are looked at when at least this much lay before them.
LEARNED_DAYS = 28
HOUR_SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class _Course:
    """A history by state, on the states' clocks."""

    counts: Reals
    local: Hours

    def upto(self, rows: int) -> "_Course":
        return _Course(self.counts[:rows], self.local[:rows])


class Forecaster:
    """Forecasts for one numbering plan; `places` are its places in dense order.

    `weights` is the assumed traffic by LADA (segments.geography), `zone` gives a time zone by its IANA
    name, `country_zone` the one in which the country's days are counted.
    """

    def __init__(
        self,
        places: Sequence[Place],
        weights: Mapping[str, float],
        zone: Callable[[str], tzinfo],
        country_zone: str,
    ) -> None:
        self._places = tuple(places)
        self.states: Sequence[str] = sorted({place.state for place in places})
        self.areas = _areas(self._places, self.states, place_shares(self._places, weights))
        self._zone = zone
        self._country_zone = country_zone
        self._zone_of_state = _main_zones(self._places, self.areas, len(self.states))
        self._holidays = Holidays()

    @property
    def lada_of_place(self) -> Index:
        """Each place's LADA as an index, as `inventory.forecast.corrected` takes it."""
        return self.areas.lada_of_place

    def forecast(
        self,
        history: History,
        first_hour: int,
        hours: int,
        chance: np.random.Generator,
        known_until: int | None = None,
    ) -> Forecast:
        """Return the forecast of `hours` from `first_hour` on, from what was counted before.

        With `known_until`, hours of the first day before that one shape it too: on a node's first day
        there is nothing else. Later hours are not looked at: a clock that ran ahead leaves such.
        """
        history = history.before(first_hour if known_until is None else known_until)
        course = self._course(history)
        local = self.local_hours(first_hour, hours)
        seasons = self._fit(course, _first_day(local))
        by_state = seasons.project(local, self._holidays)
        past = self.local_hours(history.first_hour, history.hours)
        by_hour = placed(history, past, self.areas).place(by_state, local, self.areas)
        alphabets = rooms(history, self.areas)
        misses = self._misses(history, course, seasons)
        return Forecast(
            supply=Supply(first_hour, by_hour, alphabets.sum(axis=1)),
            alphabets=alphabets,
            scenarios=self._scenarios(misses, first_hour, hours, chance),
            cold_start=seasons.days_seen < WARM_DAYS,
        )

    def by_state(self, history: History, first_hour: int, hours: int) -> Reals:
        """Return what is expected of each state (hours × states, in the order of `states`)."""
        course = self._course(history.before(first_hour))
        local = self.local_hours(first_hour, hours)
        seasons = self._fit(course, _first_day(local))
        return seasons.project(local, self._holidays)

    def _course(self, history: History) -> _Course:
        counts = self.areas.by_state(history.by_hour)
        return _Course(counts, self.local_hours(history.first_hour, history.hours))

    def local_hours(self, first_hour: int, hours: int) -> Hours:
        """Return local hours by (hour, state)."""
        clocks = {name: local_hours(first_hour, hours, self._zone(name)) for name in set(self._zone_of_state)}
        return np.stack([clocks[name] for name in self._zone_of_state], axis=1)

    def _fit(self, course: _Course, upto: int) -> Seasons:
        shares = np.bincount(self.areas.state_of_place, weights=self.areas.shares)
        return fit(course.counts, course.local, np.asarray(shares, np.float64), self._holidays, upto)

    def _misses(self, history: History, course: _Course, seasons: Seasons) -> Misses:
        if seasons.last < 0:
            return none_yet(self.areas)
        whole = history.hours - history.hours % HOURS_PER_DAY
        spreads = lada_spreads(by_area(history.by_hour[history.hours - whole :], self.areas), self.areas)
        rows = [
            row
            for week in range(ORIGINS)
            if (row := history.hours - HOURS_PER_DAY * (PATH_DAYS + 7 * week)) >= LEARNED_DAYS * HOURS_PER_DAY
        ]
        paths = [self._missed_from(course, row) for row in rows]
        if not paths:
            return Misses(none_yet(self.areas).country, none_yet(self.areas).states, spreads)
        return Misses(np.array([path[0] for path in paths]), np.array([path[1] for path in paths]), spreads)

    def _missed_from(self, course: _Course, row: int) -> tuple[Reals, Reals]:
        """Forecast the PATH_DAYS from a row of the past on, and compare with what came."""
        known = course.upto(row)
        span = slice(row, row + PATH_DAYS * HOURS_PER_DAY)
        local = course.local[span]
        expected = self._fit(known, _first_day(local)).project(local, self._holidays)
        shape = (PATH_DAYS, HOURS_PER_DAY, course.counts.shape[1])
        return missed(course.counts[span].reshape(shape).sum(axis=1), expected.reshape(shape).sum(axis=1))

    def _scenarios(
        self, misses: Misses, first_hour: int, hours: int, chance: np.random.Generator
    ) -> Scenarios:
        clock = local_hours(first_hour, 1, self._zone(self._country_zone))
        offset = int(clock[0]) % HOURS_PER_DAY
        days = max(1, -(-(hours + offset) // HOURS_PER_DAY))
        factors = draw(misses, self.areas, days, chance)
        noise = chance.standard_normal(SCENARIOS)
        return Scenarios(factors, self.areas.area_of_place, offset, noise, HOUR_SPREAD)


def _first_day(local: Hours) -> int:
    """Return the first day (since 1970-01-01) of a forecast, which no history tells whole."""
    return span(local[:1] // HOURS_PER_DAY)[0]


def _areas(places: Sequence[Place], states: Sequence[str], shares: Reals) -> Areas:
    state_index = {state: index for index, state in enumerate(states)}
    area_of_place, pairs = areas([place.state for place in places], [place.lada for place in places])
    lada_index = {lada: index for index, lada in enumerate(sorted({place.lada for place in places}))}
    return Areas(
        np.array([state_index[place.state] for place in places], dtype=np.intp),
        area_of_place,
        np.array([lada_index[place.lada] for place in places], dtype=np.intp),
        np.array([state_index[state] for state, _ in pairs], dtype=np.intp),
        np.array([lada_index[lada] for _, lada in pairs], dtype=np.intp),
        shares,
    )


def _main_zones(places: Sequence[Place], of: Areas, states: int) -> Sequence[str]:
    """Return for each state the time zone that most of its traffic lives in."""
    weights: list[dict[str, float]] = [{} for _ in range(states)]
    for index, place in enumerate(places):
        mine = weights[int(of.state_of_place[index])]
        mine[place.timezone] = mine.get(place.timezone, 0.0) + float(of.shares[index])
    return [max(mine, key=lambda name: mine[name]) for mine in weights]
