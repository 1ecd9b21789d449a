"""Print what a notification costs a worker now, beside what it cost at another commit, in one run.

    .venv/bin/python scripts/cpu_against.py [COMMIT]

Both commits are unpacked and compiled in temporary directories. Then nodes of both, with campaigns and
without, run in front of one SMSC and take short turns at one generator, so that a busy neighbour meets all
alike. What counts is the quickest quarter of each one's turns: a neighbour only ever adds. COMMIT is by
default the last one before supply, forecast, receipts and allotments; since then have come also caps, the
audience's rules and answers to missed calls, all of them unused here. Two and a half minutes.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import yaml

from adapters.bench import node
from adapters.bench.load import LOAD_CORE, MEASURED_CORE, LoadError, Order, listening
from adapters.bench.process import cpu_seconds, family, pin
from adapters.bench.relay import CHEAP, RAW, Bench, benched

ROOT = Path(__file__).parents[1]
BEFORE = "41aabc2"
# What raises there as machine code, so that no ad is inserted, and what stands in its place since 9624717.
MENDED = ("self._everywhere | self._verdicts.keys()", "self._everywhere | frozenset(self._verdicts)")
ASKED = 1.1
WITH_ADS, PASSED = "with ads", "passed"
CAMPAIGNS = {WITH_ADS: 300, PASSED: 0}
WINDOW, BINDS = 100, 4
MEMORY = Path("/dev/shm")  # noqa: S108  # directories of our own are made in it
RUN = (sys.executable, "-P", "-m", "engine.bootstrap")


@dataclass(slots=True)
class Side:
    """One process that takes turns: `spent` are µs of CPU a notification, turn by turn."""

    name: str
    port: int
    pid: int
    count: int
    spent: list[float] = field(default_factory=list)

    async def turn(self, bench: Bench) -> float:
        """Send; return the µs of CPU that each notification cost. Raises `LoadError`."""
        before = cpu_seconds(self.pid)
        sent = await bench.send(self.port, Order(WINDOW, self.count, binds=BINDS))
        return 1e6 * (cpu_seconds(self.pid) - before) / sent.count

    def quick(self) -> float:
        """Return the median of the quickest quarter of all turns."""
        return median(sorted(self.spent)[: max(1, len(self.spent) // 4)])


async def compiled(commit: str, folder: Path) -> Path:
    """Unpack a commit and compile it; return where it is. Raises `LoadError`."""
    source, copy = folder / f"{commit}-source", folder / commit
    source.mkdir()
    await _do("git", "archive", "-o", str(source / "all.tar"), commit, cwd=ROOT)
    await _do("tar", "-xf", "all.tar", cwd=source)
    breaker = source / "engine" / "breaker.py"
    breaker.write_text(breaker.read_text("utf-8").replace(*MENDED), "utf-8")
    await _do(sys.executable, "scripts/compile_hot.py", "copy", str(copy), cwd=source)
    return copy


async def _do(*command: str, cwd: Path, tree: Path | None = None) -> None:
    """Run a command, with a tree's own modules. Raises `LoadError`."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env=_environment(tree), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise LoadError(f"{' '.join(command)}: {said.decode()[-500:]}")


def _environment(tree: Path | None) -> dict[str, str]:
    return {**os.environ, **({} if tree is None else {"PYTHONPATH": str(tree)})}


