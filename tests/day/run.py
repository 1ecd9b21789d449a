"""One run: a history that the forecast learns from, a book, a day of traffic, what hindsight says of it."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

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
from adapters.simulator.allocation.traffic import DAY_HOURS, Arrivals, Mistake, arrivals, expected
from adapters.simulator.allocation.yardstick import look_back
from adapters.simulator.pdu import Submit
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from inventory.document import Standards
from inventory.forecaster import WARM_DAYS
from inventory.plan import ROOM_CLASSES
from inventory.supply import HOUR_S, Supply
from tests.day.book import day_book, documents
from tests.day.losses import Loss, losses
from tests.day.traffic import DayTraffic
from tests.day.watch import Told, Watched, watching
from tests.node.harness import Node, settings_for

DAY_S = DAY_HOURS * HOUR_S
WORKERS = 2
EVERY_S = 2
READY_S = 120.0
# Lines of the node's log that are told when a run fails.
SAID = 20


@dataclass(frozen=True, slots=True)
class Day:
    """What one run is: `seconds` long, so many notifications a second on average.

    From booking to the first notification pass `ahead_s`: plan, lease, let the second worker hear of it.
    """

    seconds: float = 240
    rate: float = 200
    campaigns: int = 60
    sold: float = 0.9
    error: float = 0.3
    seed: int = 1
    ahead_s: float = 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: `whole` campaigns are those whose whole quantity the traffic that came allowed.

    `behind_s` is how much of the day was cut off, as it left later than drawn; `allotted_s` the longest
    time between two allotments, `bare` why notifications had no ad, `lost` who ended short.
    """

    notifications: int
    asked: int
    optimum: int
    spent: int
    whole: int
    to_the_last: int
    over_delivered: int
    is_exact: bool
    behind_s: float
    bare: Mapping[str, int]
    watched: Watched
    allotted_s: float
    lost: Sequence[Loss]

    @property
    def share(self) -> float:
        """What was spent, of the run's optimum."""
        return self.spent / max(1, self.optimum)


class Recorder(SimulatedSmsc):
    """An SMSC that remembers which ad went to which number; a number gets one notification a day."""

    def __init__(self, ads: Iterable[str]) -> None:
        super().__init__(ads=ads)
        self.ad_of: dict[str, str] = {}

    def take(self, submit: Submit) -> tuple[str | None, str | None]:
        """As the simulated SMSC, and remember."""
        text, ad = super().take(submit)
        if ad is not None:
            self.ad_of[submit.destination.decode("ascii")] = ad
        return text, ad


async def run(directory: Path, day: Day, told: Told | None = None) -> Outcome:
    """Play one day through a node of its own; lines of progress are told."""
    country, chance = load_country(), Random(day.seed)
    forecast = _level(expected(country, FIRST_HOUR, DAY_HOURS, round(day.seconds * day.rate)))
    book = day_book(country, forecast, day.campaigns, day.sold, chance)
    came = arrivals(country, forecast, Mistake(day.error), np.random.default_rng(day.seed))
    speed = DAY_S / day.seconds
    traffic, watched = DayTraffic(country, came, speed, chance), Watched()
    asked = sum(each.quantity for each in book)

    def line(watched: Watched) -> str:
        return (
            f"{traffic.now():5.0f} s of {day.seconds:.0f}  {traffic.sent:>9,} of {len(came):,} sent  "
            f"{watched.settled:>9,} of {asked:,} units  plans late {watched.late} of {watched.looks}"
        )

    async with Recorder(each.campaign.creatives[0].text for each in book) as smsc:
        node = Node(directory, _settings(smsc.port))
        node.config.write_text(yaml.safe_dump(node.settings), encoding="utf-8")
        async with open_database(settings_at(node.config)) as session:
            await _learn(session.pool, country, forecast, speed)
        async with _running(node):
            begins = await _book(node, book, FIRST_HOUR * float(HOUR_S), speed, day.ahead_s)
            flights = await _flights(node)
            watched.ends = dict(flights.values())
            async with watching(node, watched, line, told):
                platforms = [RawPlatform(*node.relay, keep_answers=False) for _ in range(WORKERS)]
                for each in platforms:
                    await each.connect()
                await traffic.play(platforms, begins)
                counts = await node.settled(traffic.sent, READY_S)
            for each in platforms:
                await each.close()
            assert await node.stop() == 0
    seen, order = traffic.seen(begins)
    position = {each.campaign.creatives[0].text: at for at, each in enumerate(book)}
    chosen = np.full(len(came), -1, dtype=np.intp)
    for number, ad in smsc.ad_of.items():
        chosen[traffic.index_of[number]] = position[ad]
    held = [watched.at_end.get(flights[each.campaign.name][0], (0, 0)) for each in book]
    allotted = [datetime.fromisoformat(each["timestamp"]).timestamp() for each in node.events("allotted")]
    during = [each for each in allotted if begins <= each < begins + day.seconds]
    return _Played(
        country, book, seen, chosen[order], counts, traffic.sent, traffic.behind_s, watched, held, during
    ).judge()


