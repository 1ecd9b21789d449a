"""A vote by missed calls beside a relay: what each call became, and what the relay's answers took."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from adapters.bench.load import MEASURED_CORE, Order, Sent, Sink, awake, build, send, sinking
from adapters.bench.process import cpu_seconds, pin, urgent
from adapters.cli.console import CommandError
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.simulator.raw_platform import RawPlatform
from tests.node.harness import Node, eventually, notification, running, settings_for
from tests.vote.people import Voters, engage
from tests.vote.verdict import Verdict, judged

RELAY_RATE = 1000
# Of the project's promise: the relay's p99 beside a vote, against its own without.
P99_FACTOR = 2.0
P99_EXTRA_MS = 1.0
WINDOW = 10_000
BINDS = 2
SUBSCRIBERS = 4000


@dataclass(frozen=True, slots=True)
class Timing:
    """How many calls a second, for how long in all; rounds of the relay alone and beside, then the kills.

    `mixed` sends calls and notifications over the same binds.
    """

    rate: float = 5000
    seconds: float = 60
    rounds: int = 3
    kills: int = 1
    mixed: bool = False

    @property
    def part_s(self) -> float:
        """How long one round of the vote is."""
        return self.seconds / (self.rounds + bool(self.kills))

    @property
    def part_calls(self) -> int:
        """How many call in one round."""
        return int(self.rate * self.part_s)


@dataclass(frozen=True, slots=True)
class Round:
    """The relay for a while: latencies of its notifications in ms, CPU of the worker as a share of a core."""

    p50_ms: float
    p99_ms: float
    cpu: float
    calls_p99_ms: float = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What a vote showed."""

    verdict: Verdict
    calm: Sequence[Round]
    beside: Sequence[Round]

    @property
    def calm_p99_ms(self) -> float:
        """The relay's p99 by itself."""
        return median(each.p99_ms for each in self.calm)

    @property
    def p99_ms(self) -> float:
        """The relay's p99 beside the vote."""
        return median(each.p99_ms for each in self.beside)

    @property
    def p99_asked_ms(self) -> float:
        """What it may be."""
        return P99_FACTOR * self.calm_p99_ms + P99_EXTRA_MS


@dataclass(slots=True)
class Load:
    """The load's programs, which have a core for themselves; what of it was sent so far."""

    program: Path
    directory: Path
    sink: Sink
    relayed: list[Sent] = field(default_factory=list)
    calls: list[Sent] = field(default_factory=list)

    def file(self, name: str, pdus: bytes) -> Path:
        """Keep requests for the generator."""
        path = self.directory / name
        path.write_bytes(pdus)
        return path


@asynccontextmanager
async def loading() -> AsyncIterator[Load]:
    """Build the load and run its SMSC. Raises `LoadError`."""
    with tempfile.TemporaryDirectory(prefix="posdata-load-") as name:
        program = await build(Path(name))
        async with sinking(program) as sink:
            yield Load(program, Path(name), sink)


async def run(timing: Timing) -> Result:
    """Let people vote once. Raises AssertionError when a call was lost or counted twice, `LoadError`."""
    with tempfile.TemporaryDirectory(prefix="posdata-vote-") as name:
        async with loading() as load:
            settings = settings_for(load.sink.port, relay={"workers": 1, "responses": True})
            async with running(Path(name), settings) as node:
                try:
                    return await vote(node, load, timing)
                except AssertionError as broken:
                    raise AssertionError(f"{broken}\n{node.log_text()[-2000:]}") from None


async def vote(node: Node, load: Load, timing: Timing) -> Result:
    """Let people vote on a running node, and stop it. Raises as `run` does."""
    await eventually(partial(_engaged, node))
    voters = Voters(timing.part_calls * (timing.rounds + bool(timing.kills)))
    probes = await _known(node, voters)
    turns = _Turns(node, load, timing, voters)
    await turns.alone()  # to warm up
    calm, beside = [], []
    for _ in range(timing.rounds):
        calm.append(await turns.alone())
        beside.append(await turns.beside())
    if timing.kills:
        await turns.killed()
    verdict = await judged(node, load.sink, voters, load.calls, load.relayed, probes, kills=timing.kills)
    return Result(verdict, calm, beside)


