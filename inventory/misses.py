"""Misses: how far forecasts made in the past lay from what came, and the scenarios drawn from that."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.cold_start import COUNTRY_SPREAD, LADA_SPREAD, STATE_SPREAD
from inventory.placement import Areas
from inventory.scenarios import HOURS_PER_DAY, Factors

Reals = NDArray[np.float64]

SCENARIOS = 250
# Past forecasts tell of days that far ahead, made a week apart; so many are needed to draw from them alone.
PATH_DAYS = 30
ORIGINS = 12
ENOUGH_ORIGINS = 6
# A few past forecasts understate how far the next one may miss.
WIDENED = 1.15
# Half of an assumed spread lasts the whole outlook, the rest is a day's own.
LASTING = 0.5
# Days from which a LADA's own spread is measured.
LADA_DAYS = 56
_SPREAD_BOUNDS = (0.02, 0.6)
DAY_SPREAD_PRIOR = 20.0


@dataclass(frozen=True, slots=True)
class Misses:
    """Logarithms of actual ÷ forecast by day ahead.

    `country` has shape (origins, PATH_DAYS); `states` (origins, states, PATH_DAYS) is what a state missed
    beyond the country; `ladas` (areas) is the daily spread of an area beyond its state.
    """

    country: Reals
    states: Reals
    ladas: Reals

    @property
    def enough(self) -> bool:
        """Tell whether they speak for themselves."""
        return len(self.country) >= ENOUGH_ORIGINS


def none_yet(areas: Areas) -> Misses:
    """Return the misses of a node that has no past forecasts to look at."""
    count = areas.states
    spread = np.full(len(areas.state_of_area), LADA_SPREAD)
    return Misses(np.zeros((0, PATH_DAYS)), np.zeros((0, count, PATH_DAYS)), spread)


def missed(came: Reals, forecast: Reals) -> tuple[Reals, Reals]:
    """Return the country's and the states' logarithms of actual ÷ forecast, both of (days × states)."""
    country = np.log((came.sum(axis=1) + 1) / (forecast.sum(axis=1) + 1))
    states = np.log((came + 1) / (forecast + 1)) - country[:, None]
    return country, np.ascontiguousarray(states.T)


def lada_spreads(by_day: Reals, areas: Areas) -> Reals:
    """Return each area's daily spread beyond its state and beyond chance, from (days × areas) counts."""
    days = by_day[-LADA_DAYS:]
    of_state = np.zeros((len(days), areas.states))
    np.add.at(of_state.T, areas.state_of_area, days.T)
    whole = of_state[:, areas.state_of_area]
    share = days.sum(axis=0) / np.maximum(whole.sum(axis=0), 1.0)
    due = share * whole
    sure = due > 0
    off = np.where(sure, (days - due) / np.sqrt(np.maximum(due, 1e-9)), 0.0)
    # (count − due)² ÷ due is 1 + due × spread² on average; bounded, so that one odd day says little.
    beyond = np.minimum((off**2 - 1) / np.maximum(due, 1.0), _SPREAD_BOUNDS[1] ** 2)
    weight = np.where(sure, due / (due + 100.0), 0.0)
    summed = (weight * beyond).sum(axis=0) + DAY_SPREAD_PRIOR * LADA_SPREAD**2
    squared = np.maximum(summed / (weight.sum(axis=0) + DAY_SPREAD_PRIOR), 0.0)
    return np.asarray(np.clip(np.sqrt(squared), *_SPREAD_BOUNDS), dtype=np.float64)


def draw(misses: Misses, areas: Areas, days: int, chance: np.random.Generator) -> Factors:
    """Return factors of actual ÷ forecast (SCENARIOS × days × areas)."""
    country, states = _seen(misses, areas, days, chance) if misses.enough else _assumed(areas, days, chance)
    size = (SCENARIOS, days, len(areas.state_of_area))
    lada = chance.standard_normal(size, dtype=np.float32) * misses.ladas.astype(np.float32)
    lada += country[:, :, None] + states[:, :, areas.state_of_area]
    return np.exp(lada, out=lada)


def _seen(misses: Misses, areas: Areas, days: int, chance: np.random.Generator) -> tuple[Factors, Factors]:
    """Draw whole paths of the past: the country's either way round, a state's among states of its size."""
    ahead = np.minimum(np.arange(days), PATH_DAYS - 1)
    origins = len(misses.country)
    sign = chance.choice((-WIDENED, WIDENED), SCENARIOS)
    country = misses.country[chance.integers(origins, size=SCENARIOS)][:, ahead] * sign[:, None]
    weight = np.bincount(areas.state_of_place, weights=areas.shares, minlength=areas.states)
    rank = np.argsort(np.argsort(weight))
    near = np.clip(rank + chance.integers(-4, 5, size=(SCENARIOS, areas.states)), 0, areas.states - 1)
    other = np.argsort(weight)[near]
    origin = chance.integers(origins, size=(SCENARIOS, areas.states))
    states = misses.states[origin, other][:, :, ahead].transpose(0, 2, 1)
    return country.astype(np.float32), states.astype(np.float32)


def _assumed(areas: Areas, days: int, chance: np.random.Generator) -> tuple[Factors, Factors]:
    def spread(size: tuple[int, ...], of: float) -> Factors:
        lasting = chance.standard_normal((size[0], 1, *size[2:])) * np.sqrt(LASTING)
        daily = chance.standard_normal(size) * np.sqrt(1 - LASTING)
        return np.asarray(of * (lasting + daily), dtype=np.float32)

    return spread((SCENARIOS, days), COUNTRY_SPREAD), spread((SCENARIOS, days, areas.states), STATE_SPREAD)


def by_area(by_hour: NDArray[np.float32], areas: Areas) -> Reals:
    """Return counts (whole days of hours × places) summed by day and area."""
    days = by_hour.reshape(-1, HOURS_PER_DAY, by_hour.shape[1]).sum(axis=1, dtype=np.float64)
    order = np.argsort(areas.area_of_place, kind="stable")
    starts = np.flatnonzero(np.diff(areas.area_of_place[order], prepend=-1))
    return np.add.reduceat(days[:, order], starts, axis=1)