@asynccontextmanager
async def serving(tree: Path, name: str, bench: Bench, count: int) -> AsyncIterator[Side]:
    """Run a tree's own node before the bench's SMSC, its worker on a core of its own. Raises `LoadError`."""
    directory = Path(tempfile.mkdtemp(dir=bench.directory))
    config = directory / "posdata.yaml"
    config.write_text(yaml.safe_dump(_settings(directory, bench.sink)), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(*RUN, "serve", "-c", str(config)), cwd=directory, env=_environment(tree),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ready = (await process.stdout.readline()).decode() if process.stdout is not None else ""
        if not ready.startswith("ready "):
            raise LoadError(f"the node of {tree.name} did not start")
        words = dict(word.split("=", 1) for word in ready.split()[1:])
        pids = family(process.pid)
        [worker] = [pid for pid in pids if "adapters.processes.worker" in _command(pid)]
        pin(pids, LOAD_CORE)
        pin([worker], MEASURED_CORE)
        port = int(words["relay"].rpartition(":")[2])
        running = node.Node(process.pid, port, [worker], f"http://{words['http']}/metrics")
        await running.when(lambda figures: figures.each("posdata_database_up") == [1])
        if CAMPAIGNS[name]:
            await _book(config, tree)
            await running.when(lambda figures: figures.each("posdata_worker_inserts") == [1])
        yield Side(name, port, worker, count)
    finally:
        process.terminate()
        await process.wait()


def _settings(directory: Path, smsc_port: int) -> Mapping[str, object]:
    return {
        "node": {"data_dir": str(directory / "data")},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc_port}"]},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }


async def _book(config: Path, tree: Path) -> None:
    """Import campaigns by the tree's own command, half of them over four states each."""
    now, path = datetime.now(UTC), config.parent / "campaigns.yaml"
    states = ("MX-CMX", "MX-MEX", "MX-JAL", "MX-NLE", "MX-PUE", "MX-GUA", "MX-VER", "MX-BCN")
    documents: list[dict[str, object]] = [
        {
            "name": f"campaign {index}",
            "brand": f"brand {index}",
            "category": "retail",
            "creatives": [{"text": f"Oferta {index} en tienda sol, marca 5512345678"}],
            "pacing": "asap",
            "target": {"include": [{"state": states[(index + step) % len(states)]} for step in range(4)]}
            if index % 2
            else {"include": []},
            "starts_at": (now - timedelta(hours=1)).isoformat(),
            "ends_at": (now + timedelta(days=1)).isoformat(),
            "quantity": node.QUANTITY,
        }
        for index in range(CAMPAIGNS[WITH_ADS])
    ]
    path.write_text(yaml.safe_dump(documents), encoding="utf-8")
    await _do(
        *RUN, "campaigns", "import", str(path), "--approve", "-c", str(config), cwd=path.parent, tree=tree
    )


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


async def compare(commits: Sequence[str], turns: int, count: int) -> bool:
    """Let both take turns, and print; False where a ratio is over what is asked. Raises `LoadError`."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="posdata-against-")))
        _tell(f"compiling {' and '.join(commits)}")
        trees = await asyncio.gather(*(compiled(each, folder) for each in commits))
        bench = await stack.enter_async_context(benched())
        pid, port = await stack.enter_async_context(listening(bench.program, "relay", str(bench.sink)))
        pin([pid], MEASURED_CORE)
        raw = Side(RAW, port, pid, CHEAP * count)
        _tell("starting")
        with suppress(PermissionError):  # a neighbour on the same core would be met by one side only
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(max(1, os.sched_getparam(0).sched_priority)))
        sides = {
            name: [await stack.enter_async_context(serving(tree, name, bench, count)) for tree in trees]
            for name in CAMPAIGNS
        }
        for turn in range(turns + 1):  # the first is for warming up
            for pair in sides.values():
                for each in pair if turn % 2 else pair[::-1]:
                    each.spent.append(await each.turn(bench))
            raw.spent.append(await raw.turn(bench))
            _tell(f"turn {turn} of {turns}: {_so_far(sides)}")
        for each in (raw, *(side for pair in sides.values() for side in pair)):
            del each.spent[0]
        return _show(commits, raw, sides)


def _short(commit: str) -> str:
    asked = ["git", "rev-parse", "--short", commit]
    return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _so_far(sides: Mapping[str, list[Side]]) -> str:
    return ", ".join(
        f"{name} {old.spent[-1]:.2f} -> {new.spent[-1]:.2f}" for name, (old, new) in sides.items()
    )


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _show(commits: Sequence[str], raw: Side, sides: Mapping[str, list[Side]]) -> bool:
    print(f"{'µs of CPU a notification':<28}{commits[0]:>9}{commits[1]:>9}     ratio  of all turns")
    print(f"{raw.name:<28}{'':>9}{raw.quick():>9.2f}")
    worst = 0.0
    for name, (old, new) in sides.items():
        all_turns = median(b / a for a, b in zip(old.spent, new.spent, strict=True))
        before, now = old.quick(), new.quick()
        worst = max(worst, now / before)
        ratios = f"x {now / before:.3f}  x {all_turns:.3f}"
        print(f"{name:<28}{before:>9.2f}{now:>9.2f}   {ratios}       (asked <= {ASKED:g})")
    print("kept" if worst <= ASKED else "MISSED", flush=True)
    return worst <= ASKED


def main() -> int:
    """Compile both, measure in turns, print; 1 when a ratio is over what is asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", nargs="?", default=BEFORE, help=f"what to compare with ({BEFORE})")
    parser.add_argument("--turns", type=int, default=20, help="how often each has its turn (20)")
    parser.add_argument("--notifications", type=int, default=30_000, help="in each turn (30000)")
    given = parser.parse_args()
    if os.access(MEMORY, os.W_OK):  # two trees and four databases are written: a busy disk takes minutes
        tempfile.tempdir = str(MEMORY)
    commits = [_short(each) for each in (given.commit, "HEAD")]
    try:
        return int(not asyncio.run(compare(commits, given.turns, given.notifications)))
    except LoadError as error:
        _tell(str(error))
        return 2


if __name__ == "__main__":
    sys.exit(main())
