"""Control's settlement and matching as a process, without the pauses between: to be killed at any time.

It says first what CPU its start took, in seconds, and `settled` whenever it has settled something.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import open_pool
from adapters.postgres.receipts import PostgresReceipts
from adapters.processes.epochs import Epochs

HORIZON_HOURS = 72
IDLE_S = 0.05


async def keep(data_dir: Path, dsn: str) -> None:
    """Settle and match for ever."""
    pool = await open_pool(dsn)
    books, receipts, epochs = PostgresBooks(pool), PostgresReceipts(pool), Epochs("relay-1", data_dir)
    _say(str(time.process_time()))
    while True:
        before = [each.applied for each in epochs.living]
        await epochs.look(books)
        await epochs.settle(books)
        while (await receipts.match(datetime.now(UTC), HORIZON_HOURS)).more:
            pass
        if before == [each.applied for each in epochs.living]:
            await asyncio.sleep(IDLE_S)
        else:
            _say("settled")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1]), sys.argv[2]))
