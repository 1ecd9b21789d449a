"""Simulated runs: random days, seed after seed, or a day that somebody else made."""

import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country, load_country
from adapters.simulator.allocation.exchange import gather
from adapters.simulator.allocation.random_book import random_book
from adapters.simulator.allocation.rows import Row, Scenario, row
from adapters.simulator.allocation.rules import RULES
from adapters.simulator.allocation.traffic import DAY_HOURS, Arrivals, Minute, Mistake, arrivals, expected
from adapters.simulator.allocation.yardstick import Hindsight, Measured, look_back, measure
from inventory.contest import Indexes
from inventory.supply import HOUR_S, Supply

# Tuesday 2026-11-24, 00:00 in Mexico City.
FIRST_HOUR = 1_795_500_000 // HOUR_S


@dataclass(frozen=True, slots=True)
class Seeded:
    """What one seed gave: each algorithm's measures, its curves of what was delivered, and how many came."""

    notifications: int
    measured: dict[str, Measured]
    curves: dict[str, list[float]]


def simulate(scenario: Scenario, seeds: Sequence[int], algorithms: Sequence[str], jobs: int) -> list[Seeded]:
    """Simulate a scenario for each seed, `jobs` at a time."""
    if min(jobs, len(seeds)) < 2:
        return [_seeded(scenario, seed, algorithms) for seed in seeds]
    with ProcessPoolExecutor(min(jobs, len(seeds)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(_seeded, [scenario] * len(seeds), seeds, [algorithms] * len(seeds)))


def rows_of(scenario: Scenario, seeded: Sequence[Seeded]) -> list[Row]:
    """Return one row per algorithm."""
    notifications = sum(each.notifications for each in seeded)
    names = list(seeded[0].measured)
    return [row(name, scenario, notifications, [each.measured[name] for each in seeded]) for name in names]


def _seeded(scenario: Scenario, seed: int, algorithms: Sequence[str]) -> Seeded:
    country = load_country()
    forecast = expected(country, FIRST_HOUR, DAY_HOURS * scenario.days, scenario.notifications)
    book = random_book(country, forecast, scenario.campaigns, scenario.sold, random.Random(seed))  # noqa: S311  # a simulation's draws
    mistake = Mistake(scenario.error, scenario.bias, scenario.outage)
    came = arrivals(country, forecast, mistake, np.random.Generator(np.random.PCG64(seed)))
    return judged(country, book, forecast, came, seed, algorithms)


def judged(
    country: Country,
    book: Sequence[Booked],
    forecast: Supply,
    came: Arrivals,
    seed: int,
    algorithms: Sequence[str],
) -> Seeded:
    """Run algorithms over a day that is known, each minute by minute, and measure them."""
    hindsight = look_back(country, book, came)
    measured: dict[str, Measured] = {}
    curves: dict[str, list[float]] = {"eligible traffic": _weighted(hindsight)}
    for name in algorithms:
        rule = RULES[name](country, book, forecast, seed)
        chosen = np.fromiter(
            (campaign for minute in came.blocks() for campaign in rule.minute(minute)), np.intp, len(came)
        )
        measured[name] = measure(hindsight, book, came, chosen)
        curves[name] = _delivered(hindsight, came, chosen)
    return Seeded(len(came), measured, curves)


def decide(
    country: Country,
    book: Sequence[Booked],
    forecast: Supply,
    minutes: Iterable[Minute],
    seed: int,
    algorithm: str,
) -> Iterator[tuple[Minute, list[int]]]:
    """Decide minute by minute: each one's decisions are there before the next one is asked for."""
    rule = RULES[algorithm](country, book, forecast, seed)
    for minute in minutes:
        yield minute, rule.minute(minute)


def look_at(
    country: Country, book: Sequence[Booked], decided: Sequence[tuple[Minute, list[int]]]
) -> tuple[Measured, int]:
    """Measure decisions that were made minute by minute; also return how many notifications came."""
    came = gather([minute for minute, _ in decided])
    chosen = np.array([campaign for _, some in decided for campaign in some], dtype=np.intp)
    return measure(look_back(country, book, came), book, came, chosen), len(came)


def _weighted(hindsight: Hindsight) -> list[float]:
    weight = hindsight.quantity / max(1.0, float(hindsight.quantity.sum()))
    return [float(share) for share in weight @ hindsight.curve[:, 1:]]


def _delivered(hindsight: Hindsight, came: Arrivals, chosen: Indexes) -> list[float]:
    """Return which share of all quantities was delivered by the end of each step."""
    starts = came.first + 60.0 * came.minute[chosen >= 0]
    counts, _ = np.histogram(starts, hindsight.steps)
    total = max(1.0, float(hindsight.quantity.sum()))
    return [float(share) for share in np.cumsum(counts) / total]
