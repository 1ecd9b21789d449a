"""`posdata bench relay`: what a notification costs the worker, beside a raw TCP relay in C, in one run."""

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import yaml

from adapters.bench.load import Sent, build, cpu_seconds, listening, pin, send
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from adapters.simulator.notification import Kind
from adapters.simulator.traffic import Traffic
from inventory.document import Standards, read_campaign

WORKER_CORE = 1
OTHER_CORE = 0
# Ads of this many characters fit beside every body that is sent.
LONGEST_BODY = 75
DIFFERENT_REQUESTS = 4000
QUANTITY = 100_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure."""

    notifications: int
    campaigns: int
    window: int
    binds: int
    latency_seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """One relay's figures: CPU in microseconds per notification, how busy its process was, latency in ms."""

    name: str
    cpu_us: float
    node_cpu_us: float
    busy: float
    rate: float
    p50_ms: float
    p99_ms: float


async def bench(plan: Plan, told: Callable[[str], None]) -> Sequence[Row]:
    """Measure no relay, the raw relay, the node passing through and the node with ads."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="posdata-bench-") as name:
        directory = Path(name)
        program = await build(directory)
        pdus = directory / "pdus"
        pdus.write_bytes(_requests())
        async with listening(program, "sink") as (sink, port):
            pin([sink], OTHER_CORE)
            bench_one = _Bench(plan, program, pdus)
            told("no relay")
            rows.append(await bench_one.measure("no relay", port, sink, []))
            told("raw relay in C")
            async with listening(program, "relay", str(port)) as (relay, relay_port):
                pin([relay], WORKER_CORE)
                rows.append(await bench_one.measure("raw relay in C", relay_port, relay, [relay]))
            for title, campaigns in {"posdata, passed": 0, "posdata, with ads": plan.campaigns}.items():
                told(title)
                home = Path(tempfile.mkdtemp(dir=directory))
                async with _node(home, port, campaigns) as (pids, worker, node_port):
                    rows.append(await bench_one.measure(title, node_port, worker, pids))
    return rows


class _Bench:
    """The same load for each relay."""

    def __init__(self, plan: Plan, program: Path, pdus: Path) -> None:
        self._plan = plan
        self._program = program
        self._pdus = pdus

    async def measure(self, name: str, port: int, pid: int, node: Sequence[int]) -> Row:
        """Warm up, measure CPU at full speed, then latency at 1,000 a second."""
        plan = self._plan
        await self._send(port, plan.notifications // 10)
        before, all_before = cpu_seconds(pid), sum(map(cpu_seconds, node))
        full = await self._send(port, plan.notifications)
        cpu, whole = cpu_seconds(pid) - before, sum(map(cpu_seconds, node)) - all_before
        slow = await send(
            self._program, port, self._pdus, plan.window, max(1000, int(1000 * plan.latency_seconds)), 1000
        )
        return Row(
            name,
            1e6 * cpu / full.count,
            1e6 * whole / full.count,
            cpu / full.seconds,
            full.rate,
            slow.p50_us / 1e3,
            slow.p99_us / 1e3,
        )

    async def _send(self, port: int, count: int) -> Sent:
        plan = self._plan
        return await send(self._program, port, self._pdus, plan.window, count, binds=plan.binds)


@asynccontextmanager
async def _node(directory: Path, smsc_port: int, campaigns: int) -> AsyncIterator[tuple[list[int], int, int]]:
    """Run a node with campaigns; yield its processes, its worker and its port."""
    config = _configure(directory, smsc_port)
    node = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "engine.bootstrap", "serve", "-c", str(config)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        ready = (await node.stdout.readline()).decode() if node.stdout is not None else ""
        port = int(ready.split()[1].rpartition(":")[2])
        await _book(directory / "data", campaigns)
        pids = [node.pid, *_children(node.pid)]
        worker = next(pid for pid in pids if "adapters.processes.worker" in _command(pid))
        pin(pids, OTHER_CORE)
        pin([worker], WORKER_CORE)
        yield pids, worker, port
    finally:
        node.terminate()
        await node.wait()


def _configure(directory: Path, smsc_port: int) -> Path:
    config = directory / "posdata.yaml"
    settings = {
        "node": {"data_dir": "./data"},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc_port}"]},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config


async def _book(data_dir: Path, number: int) -> None:
    """Book campaigns over eight states each, and wait until the workers have the plan and leases."""
    now = datetime.now(UTC)
    states = sorted(load_geography().states)
    standards = Standards(default_rules(), load_geography(), now)
    drafts = [
        read_campaign(
            {
                "name": f"campaign {index}",
                "brand": f"brand {index}",
                "creatives": [{"text": f"Oferta {index} en tienda sol, marca 5512345678"}],
                "pacing": "asap",
                "target": {"include": [{"state": states[(index + step) % len(states)]} for step in range(8)]},
                "starts_at": (now - timedelta(hours=1)).isoformat(),
                "ends_at": (now + timedelta(days=1)).isoformat(),
                "quantity": QUANTITY,
            },
            standards,
        )
        for index in range(number)
    ]
    dsn = await join(data_dir)
    while dsn is None:
        await asyncio.sleep(0.1)
        dsn = await join(data_dir)
    await asyncio.sleep(1)
    pool = await open_pool(dsn)
    await PostgresCampaigns(pool).add(drafts, approve=True, now=now)
    await pool.close()
    await asyncio.sleep(3)


def _requests() -> bytes:
    """Return whole requests that can all carry an ad, over the country's mix of LADAs."""
    traffic = Traffic(random.Random(1), load_geography().weights, kinds=frozenset({Kind.PLAIN}))  # noqa: S311
    fitting = (each for each in traffic if each.data_coding == 0 and len(each.text) <= LONGEST_BODY)
    return b"".join(each.octets(1) for each in islice(fitting, DIFFERENT_REQUESTS))


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(child) for child in text.split()]


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