def _settings(smsc_port: int) -> dict[str, Any]:
    return settings_for(
        smsc_port,
        relay={"workers": WORKERS},
        # Allotments every few minutes of the day; followed for three times as long.
        planner={"every_seconds": EVERY_S},
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


async def _book(node: Node, book: list[Booked], first: float, speed: float, ahead_s: float) -> float:
    """Import the book, approved; return when its day begins (seconds since 1970)."""
    assert not (await node.logged("forecast_made", READY_S))["cold_start"]
    begins = datetime.fromtimestamp(time.time() + ahead_s, UTC)
    path = node.directory / "campaigns.yaml"
    path.write_text(yaml.safe_dump(documents(book, first, begins, speed)), encoding="utf-8")
    drafts = read_campaigns(path, Standards(default_rules(), load_geography(), datetime.now(UTC)))
    async with open_database(settings_at(node.config)) as session:
        await PostgresCampaigns(session.pool).add(drafts, approve=True, now=datetime.now(UTC))
    await node.gate(None)
    assert time.time() < begins.timestamp(), "it took too long to book: --ahead-s gives it more time"
    return begins.timestamp()


async def _flights(node: Node) -> Mapping[str, tuple[int, float]]:
    """Return each campaign's number and end (seconds since 1970) by its name."""
    rows = await node.fetch("SELECT name, number, ends_at FROM campaigns")
    return {row["name"]: (row["number"], row["ends_at"].timestamp()) for row in rows}


@asynccontextmanager
async def _running(node: Node) -> AsyncIterator[None]:
    try:
        await node.start()
        yield
    except Exception as error:
        told = [line for line in node.log_text().splitlines() if '"level": "info"' not in line]
        error.add_note("\n".join(["what the node said:", *told[-SAID:]]))
        raise
    finally:
        if node.process is not None and node.process.returncode is None:
            await node.kill()


@dataclass(frozen=True, slots=True)
class _Played:
    """What a run leaves to be judged."""

    country: Country
    book: list[Booked]
    seen: Arrivals
    chosen: NDArray[np.intp]
    counts: Mapping[str, Any]
    sent: int
    behind_s: float
    watched: Watched
    held: list[tuple[int, int]]
    allotted: list[float]

    def judge(self) -> Outcome:
        """Hold it against hindsight."""
        hindsight = look_back(self.country, self.book, self.seen)
        by_name = {each["name"]: each for each in self.counts["campaigns"]}
        settled = np.array([by_name[each.campaign.name]["ledger"]["settled"] for each in self.book])
        quantity = np.array([each.quantity for each in self.book])
        whole = hindsight.fair * quantity > quantity - 1
        shown = np.bincount(self.chosen[self.chosen >= 0], minlength=len(self.book))
        short = np.flatnonzero(settled < np.minimum(quantity, np.ceil(hindsight.fair * quantity - 1e-6)))
        return Outcome(
            notifications=self.sent,
            asked=int(quantity.sum()),
            optimum=hindsight.optimum,
            spent=int(np.minimum(settled, quantity).sum()),
            whole=int(whole.sum()),
            to_the_last=int((settled[whole] == quantity[whole]).sum()),
            over_delivered=int(np.maximum(0, settled - quantity).sum()),
            is_exact=bool((shown == settled).all()),
            behind_s=self.behind_s,
            bare=self.counts["pass_through"],
            watched=self.watched,
            allotted_s=float(np.diff(self.allotted).max(initial=0.0)),
            lost=losses(self.country, self.book, self.seen, self.chosen, short.tolist(), self.held),
        )
