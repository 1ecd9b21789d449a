"""`python -m tests.receipts`: a million insertions and receipts through kills; exact, and how fast."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

import asyncpg

from adapters.postgres.migrate import migrate
from adapters.postgres.server import EmbeddedServer
from tests.receipts.run import Outcome, run

ASKED_A_SECOND = 20_000


def main() -> int:
    """Run; 1 when a count is not exact."""
    options = argparse.ArgumentParser(prog="python -m tests.receipts", description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000, help="insertions (1,000,000)")
    options.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="repeats a run")
    options.add_argument("--kills", type=int, default=20, help="how often settlement is killed (20)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="posdata-receipts-") as name:
        Path(name).chmod(0o755)
        outcome = asyncio.run(_run(Path(name), given.count, given.seed, given.kills))
    _print(outcome, given.seed)
    return 0 if outcome.exact else 1


async def _run(directory: Path, count: int, seed: int, kills: int) -> Outcome:
    server = EmbeddedServer(directory / "postgres")
    await server.start()
    try:
        connection = await asyncpg.connect(server.dsn)
        await migrate(connection)
        await connection.close()
        return await run(server.dsn, directory / "data", count, seed, kills)
    finally:
        await server.stop()


def _print(outcome: Outcome, seed: int) -> None:
    names = ("inserted", "accepted", "unknown", "delivered", "failed")
    _say(
        f"seed {seed}: {outcome.whole.receipts:,} receipts, {outcome.kills} SIGKILLs, {outcome.seconds:.0f} s"
    )
    for name, expected in zip(names, outcome.expected, strict=True):
        _say(f"  {name:<10}{getattr(outcome, name):>12,}  the truth {expected:>12,}")
    alone, whole = outcome.alone, outcome.whole
    _say(
        f"  {alone.rate:,.0f} receipts a second of one core, settlement and PostgreSQL together"
        f" ({alone.receipts:,} that came after all insertions); asked: {ASKED_A_SECOND:,}"
    )
    _say(
        f"  {whole.rate:,.0f} with the CPU of all insertions and their answers in it; left out of both:"
        f" the starts of killed processes, {whole.starts_s:.1f} of {whole.cpu_s:.1f} s"
    )
    _say("exact" if outcome.exact else "NOT EXACT")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
