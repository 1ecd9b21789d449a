"""One run: a whole node between hostile peers and a neighbour that keeps the rules, and what became of it."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.fuzz.judge import AD
from tests.fuzz.neighbour import HonestSmsc, Neighbour, Watched
from tests.fuzz.vitals import Vitals, alarms
from tests.node.harness import Node, campaign, check_books, eventually, running
from tests.node.load import BUGS, book
from tests.tls import Authority

# What the hostile peers cause by right; any other alarm is a finding.
EXPECTED_ALARMS = frozenset({"alarm_alphabet_mismatch", "alarm_text_harmful"})
WARM = 0.5
RELEASED_WITHIN_S = 15.0
SCORE_LINE_OCTETS = 1 << 26


@dataclass(frozen=True, slots=True)
class Orders:
    """What to do: sessions `first` to `last` of a seed, until so many PDUs or seconds are over."""

    seed: int
    pdus: int = 1_000_000
    seconds: float = 3600
    at_once: int = 16
    a_session: int = 400
    rate: float = 200
    alone_s: float = 3.0
    first: int = 0
    last: int = 1 << 62


@dataclass
class Report:
    """What was found: `broken` is empty when every promise was kept."""

    score: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0
    read: int = 0
    watched: Watched = field(default_factory=Watched)
    alone_ms: float = 0
    books: dict[str, Any] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    vitals: Vitals | None = None
    found: list[dict[str, Any]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    @property
    def mutated(self) -> int:
        """PDUs of hostile peers that the node has read and relayed or refused."""
        return sum(self.score.get(each, 0) for each in ("to_smsc", "to_platform", "refused"))


async def go(directory: Path, orders: Orders, say: Callable[[str], None]) -> Report:
    """Run; whatever happens, nothing is left running."""
    report = Report()
    attack = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fuzz.attack", str(orders.seed)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=SCORE_LINE_OCTETS,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert attack.stdout is not None
        hostile_port = json.loads(await attack.stdout.readline())["port"]
        async with HonestSmsc() as smsc:
            report.watched = smsc.watched
            async with running(directory, _settings(directory, smsc.port, hostile_port)) as node:
                await _beside(node, attack, orders, report, say)
    finally:
        with suppress(ProcessLookupError):
            attack.kill()
        await attack.wait()
    return report


def _settings(directory: Path, honest: int, hostile: int) -> dict[str, Any]:
    authority = Authority(directory, "fuzz")
    pair = authority.issue("node")
    routes = [
        {"name": "shared", "listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{honest}"]},
        {"name": "hostile", "listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{hostile}"]},
        {
            "name": "tls",
            "listen": "127.0.0.1:0",
            "upstream": [f"127.0.0.1:{hostile}"],
            "tls": {"listen": {"certificate": pair.certificate, "key": pair.key}},
        },
    ]
    return {
        "node": {"name": "relay-1", "data_dir": "./data"},
        "relay": {"routes": routes},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }


async def _beside(
    node: Node, attack: asyncio.subprocess.Process, orders: Orders, report: Report, say: Callable[[str], None]
) -> None:
    """Fight beside the neighbour's traffic, then look at everything."""
    await book(node, campaign("sol", AD, 50_000_000))
    vitals = report.vitals = Vitals(node)
    vitals.begin()
    before = vitals.descriptors()
    neighbour, over = Neighbour(report.watched), asyncio.Event()
    await neighbour.bind(*node.routes["shared"])
    traffic = asyncio.ensure_future(neighbour.send(orders.rate, over))
    await asyncio.sleep(orders.alone_s)
    report.alone_ms = report.watched.latency.quantile_ms(0.99) or 0
    watching = asyncio.ensure_future(vitals.watch(max(0.1, min(1.0, orders.seconds / 20))))
    began = time.monotonic()
    await _fight(node, attack, orders, report, say)
    report.seconds = time.monotonic() - began
    vitals.end()
    await watching
    over.set()
    await traffic
    await _look(node, report, before)


async def _fight(
    node: Node, attack: asyncio.subprocess.Process, orders: Orders, report: Report, say: Callable[[str], None]
) -> None:
    """Let the hostile side loose until enough was read."""
    assert attack.stdin is not None
    assert attack.stdout is not None
    given = {
        "routes": node.routes,
        "seed": orders.seed,
        "pdus": orders.a_session,
        "at_once": orders.at_once,
        "first": orders.first,
        "last": orders.last,
    }
    attack.stdin.write(json.dumps(given).encode() + b"\n")
    ends, told = time.monotonic() + orders.seconds, time.monotonic()
    while line := await attack.stdout.readline():
        report.score = json.loads(line)
        report.found += report.score.pop("faults")
        now = time.monotonic()
        if report.mutated >= orders.pdus or now > ends or report.watched.faults or len(report.found) > 20:
            attack.stdin.close()
        if now - told >= 10:
            told = now
            say(f"  {report.mutated:>9,} PDUs in {report.score['sessions']:,} sessions")
    if await attack.wait() != 0:
        report.broken.append("the attacking process itself broke: see its trace")


async def _look(node: Node, report: Report, before: dict[str, int]) -> None:
    """Compare what is left with what there was; whatever differs is broken."""
    vitals, broken = report.vitals, report.broken
    assert vitals is not None
    if dead := vitals.dead():
        broken.append(f"not the processes they were: {', '.join(dead)}")
        report.events = dict(alarms(node))
        return

    # Workers tell once a second: what they said before it all has no sessions either.
    async def is_over() -> bool:
        report.read = sum((await scraped(node, "posdata_pdus_total")).values())
        return report.read >= report.mutated and await released(node, 0)

    try:
        await eventually(is_over, RELEASED_WITHIN_S)
    except AssertionError:
        broken.append("sessions were not released, or PDUs not counted")
    broken += await vitals.left_open(before)
    report.books = await node.books_when(lambda _: True, 60)
    check_books(report.books)
    report.events = dict(alarms(node))
    bad = [each for each in report.events if each.startswith("alarm_") and each not in EXPECTED_ALARMS]
    broken += [f"{each} × {report.events[each]}" for each in bad]
    broken += [each for each in BUGS if each in report.events and each not in bad]
    broken += report.watched.faults[:3]
    broken += [f"session {each['session']} ({each['kind']}): {each['what'][:300]}" for each in report.found]
    if await node.stop() != 0:
        broken.append("the node did not end in order")


async def released(node: Node, left: int) -> bool:
    """Tell whether no more sessions than so many are left, as the node itself sees it."""
    return sum((await scraped(node, "posdata_sessions")).values()) <= left


async def scraped(node: Node, name: str) -> dict[str, int]:
    """Return one metric's samples by their labels."""
    async with aiohttp.ClientSession() as client, client.get(f"http://{node.http}/metrics") as answer:
        text = await answer.text()
    lines = [line for line in text.splitlines() if line.startswith((name + "{", name + " "))]
    return {line.rpartition(" ")[0]: int(float(line.rpartition(" ")[2])) for line in lines}
