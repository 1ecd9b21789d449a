"""A node to measure: started with campaigns, its processes by what they do, what it says of itself."""

import asyncio
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import yaml

from adapters.bench.load import LOAD_CORE, LoadError, measured_core
from adapters.bench.process import command_line, cpu_seconds, family, pin, reaped_seconds
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from inventory.document import Standards, read_campaign

QUANTITY = 1_000_000_000
STATES_EACH = 8
PATIENCE_S = 60.0
LOOK_S = 0.1
ROLES = ("supervisor", "workers", "control", "HTTP", "PostgreSQL")

_REASON = re.compile(r'.*\breason="(\w+)".*')
_SAMPLE = re.compile(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Node:
    """A running node."""

    pid: int
    port: int
    workers: Sequence[int]
    metrics_url: str

    def cpu(self) -> Mapping[str, float]:
        """Return the CPU seconds of the node so far, by role."""
        spent = dict.fromkeys(ROLES, 0.0)
        for pid in family(self.pid):
            role = _role(command_line(pid))
            # A database connection may end meanwhile: then its postmaster counts it.
            try:
                spent[role] += cpu_seconds(pid) + reaped_seconds(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
        return spent

    async def figures(self) -> "Figures":
        """Return the node's metrics."""
        async with aiohttp.ClientSession() as session, session.get(self.metrics_url) as answer:
            return Figures(await answer.text())

    async def when(self, condition: Callable[["Figures"], bool]) -> "Figures":
        """Return the metrics once they are as wanted; workers tell theirs each second. Raises `LoadError`."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                # Another process sets no event.
                while not condition(figures := await self.figures()):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise LoadError(
                "the node did not get where the bench wanted it: its machine is too busy"
            ) from None
        return figures


class Figures:
    """Metrics in Prometheus' text format."""

    def __init__(self, text: str) -> None:
        self._samples = [(name, labels or "", float(value)) for name, labels, value in _SAMPLE.findall(text)]

    def each(self, name: str, *labels: str) -> Sequence[float]:
        """Return the values of a metric's samples that have all these labels."""
        return [
            value
            for each, found, value in self._samples
            if each == name and all(label in found for label in labels)
        ]

    @property
    def notifications(self) -> int:
        """Requests of platforms that are notifications."""
        return int(sum(self.each("posdata_pdus_total", 'command="submit_sm"', 'sender="platform"')))

    @property
    def ads(self) -> int:
        """Ads appended."""
        return int(sum(self.each("posdata_insertions_total")))

    @property
    def reasons(self) -> Mapping[str, int]:
        """Why notifications had no ad, and how many."""
        found: Counter[str] = Counter()
        for name, labels, value in self._samples:
            if name == "posdata_pass_through_total":
                found.update({_REASON.sub(r"\1", labels): int(value)})
        return found

    @property
    def settled(self) -> bool:
        """Whether everything is in the database."""
        return not any(self.each("posdata_unsettled_frames"))


def _nothing(index: int) -> Mapping[str, object]:  # noqa: ARG001  # as `Audience.campaign`
    return {}


async def _no_time(data_dir: Path) -> None:
    """Do nothing with a node's data."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom ads are for: keys of the policy and of each campaign by index; `prepare` is called first."""

    policy: Mapping[str, object] = field(default_factory=dict)
    campaign: Callable[[int], Mapping[str, object]] = _nothing
    prepare: Callable[[Path], Awaitable[None]] = _no_time


ANYBODY = Audience()


@asynccontextmanager
async def running(
    directory: Path, smsc_port: int, *, campaigns: int, workers: int = 1, audience: Audience = ANYBODY
) -> AsyncIterator[Node]:
    """Run a node with campaigns, its first worker on a core of its own; yield it when it inserts ads."""
    config, log = _configure(directory, smsc_port, workers, audience.policy), directory / "log"
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "engine.bootstrap", "serve", "-c", str(config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    try:
        ready = (await process.stdout.readline()).decode() if process.stdout is not None else ""
        if not ready.startswith("ready "):
            last = log.read_text(encoding="utf-8", errors="replace")[-500:]
            raise LoadError(f"the node did not start: {last}")
        words = dict(word.split("=", 1) for word in ready.split()[1:])
        pids = family(process.pid)
        found = [pid for pid in pids if _role(command_line(pid)) == "workers"]
        port = int(words["relay"].rpartition(":")[2])
        node = Node(process.pid, port, found, f"http://{words['http']}/metrics")
        pin(pids, LOAD_CORE)
        for index, worker in enumerate(found):
            pin([worker], measured_core(index))
        await node.when(lambda figures: figures.each("posdata_database_up") == [1])
        await audience.prepare(directory / "data")
        if campaigns:
            await _book(directory / "data", campaigns, audience.campaign)
            await node.when(lambda figures: figures.each("posdata_worker_inserts") == [1] * workers)
        yield node
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _role(command: str) -> str:
    if "adapters.processes.worker" in command:
        return "workers"
    if "adapters.processes.control" in command:
        return "control"
    if "adapters.processes.web" in command:
        return "HTTP"
    return "supervisor" if "engine.bootstrap" in command else "PostgreSQL"


def _configure(directory: Path, smsc_port: int, workers: int, policy: Mapping[str, object]) -> Path:
    config = directory / "posdata.yaml"
    settings = {
        "node": {"data_dir": str(directory / "data")},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc_port}"], "workers": workers},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None, **policy},
        "http": {"listen": "127.0.0.1:0"},
    }
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return config


async def _book(data_dir: Path, number: int, more: Callable[[int], Mapping[str, object]]) -> None:
    """Book campaigns over eight states each, approved at once."""
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
                "target": {
                    "include": [
                        {"state": states[(index + step) % len(states)]} for step in range(STATES_EACH)
                    ]
                },
                "starts_at": (now - timedelta(hours=1)).isoformat(),
                "ends_at": (now + timedelta(days=1)).isoformat(),
                "quantity": QUANTITY,
                **more(index),
            },
            standards,
        )
        for index in range(number)
    ]
    dsn = await join(data_dir)
    if dsn is None:
        raise LoadError("the node's database is gone")
    async with await open_pool(dsn, max_size=1) as pool:
        await PostgresCampaigns(pool).add(drafts, approve=True, now=now)
