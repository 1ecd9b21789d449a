"""One run: a crowd of useless connections around a node, and a neighbour that keeps the rules among them."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from adapters.simulator.latency import LatencyHistogram
from tests.fuzz.judge import AD
from tests.fuzz.neighbour import HonestSmsc, Neighbour, Watched
from tests.fuzz.run import released, scraped
from tests.fuzz.vitals import Vitals, alarms
from tests.node.harness import Node, campaign, eventually, running
from tests.node.load import BUGS, book

RELEASED_WITHIN_S = 30.0
SCORE_LINE_OCTETS = 1 << 24
ROOM = 50  # of max_sessions beside the crowd
FEW = 20  # of max_sessions when it is small


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many stand there, and for how long; `idle` never send, `resting` bind first.

    `slow` send an octet a second once they are bound, `drip` from the first one of their bind on; `stuck`
    send all they can and read nothing. With `few` it is tried how a node behaves that is full.
    """

    idle: int = 2000
    resting: int = 2000
    slow: int = 200
    drip: int = 200
    stuck: int = 200
    seconds: float = 40.0
    alone_s: float = 5.0
    rate: float = 200.0
    few: bool = True

    @property
    def people(self) -> dict[str, int]:
        """Return how many of each kind."""
        return {each: getattr(self, each) for each in ("idle", "resting", "slow", "drip", "stuck")}

    @property
    def total(self) -> int:
        """Return how many in all."""
        return sum(self.people.values())


@dataclass
class Report:
    """What was seen: `broken` is empty when every promise was kept."""

    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    p99_ms: dict[str, float] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)
    vitals: Vitals | None = None
    refused_ms: float = 0
    back_s: float = 0
    events: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)


class Stage:
    """The node, the crowd's process and the neighbour, while a run lasts."""

    def __init__(self, node: Node, mob: asyncio.subprocess.Process, smsc: HonestSmsc, report: Report) -> None:
        self.node, self.report, self.smsc = node, report, smsc
        self.score: dict[str, Any] = {}
        self._mob = mob
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        assert self._mob.stdout is not None
        while line := await self._mob.stdout.readline():
            self.score = json.loads(line)

    def gather(self, **people: int) -> None:
        """Send the former crowd home and let another one come."""
        assert self._mob.stdin is not None
        self.score = {}
        order = {"address": self.node.routes["crowd"], "people": people}
        self._mob.stdin.write(json.dumps(order).encode() + b"\n")

    async def until(self, condition: Callable[[dict[str, Any]], bool], timeout_s: float, what: str) -> None:
        """Wait for a count of the crowd; what does not come is broken."""
        ends = time.monotonic() + timeout_s
        while not (self.score and condition(self.score)):
            if time.monotonic() > ends:
                self.report.broken.append(f"not within {timeout_s:g} s: {what}")
                return
            await asyncio.sleep(0.02)

    async def measure(self, name: str, seconds: float) -> None:
        """Take the neighbour's p99 over a stretch of time."""
        self.smsc.watched.latency = LatencyHistogram()
        await asyncio.sleep(seconds)
        self.report.p99_ms[name] = self.smsc.watched.latency.quantile_ms(0.99) or 0


async def go(
    directory: Path, crowd: Crowd, say: Callable[[str], None], environment: dict[str, str] | None = None
) -> Report:
    """Run; whatever happens, nothing is left running."""
    report = Report()
    mob = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.crowd.mob"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=SCORE_LINE_OCTETS,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert mob.stdout is not None
        port = json.loads(await mob.stdout.readline())["port"]
        async with HonestSmsc() as smsc:
            settings = _settings(smsc.port, port, crowd.total + ROOM)
            async with running(directory, settings, environment) as node:
                stage = Stage(node, mob, smsc, report)
                await _around(stage, crowd, say)
                if crowd.few:
                    await _few(stage, say)
                await _end(stage)
    finally:
        with suppress(ProcessLookupError):
            mob.kill()
        await mob.wait()
    return report


def _settings(honest: int, mob: int, sessions: int) -> dict[str, Any]:
    routes = [
        {"name": "shared", "listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{honest}"]},
        {"name": "crowd", "listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{mob}"]},
    ]
    return {
        "node": {"name": "relay-1", "data_dir": "./data"},
        "relay": {"routes": routes, "max_sessions": sessions},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }


async def _around(stage: Stage, crowd: Crowd, say: Callable[[str], None]) -> None:
    """Let everybody come, look at the neighbour before, while they come and while they stand there."""
    node, report = stage.node, stage.report
    await book(node, campaign("sol", AD, 50_000_000))
    vitals = report.vitals = Vitals(node)
    vitals.begin()
    before = vitals.descriptors()
    neighbour, over = Neighbour(stage.smsc.watched), asyncio.Event()
    await neighbour.bind(*node.routes["shared"])
    traffic = asyncio.ensure_future(neighbour.send(crowd.rate, over))
    watching = asyncio.ensure_future(vitals.watch(max(0.1, min(1.0, crowd.seconds / 20))))
    await stage.measure("alone", crowd.alone_s)
    say(f"{crowd.total:,} people come")
    stage.gather(**crowd.people)
    await stage.measure("while they come", crowd.seconds / 4)
    report.sessions["at the height"] = sum((await scraped(node, "posdata_sessions")).values())
    report.scores["all"] = stage.score
    say(f"{report.sessions['at the height']:,} sessions; they stand there")
    await stage.measure("as the idle are closed", crowd.seconds * 3 / 8)
    await stage.measure("among the rest", crowd.seconds * 3 / 8)
    await stage.until(
        lambda score: all(score["closed"].get(each, 0) == crowd.people[each] for each in ("idle", "drip")),
        10,
        "connections that do not bind are closed",
    )
    report.scores["all"] = stage.score
    stage.gather()
    say("they go home")
    try:
        await eventually(lambda: released(node, 1), RELEASED_WITHIN_S)
    except AssertionError:
        report.broken.append("sessions were not released")
    vitals.end()
    await watching
    over.set()
    await traffic
    report.broken += [f"the neighbour: {each}" for each in stage.smsc.watched.faults[:3]]
    report.broken += await vitals.left_open(before)
    report.broken += [f"not the process it was: {each}" for each in vitals.dead()]


async def _few(stage: Stage, say: Callable[[str], None]) -> None:
    """Allow few sessions, let more people come than that: who is too many is refused at once."""
    node, report = stage.node, stage.report
    node.settings["relay"]["max_sessions"] = FEW
    node.config.write_text(yaml.safe_dump(node.settings), encoding="utf-8")
    assert node.process is not None
    node.process.send_signal(signal.SIGHUP)
    await node.logged("settings_reloaded")
    watched = stage.smsc.watched = Watched()
    neighbour, over = Neighbour(watched), asyncio.Event()
    await eventually(lambda: released(node, 0), RELEASED_WITHIN_S)
    await neighbour.bind(*node.routes["shared"])
    traffic = asyncio.ensure_future(neighbour.send(100, over))
    say(f"{FEW} sessions are allowed, {10 * FEW} people come")
    stage.gather(idle=10 * FEW)
    await stage.until(lambda score: score["opened"].get("idle", 0) == 10 * FEW, 10, "all come")
    refused = 9 * FEW + 1
    await stage.until(lambda score: score["closed"].get("idle", 0) >= refused, 5, "the excess is refused")
    report.scores["few"] = stage.score
    times = sorted(stage.score["closed_after"].get("idle", [0]))
    report.refused_ms = times[: refused + 1][-1] * 1000
    over.set()
    await traffic
    report.broken += [f"the neighbour at the limit: {each}" for each in watched.faults[:3]]
    began = time.monotonic()
    report.back_s = await _rebound(stage) - began


async def _rebound(stage: Stage) -> float:
    """Bind the neighbour anew, as often as it takes while idle people hold its place."""
    ends = time.monotonic() + RELEASED_WITHIN_S
    while time.monotonic() < ends:
        watched = stage.smsc.watched = Watched()
        neighbour, over = Neighbour(watched), asyncio.Event()
        try:
            await neighbour.bind(*stage.node.routes["shared"], timeout_s=1)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        bound = time.monotonic()
        over.set()
        await neighbour.send(100, over)
        return bound
    stage.report.broken.append("the neighbour could not bind again")
    return ends


async def _end(stage: Stage) -> None:
    """Look at the log and at the end of the node."""
    node, report = stage.node, stage.report
    stage.gather()
    try:
        await eventually(lambda: released(node, 0), RELEASED_WITHIN_S)
    except AssertionError:
        report.broken.append("sessions were not released at the end")
    report.events = dict(alarms(node))
    report.broken += [f"{each} in the log" for each in (*BUGS, "alarm_no_worker") if each in report.events]
    if await node.stop() != 0:
        report.broken.append("the node did not end in order")
