"""One run: a history that the forecast learns from, a book, a day of traffic, what hindsight says of it."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml

from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.campaign_file import read_campaigns
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country, load_country
from adapters.simulator.allocation.runs import FIRST_HOUR
from adapters.simulator.allocation.traffic import DAY_HOURS, Mistake, arrivals, expected
from adapters.simulator.allocation.yardstick import Hindsight, look_back
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from inventory.document import Standards
from inventory.forecaster import WARM_DAYS
from inventory.plan import ROOM_CLASSES
from inventory.supply import HOUR_S, Supply
from tests.day.book import day_book, documents
from tests.day.traffic import DayTraffic
from tests.node.harness import Node, settings_for

DAY_S = DAY_HOURS * HOUR_S
WORKERS = 2
# From booking to the day's first notification: plan, lease, and let the second worker hear of it.
AHEAD_S = 6.0
READY_S = 60.0


@dataclass(frozen=True, slots=True)
class Day:
    """What one run is: `seconds` long, so many notifications a second on average."""

    seconds: float = 480
    rate: float = 250
    campaigns: int = 60
    sold: float = 0.9
    error: float = 0.3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: `whole` campaigns are those whose whole quantity the traffic that came allowed."""

    notifications: int
    asked: int
    optimum: int
    spent: int
    whole: int
    to_the_last: int
    missing: int
    over_delivered: int
    is_exact: bool
    late_ms: float

    @property
    def share(self) -> float:
        """What was spent, of the run's optimum."""
        return self.spent / max(1, self.optimum)


async def run(directory: Path, day: Day) -> Outcome:
    """Play one day through a node of its own."""
    country, chance = load_country(), Random(day.seed)
    forecast = _level(expected(country, FIRST_HOUR, DAY_HOURS, round(day.seconds * day.rate)))
    book = day_book(country, forecast, day.campaigns, day.sold, chance)
    came = arrivals(country, forecast, Mistake(day.error), np.random.default_rng(day.seed))
    traffic = DayTraffic(country, came, DAY_S / day.seconds, chance)
    texts = {each.campaign.name: each.campaign.creatives[0].text for each in book}
    async with SimulatedSmsc(ads=texts.values()) as smsc:
        node = Node(directory, _settings(smsc.port))
        node.config.write_text(yaml.safe_dump(node.settings), encoding="utf-8")
        async with open_database(settings_at(node.config)) as session:
            await _learn(session.pool, country, forecast, DAY_S / day.seconds)
        async with _running(node):
            begins = await _book(node, book, FIRST_HOUR * float(HOUR_S), DAY_S / day.seconds)
            platforms = [RawPlatform(*node.relay, keep_answers=False) for _ in range(WORKERS)]
            for each in platforms:
                await each.connect()
            await traffic.play(platforms, begins)
            counts = await node.settled(len(came), READY_S)
            for each in platforms:
                await each.close()
            assert await node.stop() == 0
    seen = traffic.seen(begins)
    late = (traffic.left_at - begins) - traffic.due()
    return _judge(
        look_back(country, book, seen), book, counts, smsc, len(came), float(np.quantile(late, 0.99))
    )


def _settings(smsc_port: int) -> dict[str, Any]:
    return settings_for(
        smsc_port,
        relay={"workers": WORKERS},
        planner={"every_seconds": 1},
    )


def _level(day: Supply) -> Supply:
    """Return the same traffic by place, as much in each hour: what an hourly forecast knows of minutes."""
    return Supply(day.first_hour, np.tile(day.by_hour.mean(axis=0), (day.hours, 1)), day.room_mix)


async def _learn(pool: Pool, country: Country, forecast: Supply, speed: float) -> None:
    """Count what the forecast learns from: weeks in which each hour was as busy as the run will be.

    An hour has one room class a place, in turn, so that classes are as many as the mix says.
    """
    now = time.time()
    hour = int(now // HOUR_S)
    running = now % HOUR_S / HOUR_S
    hours = (WARM_DAYS + 4) * DAY_HOURS  # days are whole ones on every clock
    places = np.flatnonzero(forecast.by_hour[0] > 0)
    counts = np.maximum(1, np.round(forecast.by_hour[0, places] * speed)).astype(int).tolist()
    mix = forecast.room_mix[places[0]]
    classes = np.random.default_rng(0).choice(ROOM_CLASSES, size=hours + 1, p=mix / mix.sum()).tolist()
    codes = [country.numbering.places[each].code for each in places.tolist()]
    rows = [
        (
            hour - back,
            code,
            classes[back],
            False,
            count if back else max(1, round(count * running)),
        )
        for back in range(hours + 1)
        for code, count in zip(codes, counts, strict=True)
    ]
    await pool.copy_records_to_table("supply_counts", records=rows)


async def _book(node: Node, book: list[Booked], first: float, speed: float) -> float:
    """Import the book, approved; return when its day begins (seconds since 1970)."""
    assert not (await node.logged("forecast_made", READY_S))["cold_start"]
    begins = datetime.fromtimestamp(time.time() + AHEAD_S, UTC)
    path = node.directory / "campaigns.yaml"
    path.write_text(yaml.safe_dump(documents(book, first, begins, speed)), encoding="utf-8")
    drafts = read_campaigns(path, Standards(default_rules(), load_geography(), datetime.now(UTC)))
    async with open_database(settings_at(node.config)) as session:
        await PostgresCampaigns(session.pool).add(drafts, approve=True, now=datetime.now(UTC))
    await node.gate(None)
    assert time.time() < begins.timestamp(), "it took too long to book"
    return begins.timestamp()


@asynccontextmanager
async def _running(node: Node) -> AsyncIterator[None]:
    try:
        await node.start()
        yield
    finally:
        if node.process is not None and node.process.returncode is None:
            await node.kill()


def _judge(
    hindsight: Hindsight,
    book: list[Booked],
    counts: Mapping[str, Any],
    smsc: SimulatedSmsc,
    notifications: int,
    late_s: float,
) -> Outcome:
    by_name = {each["name"]: each for each in counts["campaigns"]}
    settled = np.array([by_name[each.campaign.name]["ledger"]["settled"] for each in book])
    seen = [smsc.tally.counts[each.campaign.creatives[0].text] for each in book]
    quantity = np.array([each.quantity for each in book])
    whole = hindsight.fair * quantity > quantity - 1
    return Outcome(
        notifications=notifications,
        asked=int(quantity.sum()),
        optimum=hindsight.optimum,
        spent=int(np.minimum(settled, quantity).sum()),
        whole=int(whole.sum()),
        to_the_last=int((settled[whole] == quantity[whole]).sum()),
        missing=int((quantity - settled)[whole].sum()),
        over_delivered=int(np.maximum(0, settled - quantity).sum()),
        is_exact=[each.accepted for each in seen] == settled.tolist(),
        late_ms=1e3 * late_s,
    )
