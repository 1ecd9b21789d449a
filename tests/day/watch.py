"""What a day of seconds looks like while it lasts: progress, and who held what when a flight ended."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import asyncpg

from adapters.bench.node import Figures
from adapters.postgres.server import join
from tests.node.harness import Node

LOOK_S = 0.25
TELL_S = 20.0
# A plan is made each second; a worker whose last one is older than this has missed two.
LATE_PLAN_S = 3.0

Told = Callable[[str], None]


@dataclass(slots=True)
class Watched:
    """What was seen: `at_end` by campaign number the units settled and leased when its flight ended.

    `looks` at plans, of which `late` found a worker with one older than LATE_PLAN_S, the oldest of
    `oldest_plan_s`. `stalled_s` is the longest time between two settlements, both by the same clock.
    """

    ends: Mapping[int, float] = field(default_factory=dict)
    at_end: dict[int, tuple[int, int]] = field(default_factory=dict)
    looks: int = 0
    late: int = 0
    oldest_plan_s: float = 0.0
    stalled_s: float = 0.0
    _settled: int = 0
    _settled_at: float = 0.0

    def saw(self, rows: Sequence[tuple[int, int, int]], now: float) -> None:
        """Take a look at the ledger: (campaign, settled, leased)."""
        for number, settled, leased in rows:
            if now < self.ends.get(number, 0.0):
                self.at_end[number] = settled, leased
        settled = sum(row[1] for row in rows)
        if settled != self._settled:
            if self._settled:
                self.stalled_s = max(self.stalled_s, now - self._settled_at)
            self._settled, self._settled_at = settled, now

    def saw_plans(self, ages: Sequence[float]) -> None:
        """Take a look at how old the workers' plans are."""
        oldest = max(ages, default=0.0)
        self.looks += 1
        self.late += oldest > LATE_PLAN_S
        self.oldest_plan_s = max(self.oldest_plan_s, oldest)

    @property
    def settled(self) -> int:
        """All that is settled."""
        return self._settled


@asynccontextmanager
async def watching(
    node: Node, watched: Watched, line: Callable[[Watched], str], told: Told | None
) -> AsyncIterator[None]:
    """Look at the ledger and at plans until the end; tell a line now and then."""
    dsn = await join(node.directory / "data")
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    looking = [asyncio.create_task(_look(connection, watched))]
    looking.append(asyncio.create_task(_look_at_plans(f"http://{node.http}/metrics", watched)))
    if told is not None:
        looking.append(asyncio.create_task(_tell(watched, line, told)))
    try:
        yield
    finally:
        for each in looking:
            each.cancel()
        ends = await asyncio.gather(*looking, return_exceptions=True)
        await connection.close()
    for end in ends:
        if isinstance(end, Exception):
            raise end


async def _look(connection: "asyncpg.Connection[asyncpg.Record]", watched: Watched) -> None:
    while True:
        rows = await connection.fetch("SELECT campaign, settled, leased FROM ledger")
        watched.saw([(row[0], row[1], row[2]) for row in rows], time.time())
        await asyncio.sleep(LOOK_S)


async def _look_at_plans(url: str, watched: Watched) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as answer:
                watched.saw_plans(Figures(await answer.text()).each("posdata_plan_age_seconds"))
            await asyncio.sleep(1)


async def _tell(watched: Watched, line: Callable[[Watched], str], told: Told) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        told(line(watched))