class _Turns:
    """The relay by turns alone and beside the vote."""

    def __init__(self, node: Node, load: Load, timing: Timing, voters: Voters) -> None:
        self._node, self._load, self._timing, self._voters = node, load, timing, voters
        self._relayed = load.file("relayed", b"".join(map(_octets, range(SUBSCRIBERS))))
        seconds = timing.part_s
        self._relay = Order(WINDOW, int(RELAY_RATE * seconds), RELAY_RATE, BINDS)
        self._calls = Order(WINDOW, timing.part_calls, timing.rate, BINDS)

    async def alone(self) -> Round:
        """Measure the relay alone, once all who have called are counted."""
        await self._voters.counted(self._node)
        async with self._measured() as worker:
            before = cpu_seconds(worker)
            sent = await self._send(self._relayed, self._relay)
            spent = cpu_seconds(worker) - before
        self._load.relayed.append(sent)
        return Round(sent.p50_us / 1e3, sent.p99_us / 1e3, spent / sent.seconds)

    async def beside(self) -> Round:
        """Measure it beside people who call."""
        async with self._measured() as worker:
            before = cpu_seconds(worker)
            relayed, calls = await self._both(again=False)
            spent = cpu_seconds(worker) - before
        return Round(
            relayed.passed_p50_us / 1e3,
            relayed.passed_p99_us / 1e3,
            spent / calls.seconds,
            calls.p99_us / 1e3,
        )

    async def killed(self) -> None:
        """Kill the worker, again and again, while people call."""
        voting = asyncio.create_task(self._both(again=True))
        for _ in range(self._timing.kills):
            await asyncio.sleep(self._timing.part_s / (self._timing.kills + 1))
            worker = self._node.child("worker")
            worker.send_signal(signal.SIGKILL)
            await eventually(partial(_replaced, self._node, worker.pid), timeout_s=60)
        await voting

    async def _both(self, *, again: bool) -> tuple[Sent, Sent]:
        """Send notifications and calls; return what became of each, the same twice where they were mixed."""
        relay, calls = replace(self._relay, again=again), replace(self._calls, again=again)
        octets = self._voters.call(self._timing.part_calls)
        if self._timing.mixed:
            mixed = replace(calls, count=calls.count + relay.count, rate=calls.rate + relay.rate)
            sent = await self._send(self._load.file("mixed", _mixed(octets, relay.count)), mixed)
            self._load.calls.append(sent)
            return sent, sent
        path = self._load.file("calls", b"".join(octets))
        relayed, called = await asyncio.gather(self._send(self._relayed, relay), self._send(path, calls))
        self._load.relayed.append(relayed)
        self._load.calls.append(called)
        return relayed, called

    async def _send(self, path: Path, order: Order) -> Sent:
        return await send(self._load.program, self._node.relay[1], path, order)

    @asynccontextmanager
    async def _measured(self) -> AsyncIterator[int]:
        """Let load and worker run at once: else it is measured how long they wait for their cores."""
        worker = self._node.child("worker").pid
        pin([worker], MEASURED_CORE)
        with urgent([self._load.sink.pid, worker]):
            async with awake(self._load.program):
                yield worker


def _octets(number: int) -> bytes:
    return notification(number).octets(1)


def _mixed(calls: Sequence[bytes], notifications: int) -> bytes:
    """Return calls with notifications evenly between them."""
    pieces, done = [], 0
    for index, call in enumerate(calls):
        pieces.append(call)
        while done * len(calls) < notifications * (index + 1):
            pieces.append(_octets(done % SUBSCRIBERS))
            done += 1
    return b"".join(pieces)


async def _replaced(node: Node, pid: int) -> bool:
    """Tell whether another worker is there."""
    return any(each.pid != pid for each in node.children("worker"))


async def _engaged(node: Node) -> bool:
    """Begin the vote, once the database lets anybody in: on a busy machine the node is ready before."""
    try:
        async with open_database(settings_at(node.config)) as session:
            await engage(session.pool)
    except CommandError:
        return False
    return True


async def _known(node: Node, voters: Voters) -> int:
    """Wait until the workers answer calls: the first voter calls until there is a lead. Return how often."""
    probe = RawPlatform(*node.relay)
    await probe.connect()

    async def answered() -> bool:
        await probe.submit_all(islice(iter(voters), 1))
        rows = await node.fetch("SELECT count(*) AS n FROM leads")
        return bool(rows[0]["n"])

    await eventually(answered, timeout_s=60)
    await probe.close()
    return probe.submitted
