"""What a notification costs: no relay, a raw one in C, this one, others made of libraries, in one run.

All of them are up at once and take turns, so that a busy neighbour of the machine meets them all alike.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from adapters.bench import node, peer
from adapters.bench.load import (
    LOAD_CORE,
    MEASURED_CORE,
    LoadError,
    Order,
    Sent,
    awake,
    build,
    listening,
    send,
)
from adapters.bench.node import Node
from adapters.bench.process import cpu_seconds, pin, urgent
from adapters.bench.requests import requests

NO_RELAY = "no relay"
RAW = "raw relay in C"
PASSED = "posdata, passed"
WITH_ADS = "posdata, with ads"
# The C programs are measured with so many times as many requests, else there is little to measure.
CHEAP = 10
WARM_UP_S = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure; `notifications` and `full_seconds` bound each relay's runs at full speed together.

    A node whose turn begins has given its units up: in a turn of a tenth of a second it would see few ads.
    """

    notifications: int = 3_000_000
    campaigns: int = 300
    window: int = 100
    binds: int = 4
    latency_seconds: float = 3
    latency_rate: float = 1000
    full_seconds: float = 3
    rounds: int = 3
    peers: Sequence[str] = peer.PEERS


@dataclass(frozen=True, slots=True)
class Row:
    """One relay's figures, medians of the rounds.

    CPU of its process in microseconds per notification, how busy that was, latency in ms at the fixed rate.
    """

    name: str
    cpu_us: float
    busy: float
    rate: float
    p50_ms: float
    p99_ms: float
    refused: int


@dataclass(frozen=True, slots=True)
class WholeNode:
    """A node at full speed until its books are settled: CPU in microseconds per notification, by role."""

    name: str
    rate: float
    ads: float
    cpu_us: Mapping[str, float]

    @property
    def total_us(self) -> float:
        """CPU of all its processes."""
        return sum(self.cpu_us.values())


@dataclass(frozen=True, slots=True)
class Missing:
    """A peer that was not measured, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of a run."""

    rows: Sequence[Row]
    nodes: Sequence[WholeNode]
    missing: Sequence[Missing]

    def row(self, name: str) -> Row:
        """Return the figures of one relay."""
        return next(row for row in self.rows if row.name == name)

    @property
    def peers(self) -> Sequence[Row]:
        """Return the figures of the other libraries."""
        return [row for row in self.rows if row.name not in {NO_RELAY, RAW, PASSED, WITH_ADS}]


@dataclass(frozen=True, slots=True)
class Bench:
    """The load's programs: what sends, what is sent, the SMSC's port."""

    program: Path
    pdus: Path
    sink: int
    directory: Path
    sink_pid: int

    async def send(self, port: int, order: Order) -> Sent:
        """Send what is ordered to a port. Raises `LoadError`."""
        return await send(self.program, port, self.pdus, order)


@dataclass(slots=True)
class _Contender:
    name: str
    port: int
    pid: int
    count: int
    full: list[tuple[float, Sent]] = field(default_factory=list)
    slow: list[Sent] = field(default_factory=list)

    def row(self) -> Row:
        return Row(
            self.name,
            median(1e6 * cpu / sent.count for cpu, sent in self.full),
            median(cpu / sent.seconds for cpu, sent in self.full),
            median(sent.rate for _, sent in self.full),
            median(sent.p50_us for sent in self.slow) / 1e3,
            median(sent.p99_us for sent in self.slow) / 1e3,
            sum(sent.refused for sent in [*self.slow, *(sent for _, sent in self.full)]),
        )


@asynccontextmanager
async def benched(subscribers_each: int = 1) -> AsyncIterator[Bench]:
    """Build the load and start the SMSC, in a directory that is gone afterwards. Raises `LoadError`.

    Each of the load's requests goes to so many different subscribers.
    """
    with tempfile.TemporaryDirectory(prefix="posdata-bench-") as name:
        directory = Path(name)
        program, pdus = await build(directory), directory / "pdus"
        pdus.write_bytes(requests(subscribers_each))
        async with listening(program, "sink") as (pid, port):
            pin([pid], LOAD_CORE)
            yield Bench(program, pdus, port, directory, pid)


