"""The C programs of load.c: built on the spot, started, asked what they cost."""

import asyncio
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

from adapters.bench.process import pin, urgent

# The load and what is measured do not share a core where there are two.
LOAD_CORE = 0
MEASURED_CORE = 1


def measured_core(index: int) -> int:
    """Return the core of the `index`-th process that is measured; the load's is the last that is taken."""
    free = sorted(os.sched_getaffinity(0) - {LOAD_CORE}) or [MEASURED_CORE]
    return [*free, LOAD_CORE][index % (len(free) + 1)]


class LoadError(Exception):
    """The load could not be built or run; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the generator measured of one run; latencies in microseconds, from when a request was due.

    `again` were sent again, as their link was lost; `passed` are those that the sink itself answered.
    """

    count: int
    seconds: float
    refused: int
    p50_us: float
    p99_us: float
    again: int = 0
    passed: int = 0
    passed_p50_us: float = 0
    passed_p99_us: float = 0

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
    """Run `sink`, `relay` or `awake` and yield its process id and port."""
    async with _started(program, *arguments) as process:
        yield process.pid, int(await _line(process))


@dataclass(frozen=True, slots=True)
class Sink:
    """A running SMSC that answers everything."""

    port: int
    process: asyncio.subprocess.Process

    @property
    def pid(self) -> int:
        """Its process."""
        return self.process.pid

    async def submits(self) -> int:
        """Return how many submit_sm and data_sm it has answered."""
        self.process.send_signal(signal.SIGUSR1)
        return int(await _line(self.process))


@asynccontextmanager
async def sinking(program: Path) -> AsyncIterator[Sink]:
    """Run `sink` on the load's core."""
    async with _started(program, "sink") as process:
        pin([process.pid], LOAD_CORE)
        yield Sink(int(await _line(process)), process)


@asynccontextmanager
async def _started(program: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(str(program), *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def awake(program: Path) -> AsyncIterator[None]:
    """Keep both cores from sleeping: on a virtual machine the host may take its time to wake one."""
    async with AsyncExitStack() as stack:
        for core in (LOAD_CORE, MEASURED_CORE):
            pid, _ = await stack.enter_async_context(listening(program, "awake"))
            pin([pid], core)
        yield


@dataclass(frozen=True, slots=True)
class Order:
    """What the generator shall send: `rate` 0 is as fast as answers come, `seconds` 0 without an end.

    At a rate so many leave `together`, in one write of one bind; the next bind has the next turn. `again`
    opens lost links anew and sends what they left unanswered again; else a lost link is an error.
    """

    window: int
    count: int
    rate: float = 0
    binds: int = 1
    seconds: float = 0
    together: int = 1
    again: bool = False


async def send(program: Path, port: int, pdus: Path, order: Order) -> Sent:
    """Send as ordered and return what was measured. Raises `LoadError`."""
    asked = (
        order.window,
        order.count,
        order.rate,
        order.binds,
        order.together,
        order.seconds,
        int(order.again),
    )
    process = await asyncio.create_subprocess_exec(
        str(program), "send", str(port), str(pdus), *map(str, asked), stdout=asyncio.subprocess.PIPE
    )
    pin([process.pid], LOAD_CORE)
    try:
        # At full speed it must leave its core to the node's other processes, or they would stand still.
        with urgent([process.pid] if order.rate else []):
            line = await _line(process)
        if await process.wait() or not line:
            raise LoadError("the generator's link was lost: look at the node's log")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Sent(**json.loads(line))


async def _line(process: asyncio.subprocess.Process) -> bytes:
    stream = process.stdout
    return await stream.readline() if stream is not None else b""
