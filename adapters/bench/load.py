"""The C programs of load.c: built on the spot, started, asked what they cost."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path


class LoadError(Exception):
    """The load could not be built or run; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the generator measured of one run; latencies in microseconds."""

    count: int
    seconds: float
    refused: int
    p50_us: float
    p99_us: float

    @property
    def rate(self) -> float:
        """Requests answered a second."""
        return self.count / self.seconds


async def build(directory: Path) -> Path:
    """Compile load.c; raises `LoadError` without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise LoadError("the benchmark's generator is C: install a compiler (cc) and run this again")
    program = directory / "load"
    with as_file(files(__package__) / "load.c") as source:
        process = await asyncio.create_subprocess_exec(compiler, "-O2", "-o", str(program), str(source))
        if await process.wait():
            raise LoadError(f"{compiler} could not compile {source}")
    return program


@asynccontextmanager
async def listening(program: Path, *arguments: str) -> AsyncIterator[tuple[int, int]]:
    """Run `sink` or `relay` and yield its process id and port."""
    process = await asyncio.create_subprocess_exec(str(program), *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        yield process.pid, int(await _line(process))
    finally:
        process.kill()
        await process.wait()


async def send(  # the program's own order
    program: Path, port: int, pdus: Path, window: int, count: int, rate: float = 0, binds: int = 1
) -> Sent:
    """Send `count` requests and return what was measured; `rate` 0 is as fast as answers come."""
    numbers = map(str, (window, count, rate, binds))
    process = await asyncio.create_subprocess_exec(
        str(program), "send", str(port), str(pdus), *numbers, stdout=asyncio.subprocess.PIPE
    )
    pin([process.pid], 0)
    line = await _line(process)
    if await process.wait() or not line:
        raise LoadError("the generator's link was lost: look at the node's log")
    return Sent(**json.loads(line))


async def _line(process: asyncio.subprocess.Process) -> bytes:
    stream = process.stdout
    return await stream.readline() if stream is not None else b""


def cpu_seconds(pid: int) -> float:
    """Return the seconds that a process has spent on a processor, all threads, user and system.

    From /proc/PID/task/*/schedstat, in nanoseconds: the ticks of /proc/PID/stat are too coarse here.
    """
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9


def pin(pids: Sequence[int], core: int) -> None:
    """Keep processes on one core, where the machine has it."""
    if core in os.sched_getaffinity(0):
        for pid in pids:
            os.sched_setaffinity(pid, {core})
