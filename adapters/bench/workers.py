"""What a second worker costs: the same binds over one worker and over two, in one run, in turns."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from adapters.bench.load import Order, Sent
from adapters.bench.node import Figures, Node
from adapters.bench.relay import Bench, Plan, benched, side_by_side, started
from adapters.bench.turns import in_turns, one_round

# At full speed so long, so that leases grow to it and control hears of every session while it is there.
SPREAD_SECONDS = 4
PLENTY = 10_000_000


@dataclass(frozen=True, slots=True)
class Workers:
    """CPU of all workers in microseconds per notification, and notifications a second: medians.

    `ads` are the shares of notifications that got one, over one worker and over two.
    """

    binds: int
    sessions: Sequence[int]
    one_us: float
    two_us: float
    one_rate: float
    two_rate: float
    ads: tuple[float, float]

    @property
    def ratio(self) -> float:
        """CPU per notification over two workers as a multiple of that over one."""
        return self.two_us / self.one_us


async def compare(plan: Plan, told: Callable[[str], None]) -> Workers:
    """Measure both. Raises `LoadError`."""
    async with benched() as bench, AsyncExitStack() as stack:
        told("one worker and two: starting")
        one, two = await side_by_side(
            stack, started(bench, plan.campaigns), started(bench, plan.campaigns, workers=2)
        )
        await _warm(bench, plan, one)
        sessions = await _spread(bench, plan, two)
        for node in (one, two):
            await one_round(bench, plan, node)
        single, both = await in_turns(bench, plan, (one, two), "one worker and two", told)
    shares = (single.ads, both.ads)
    return Workers(plan.binds, sessions, single.us, both.us, single.rate, both.rate, shares)


async def _warm(bench: Bench, plan: Plan, node: Node) -> Sent:
    order = Order(plan.window, PLENTY, 0, plan.binds, SPREAD_SECONDS)
    return await bench.send(node.port, order)


async def _spread(bench: Bench, plan: Plan, node: Node) -> Sequence[int]:
    """Return how many sessions each worker has while all binds are up."""

    def complete(figures: Figures) -> bool:
        return sum(figures.each("posdata_sessions")) == plan.binds

    load = asyncio.create_task(_warm(bench, plan, node))
    try:
        figures = await node.when(complete)
    finally:
        await load
    return sorted(map(int, figures.each("posdata_sessions")), reverse=True)
