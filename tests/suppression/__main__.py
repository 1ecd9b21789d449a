"""Figures of a long suppression list: import, the node's file, membership, and the whole chain's cost.

    python -m tests.suppression [NUMBERS]

Makes a file of so many numbers (30,000,000), imports it into an embedded PostgreSQL of its own, lets a
register be built as control does, maps it and asks. Run it in a compiled copy (scripts/compile_hot.py copy)
for the figures of machine code.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from adapters.files.number_file import read_numbers, seal_numbers
from adapters.files.register_map import map_register, verify_register
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import close_pool, open_pool
from adapters.postgres.server import EmbeddedServer
from adapters.postgres.suppression_lists import SealedParts, import_list
from adapters.processes.registering import build_register
from engine.register_file import profiles_at, sets_of
from engine.subject import Register
from segments.native import COMPILED
from segments.number_set import NumberSet
from segments.seal import Seal

LADAS = (33, 55, 56, 81)
ASKED = 1_000_000
_AFTER_LADA = 100_000_000
_BLOCK = 5_000_000


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _write(path: Path, count: int) -> None:
    """Write LADA + 0 + digits first, then whatever else has two digits of LADA: no real list is at hand."""
    chance = np.random.default_rng(1)
    with path.open("wb") as stream:
        for at in range(0, count, _BLOCK):
            some = min(_BLOCK, count - at)
            numbers = chance.choice(LADAS, some) * _AFTER_LADA + chance.integers(0, _AFTER_LADA, some)
            stream.write(b"\n".join(np.char.mod(b"%010d", numbers).tolist()) + b"\n")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def _measure(folder: Path, count: int) -> None:
    path = folder / "list.txt"
    _write(path, count)
    seal = Seal(b"k" * 32)
    say(f"machine code: {COMPILED}; memory before: {_peak_mb():.0f} MB at its highest")
    begun = time.perf_counter()
    parts = SealedParts()
    for block in read_numbers(path):
        parts.add(seal_numbers(seal, block.numbers))
    say(f"read and sealed {count} lines in {time.perf_counter() - begun:.1f} s")
    server = EmbeddedServer(folder / "postgres")
    await server.start()
    pool = await open_pool(server.dsn)
    try:
        async with pool.acquire() as connection:
            await migrate(connection)
        begun = time.perf_counter()
        now = datetime.now(UTC)
        imported = await import_list(pool, "repep", parts, source="", by="figures", at=now, replace=False)
        say(f"imported {imported.numbers} numbers in {time.perf_counter() - begun:.1f} s")
        begun = time.perf_counter()
        built, contents = await build_register(pool, folder, seal.check)
        size = built.stat().st_size / 1e6
        say(f"built the node's file ({size:.0f} MB) in {time.perf_counter() - begun:.1f} s")
        say(f"memory: {_peak_mb():.0f} MB at its highest (import and building in one process)")
        begun = time.perf_counter()
        mapped, contents = map_register(built)
        say(f"mapped by a worker in {(time.perf_counter() - begun) * 1000:.2f} ms")
        verify_register(mapped, contents)
        register = Register(seal, opt_in=False)
        suppressed, chosen = sets_of(mapped, contents)
        register.take(mapped, suppressed, chosen, profiles_at(contents), contents.profiles)
        _ask(register, suppressed)
    finally:
        await close_pool(pool)
        await server.stop()


def _ask(register: Register, suppressed: NumberSet) -> None:
    chance = np.random.default_rng(2)
    asked = chance.choice(LADAS, ASKED) * _AFTER_LADA + chance.integers(0, _AFTER_LADA, ASKED)
    numbers: list[int] = asked.tolist()
    sealed = [register.seal.of(number) for number in numbers]
    say(f"{_cost(suppressed.find, sealed):.2f} µs for the membership of a random sealed number")
    say(
        f"{_cost(register.look, numbers):.2f} µs to look up a random subscriber, sealing and consent included"
    )


def _cost(ask: Callable[[int], object], numbers: list[int]) -> float:
    """Return the CPU time of one question, in microseconds."""
    begun = time.thread_time()
    for _ in numbers:
        pass
    empty = time.thread_time() - begun
    begun = time.thread_time()
    for number in numbers:
        ask(number)
    return (time.thread_time() - begun - empty) / len(numbers) * 1e6


def main() -> None:
    """Measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000_000
    with tempfile.TemporaryDirectory(prefix="posdata-suppression-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        asyncio.run(_measure(folder, count))


if __name__ == "__main__":
    main()
