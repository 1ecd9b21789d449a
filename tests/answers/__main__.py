"""Kill the sender of answers 50 times, and tell whether anybody got two: `python -m tests.answers`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from adapters.postgres.migrate import migrate
from adapters.postgres.pool import open_pool
from adapters.postgres.server import EmbeddedServer
from tests.answers.run import Verdict, killed_senders


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _run(asked: argparse.Namespace) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="posdata-answers-") as directory:
        server = EmbeddedServer(Path(directory))
        await server.start()
        try:
            async with await open_pool(server.dsn) as pool:
                async with pool.acquire() as connection:
                    await migrate(connection)
                return await killed_senders(
                    pool,
                    server.dsn,
                    kills=asked.kills,
                    leads_a_life=asked.leads,
                    seed=asked.seed,
                    told=_say,
                )
        finally:
            await server.stop()


def main() -> int:
    """Run, print the verdict, and return 0 when all is as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.answers", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--leads", type=int, default=60, help="leads for each life of the sender")
    parser.add_argument("--seed", type=int, default=0)
    verdict = asyncio.run(_run(parser.parse_args()))
    _say("\n".join(verdict.lines()))
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
