"""What a worker holds in memory: with many campaigns, and over many messages."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from adapters.bench.load import LoadError, Order, Sent
from adapters.bench.node import Node
from adapters.bench.process import resident_bytes
from adapters.bench.relay import Plan, benched, started

# What stays for good is there after so many messages, and after plans have taken each other's place: at that
# moment a worker holds two.
WARM_UP = 500_000
WARM_UP_PLANS = 3
WARM_UP_S = 120.0
EVERY_S = 3.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A worker's memory in bytes, so many seconds after the first sample."""

    seconds: float
    rss: int
    pss: int


@dataclass(frozen=True, slots=True)
class Memory:
    """Samples while messages were relayed; the first after the warm-up, the last after all of them."""

    campaigns: int
    messages: int
    rate: float
    samples: Sequence[Sample]

    @property
    def relative(self) -> tuple[float, float, float]:
        """The smallest, largest and last RSS as multiples of the first."""
        sizes = [sample.rss for sample in self.samples]
        return min(sizes) / sizes[0], max(sizes) / sizes[0], sizes[-1] / sizes[0]

    @property
    def largest(self) -> Sample:
        """The sample with the most RSS."""
        return max(self.samples, key=lambda sample: sample.rss)


async def watch(
    plan: Plan, campaigns: int, messages: int, seconds: float, told: Callable[[str], None]
) -> Memory:
    """Relay messages for at most so many seconds and sample the worker meanwhile. Raises `LoadError`."""
    async with benched() as bench:
        told(f"memory: booking {campaigns:,} campaigns")
        async with started(bench, campaigns) as node:
            [worker] = node.workers

            async def send(count: int) -> Sent:
                order = Order(plan.window, count, 0, plan.binds, seconds)
                return await bench.send(node.port, order)

            await _warm_up(node, partial(send, min(WARM_UP, messages)))
            began, samples = time.monotonic(), [_sample(worker, 0)]
            load = asyncio.create_task(send(messages))
            while not (await asyncio.wait([load], timeout=EVERY_S))[0]:
                samples.append(_sample(worker, time.monotonic() - began))
                told(f"memory: {samples[-1].seconds:.0f} s, {samples[-1].rss / 1e6:.1f} MB")
            sent = await load
            samples.append(_sample(worker, time.monotonic() - began))
    return Memory(campaigns, sent.count, sent.rate, samples)


async def _warm_up(node: Node, send: Callable[[], Awaitable[Sent]]) -> None:
    """Send until plans have been replaced; a plan's age falls when that happens. Raises `LoadError`."""
    ages: list[float] = []
    ends = time.monotonic() + WARM_UP_S
    while time.monotonic() < ends:
        await send()
        ages += (await node.figures()).each("posdata_plan_age_seconds")
        if sum(later < former for former, later in pairwise(ages)) >= WARM_UP_PLANS:
            return
    raise LoadError("the plan was not replaced while the worker warmed up: look at the node's log")


def _sample(worker: int, seconds: float) -> Sample:
    return Sample(seconds, *resident_bytes(worker))
