"""Traffic of a simulated day: what the planner is told to expect, and what comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from adapters.simulator.allocation.country import Country
from inventory.contest import Indexes
from inventory.pacing import NATIONAL_CURVE
from inventory.plan import MAX_ROOM, ROOM_CLASS_FLOORS, ROOM_CLASSES
from inventory.supply import HOUR_S, Counts, Supply
from segments.clock import pinned_zone

MINUTE_S = 60
DAY_HOURS = 24

# Which share of notifications has room of a class: most bodies leave 60 to 110 characters.
ROOM_MIX = (0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.30, 0.15)
# What silent regions lose: (states, local hours from and to).
OUTAGE_STATES = ("MX-CMX", "MX-MEX")
OUTAGE_HOURS = (13, 16)


@dataclass(frozen=True, slots=True)
class Mistake:
    """How far what comes lies from the forecast: share by share.

    Per LADA U(1 ± error), per state U(1 ± ⅔ error), per hour U(1 ± ½ error), total kept, then × (1 + bias).
    """

    error: float = 0.0
    bias: float = 0.0
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Minute:
    """The notifications of one minute from `at` (UTC seconds) on: place index and room in characters."""

    at: float
    places: NDArray[np.int32]
    rooms: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came: minute (index from `first`), place and room of each notification, in order."""

    first: float
    minutes: int
    minute: NDArray[np.int32]
    places: NDArray[np.int32]
    rooms: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.minute)

    def blocks(self) -> Iterator[Minute]:
        """Return minute after minute, also those without notifications."""
        bounds = np.searchsorted(self.minute, np.arange(self.minutes + 1))
        for index in range(self.minutes):
            some = slice(bounds[index], bounds[index + 1])
            yield Minute(self.first + MINUTE_S * index, self.places[some], self.rooms[some])


def expected(country: Country, first_hour: int, hours: int, notifications: int) -> Supply:
    """Return a forecast: LADAs by weight, hours by the national curve on their own clocks."""
    places = country.numbering.places
    weight = np.array(
        [
            country.geography.ladas[place.lada].weight if place.municipality is None else 0.0
            for place in places
        ]
    )
    curves = np.array([_curve(name, first_hour, hours) for name in country.numbering.timezones])
    by_hour = (curves[np.asarray(country.numbering.zone_of)] * weight[:, None]).T
    mix = np.tile(np.array(ROOM_MIX) / sum(ROOM_MIX), (len(places), 1))
    return Supply(first_hour, by_hour * (notifications / by_hour.sum()), mix)


def _curve(zone: str, first_hour: int, hours: int) -> list[float]:
    local = pinned_zone(zone)
    instants = (datetime.fromtimestamp((first_hour + hour) * HOUR_S, UTC) for hour in range(hours))
    return [NATIONAL_CURVE[instant.astimezone(local).hour] for instant in instants]


def arrivals(country: Country, forecast: Supply, mistake: Mistake, chance: np.random.Generator) -> Arrivals:
    """Draw what comes when a forecast is mistaken."""
    rate = forecast.by_hour * _errors(country, forecast, mistake.error, chance)
    rate *= forecast.by_hour.sum() * (1 + mistake.bias) / rate.sum()
    total = round(float(rate.sum()))
    cells = chance.multinomial(total, (rate / rate.sum()).ravel())
    index = np.repeat(np.arange(cells.size), cells)
    hour, place = np.divmod(index, rate.shape[1])
    minute = hour * MINUTE_S + chance.integers(0, MINUTE_S, total)
    room = _rooms(forecast.room_mix, place, chance)
    kept = np.ones(total, dtype=np.bool_)
    if mistake.outage:
        kept = ~_silent(country, forecast)[hour, place]
    order = np.lexsort((chance.random(total), minute))
    order = order[kept[order]]
    first = float(forecast.first_hour * HOUR_S)
    minutes = forecast.hours * MINUTE_S
    return Arrivals(
        first,
        minutes,
        minute[order].astype(np.int32),
        place[order].astype(np.int32),
        room[order].astype(np.int32),
    )


def _errors(country: Country, forecast: Supply, error: float, chance: np.random.Generator) -> Counts:
    states = sorted({place.state for place in country.numbering.places})
    state_of_place = np.array([states.index(place.state) for place in country.numbering.places])
    lada = chance.uniform(1 - error, 1 + error, int(country.lada_of_place.max()) + 1)
    state = chance.uniform(1 - error * 2 / 3, 1 + error * 2 / 3, len(states))
    hour = chance.uniform(1 - error / 2, 1 + error / 2, forecast.hours)
    by_place = lada[country.lada_of_place] * state[state_of_place]
    return np.asarray(hour[:, None] * by_place[None, :], dtype=np.float64)


def _rooms(mix: Counts, place: Indexes, chance: np.random.Generator) -> Indexes:
    upto = np.cumsum(mix, axis=1)[place]
    room_class = np.minimum((chance.random(len(place))[:, None] >= upto).sum(axis=1), ROOM_CLASSES - 1)
    floors = np.array([*ROOM_CLASS_FLOORS, MAX_ROOM])
    low, high = floors[room_class], floors[room_class + 1]
    return np.asarray(low + (chance.random(len(place)) * (high - low)).astype(np.intp), dtype=np.intp)


def _silent(country: Country, forecast: Supply) -> NDArray[np.bool_]:
    """Return which (hour of the first day, place) is silent in an outage."""
    places = country.numbering.places
    silent = np.zeros((forecast.hours, len(places)), dtype=np.bool_)
    for at, place in enumerate(places):
        if place.state not in OUTAGE_STATES:
            continue
        zone = pinned_zone(place.timezone)
        for hour in range(min(DAY_HOURS, forecast.hours)):
            local = datetime.fromtimestamp((forecast.first_hour + hour) * HOUR_S, UTC).astimezone(zone)
            silent[hour, at] = OUTAGE_HOURS[0] <= local.hour < OUTAGE_HOURS[1]
    return silent
