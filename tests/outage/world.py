"""A node under steady traffic whose database can be taken away, and what is measured meanwhile."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psutil

from adapters.cli.counts import document
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.journal_reader import unsettled
from adapters.files.reference_data import load_geography
from adapters.postgres.books import PostgresBooks
from adapters.postgres.server import EmbeddedServer
from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign, running, settings_for
from tests.node.load import BUGS, Feed, assert_equal, book
from tests.outage.proxy import Proxy

BINDS = 2
# Wide enough for ten seconds without an answer: who waits for room would hide how long others waited.
WINDOW = 20_000
QUANTITY = 4_000_000
STATES = ("MX-JAL", "MX-CMX", "MX-NLE", "MX-MEX")
NATIONAL = 4


def bookings() -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return campaigns of which every one is bounded far above an outage, and the text of each."""
    documents = [
        campaign(f"pais {number}", f"Compra en tienda sol {number}", QUANTITY) for number in range(NATIONAL)
    ]
    for state in STATES:
        target = {"include": [{"state": state}], "exclude": []}
        text = f"Luna llena en {state[3:].lower()}"
        documents.append(campaign(f"estado {state}", text, QUANTITY, target=target))
    even = campaign("parejo", "Mar azul todo el dia", QUANTITY, **{"pacing": "even", "class": "standard"})
    documents.append(even)
    return documents, {each["name"]: each["creatives"][0]["text"] for each in documents}


@dataclass(frozen=True, slots=True)
class Phase:
    """What happened in some seconds: notifications and ads at the SMSC, answers by their time."""

    seconds: float
    notifications: int
    ads: int
    latency: LatencyHistogram

    @property
    def share(self) -> float:
        """The share of notifications that carried an ad."""
        return self.ads / max(self.notifications, 1)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile of answers, in milliseconds."""
        return self.latency.quantile_ms(0.99) or 0.0


class World:
    """A started node with bookings, the SMSC behind it and the platform before it."""

    def __init__(self, node: Node, smsc: SimulatedSmsc, proxy: Proxy | None) -> None:
        self.node = node
        self.smsc = smsc
        self.proxy = proxy
        self.platforms: list[RawPlatform] = []
        self._feeds: list[Feed] = []
        self._jobs: list[asyncio.Task[None]] = []
        self._texts: dict[str, str] = {}

    async def book(self) -> None:
        """Book what the traffic is to carry, and wait until ads may be inserted."""
        documents, self._texts = bookings()
        self.smsc.register_ads(*self._texts.values())
        await book(self.node, *documents)

    async def flow(self, rate: float) -> None:
        """Let the platform send, so many a second over all its binds."""
        weights = load_geography().weights
        for number in range(BINDS):
            platform = RawPlatform(*self.node.relay, window=WINDOW, keep_answers=False)
            await platform.connect()
            feed = Feed(Traffic(Random(number), weights))
            pace = SteadyPace(rate / BINDS)
            self._jobs.append(asyncio.create_task(platform.submit_all(feed, pace, timeout_s=60)))
            self.platforms.append(platform)
            self._feeds.append(feed)

    async def ebb(self) -> None:
        """Let the platform send no more, and every answer come home."""
        for feed in self._feeds:
            feed.stop()
        await asyncio.gather(*self._jobs)
        for platform in self.platforms:
            await platform.close()

    def abort(self) -> None:
        """Leave nothing running."""
        for job in self._jobs:
            job.cancel()
        for platform in self.platforms:
            platform.abort()

    async def measure(self, seconds: float, latency: LatencyHistogram | None = None) -> Phase:
        """Return what happens in the next seconds; times are added to `latency` where one is given."""
        latency = latency or LatencyHistogram()
        notifications, ads = self.smsc.received, self.smsc.ads_received
        for platform in self.platforms:
            platform.latency = latency
        await asyncio.sleep(seconds)
        return Phase(seconds, self.smsc.received - notifications, self.smsc.ads_received - ads, latency)

    def postgres(self) -> list[psutil.Process]:
        """Return the node's PostgreSQL, its postmaster first."""
        [postmaster] = [each for each in self.node.members() if each.name() == "postgres"]
        return [postmaster, *postmaster.children(recursive=True)]

    async def check_books(self) -> None:
        """Drain the node; its books equal the SMSC's counts to the unit, and nothing is left open."""
        assert await self.node.stop() == 0
        assert not any(self.node.events(alarm) for alarm in BUGS), self.node.log_text()[-2000:]
        async with open_database(settings_at(self.node.config)) as session:
            counts = document(
                await PostgresBooks(session.pool).counts(), unsettled(self.node.directory / "data", {})
            )
        assert_equal(counts, self.smsc, self._texts)
        assert (counts["notifications"], counts["unsettled"]) == (self.smsc.received, 0), counts
        assert all(each["ledger"]["leased"] == 0 for each in counts["campaigns"]), counts


@asynccontextmanager
async def world(directory: Path, *, external: bool, horizon_s: float) -> AsyncIterator[World]:
    """Yield a world whose database is the node's own, or one behind a proxy that can be cut."""
    async with AsyncExitStack() as stack:
        smsc = await stack.enter_async_context(SimulatedSmsc())
        settings = settings_for(smsc.port, leases={"horizon_s": horizon_s})
        proxy = await stack.enter_async_context(_behind_proxy(directory / "server")) if external else None
        if proxy is not None:
            settings["database"] = f"postgresql://posdata@127.0.0.1:{proxy.port}/postgres"
        (directory / "node").mkdir()
        node = await stack.enter_async_context(running(directory / "node", settings))
        each = World(node, smsc, proxy)
        stack.callback(each.abort)
        await each.book()
        yield each


@asynccontextmanager
async def _behind_proxy(directory: Path) -> AsyncIterator[Proxy]:
    server = EmbeddedServer(directory)
    await server.start()
    try:
        place = parse_qs(urlsplit(server.dsn).query)["host"][0]
        async with Proxy(f"{place}/.s.PGSQL.5432") as proxy:
            yield proxy
    finally:
        await server.stop()


def signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for each in processes:
        try:
            each.send_signal(number)
        except psutil.NoSuchProcess:
            continue