async def measure(plan: Plan, told: Callable[[str], None]) -> Measured:
    """Measure every relay in turns, then the whole nodes. Raises `LoadError`."""
    missing: list[Missing] = []
    async with benched() as bench, AsyncExitStack() as stack:
        told("starting")
        passed, with_ads = await side_by_side(stack, started(bench, 0), started(bench, plan.campaigns))
        nodes = {PASSED: passed, WITH_ADS: with_ads}
        relay, relay_port = await stack.enter_async_context(
            listening(bench.program, "relay", str(bench.sink))
        )
        pin([relay], MEASURED_CORE)
        count = max(1, plan.notifications // plan.rounds)
        contenders = [
            _Contender(NO_RELAY, bench.sink, bench.sink_pid, CHEAP * count),
            _Contender(RAW, relay_port, relay, CHEAP * count),
            *(_Contender(name, each.port, each.workers[0], count) for name, each in nodes.items()),
        ]
        for name in plan.peers:
            try:
                found = await peer.find(name)
            except peer.NotInstalledError as error:
                missing.append(Missing(name, str(error)))
                continue
            pid, port = await stack.enter_async_context(peer.running(found, bench.sink, plan.window))
            pin([pid], MEASURED_CORE)
            contenders.append(_Contender(f"{found.name} {found.version}", port, pid, count))
        await _take_turns(bench, plan, contenders, told)
        whole = [await _whole(bench, plan, name, each) for name, each in nodes.items()]
    return Measured([each.row() for each in contenders], whole, missing)


@asynccontextmanager
async def started(
    bench: Bench, campaigns: int, *, workers: int = 1, audience: node.Audience = node.ANYBODY
) -> AsyncIterator[Node]:
    """Run a node of its own in front of the bench's SMSC. Raises `LoadError`."""
    directory = Path(tempfile.mkdtemp(dir=bench.directory))
    async with node.running(
        directory, bench.sink, campaigns=campaigns, workers=workers, audience=audience
    ) as each:
        yield each


async def side_by_side(stack: AsyncExitStack, *nodes: AbstractAsyncContextManager[Node]) -> Sequence[Node]:
    """Start nodes at once; they run until the stack is left. Raises `LoadError`."""
    entered = await asyncio.gather(*map(stack.enter_async_context, nodes), return_exceptions=True)
    for each in entered:
        if isinstance(each, BaseException):
            raise each
    return [each for each in entered if isinstance(each, Node)]


async def _take_turns(
    bench: Bench, plan: Plan, contenders: Sequence[_Contender], told: Callable[[str], None]
) -> None:
    seconds = plan.full_seconds / plan.rounds
    slow = max(1, int(plan.latency_rate * plan.latency_seconds / plan.rounds))
    for each in contenders:
        await bench.send(each.port, Order(plan.window, each.count, binds=plan.binds, seconds=WARM_UP_S))
    for turn in range(plan.rounds):
        for each in contenders:
            told(f"{each.name}, round {turn + 1} of {plan.rounds}")
            before = cpu_seconds(each.pid)
            sent = await bench.send(each.port, Order(plan.window, each.count, 0, plan.binds, seconds))
            each.full.append((cpu_seconds(each.pid) - before, sent))
            if not sent.count:
                raise LoadError(f"{each.name} answered nothing")
            order = Order(plan.window, slow, plan.latency_rate, plan.binds)
            with urgent([bench.sink_pid, each.pid]):
                async with awake(bench.program):
                    each.slow.append(await bench.send(each.port, order))


async def _whole(bench: Bench, plan: Plan, name: str, each: Node) -> WholeNode:
    """Measure all of a node's processes, from settled books to settled books."""
    before = await each.when(lambda figures: figures.settled)
    cpu = each.cpu()
    order = Order(plan.window, plan.notifications, 0, plan.binds, plan.full_seconds)
    sent = await bench.send(each.port, order)
    wanted = before.notifications + sent.count
    after = await each.when(lambda figures: figures.notifications >= wanted and figures.settled)
    spent = each.cpu()
    return WholeNode(
        name,
        sent.rate,
        (after.ads - before.ads) / sent.count,
        {role: 1e6 * (spent[role] - cpu[role]) / sent.count for role in spent},
    )
