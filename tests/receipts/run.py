"""One run: workers that are killed halfway, a keeper that is killed again and again, books that are exact.

Insertions with a share of the receipts come first; the others come when all of that is in the books, so
that what receipts cost can be told from what insertions do.
"""

import asyncio
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path
from random import Random

import asyncpg
import psutil

from adapters.files.journal_reader import boot_id
from tests.receipts.messages import UNANSWERED, messages
from tests.smpp_cases.world import CAMPAIGN

QUANTITY = 1 << 40
SETTLEMENTS_A_LIFE = 3
MOMENT_S = 0.3
LIVES = 2

_BOOK = f"""
INSERT INTO brands VALUES ('sol', 'retail');
INSERT INTO campaigns (number, name, brand, category, class, target, starts_at, ends_at, hours, pacing,
    test, labels, state, created_at)
OVERRIDING SYSTEM VALUE
VALUES ({CAMPAIGN}, 'sol', 'sol', 'retail', 'guaranteed', '{{}}', now() - interval '1 day',
    now() + interval '1 day', '[]', 'asap', false, '{{}}', 'live', now());
INSERT INTO ledger (campaign, quantity) VALUES ({CAMPAIGN}, {4 * QUANTITY});
"""

_LEASE = """
WITH epoch AS (
    INSERT INTO epochs (node, worker, epoch, boot_id) VALUES ('relay-1', 0, $1, $2) ON CONFLICT DO NOTHING
), lease AS (INSERT INTO leases (node, worker, epoch, campaign, granted) VALUES ('relay-1', 0, $1, $3, $4))
UPDATE ledger SET leased = leased + $4 WHERE campaign = $3
"""

_LEFT = """
SELECT (SELECT count(*) FROM epochs WHERE closed_at IS NULL) + (SELECT count(*) FROM awaited_inbox)
    + (SELECT count(*) FROM receipt_inbox)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of settlement and PostgreSQL for so many receipts, `starts_s` of them before any work."""

    receipts: int
    cpu_s: float
    starts_s: float

    @property
    def rate(self) -> float:
        """Receipts a second of one core, without the starts of killed processes."""
        return self.receipts / (self.cpu_s - self.starts_s)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the books say beside the truth, and what it cost: with all insertions, and receipts alone."""

    inserted: int
    accepted: int
    unknown: int
    delivered: int
    failed: int
    expected: tuple[int, int, int, int, int]
    kills: int
    seconds: float
    whole: Cost
    alone: Cost

    @property
    def exact(self) -> bool:
        """Whether not one insertion or receipt is missing or counted twice."""
        found = (self.inserted, self.accepted, self.unknown, self.delivered, self.failed)
        return found == self.expected


async def run(dsn: str, data_dir: Path, count: int, seed: int, kills: int) -> Outcome:
    """Play one run against a migrated, empty database."""
    truth = messages(count, seed)
    connection = await asyncpg.connect(dsn)
    await connection.execute(_BOOK)
    postgres = psutil.Process(await connection.fetchval("SELECT pg_backend_pid()")).parent()
    assert postgres is not None
    began = time.monotonic()
    costs = []
    for first, receipts in ((0, truth.overtaking), (truth.steps, len(truth.receipts) - truth.overtaking)):
        before = _cpu(postgres)
        keeper = _Keeper(dsn, data_dir, Random(seed + first), kills // 2)
        keeping = asyncio.ensure_future(keeper.run())
        for start, end in pairwise((first, first + truth.steps // 2, first + truth.steps)):
            await _life(connection, data_dir, count, seed, start, end)
        while await connection.fetchval(_LEFT):
            assert not keeping.done(), keeping.exception()
            await asyncio.sleep(0.1)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        costs.append(Cost(receipts, _cpu(postgres) - before + keeper.cpu_s, keeper.starts_s))
    row = await connection.fetchrow("SELECT * FROM ledger WHERE campaign = $1", CAMPAIGN)
    await connection.close()
    assert row is not None
    return Outcome(
        *(row[name] for name in ("inserted", "accepted", "unknown", "delivered", "failed")),
        expected=(
            count + LIVES * UNANSWERED, count, LIVES * UNANSWERED, truth.delivered, truth.failed,
        ),
        kills=kills // 2 * 2 + 2 * LIVES,
        seconds=time.monotonic() - began,
        whole=Cost(*(sum(each) for each in zip(*map(astuple, costs), strict=True))),
        alone=costs[1],
    )  # fmt: skip


async def _life(
    connection: asyncpg.Connection, data_dir: Path, count: int, seed: int, first: int, end: int
) -> None:
    """Let a worker live for some steps, and die with insertions in flight."""
    epoch = time.time_ns()
    arguments = [str(each) for each in (data_dir, epoch, count, seed, first, end)]
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.receipts.sender", *arguments, stdin=PIPE, stdout=PIPE
    )
    assert sender.stdout is not None
    assert sender.stdin is not None
    assert await sender.stdout.readline(), "the sender could not begin"
    await connection.execute(_LEASE, epoch, boot_id(), CAMPAIGN, QUANTITY)
    sender.stdin.write(b"\n")
    assert await sender.stdout.readline(), "the sender ended early"
    sender.kill()
    await sender.wait()


class _Keeper:
    """A keeper process that is killed `kills` times at its work; `cpu_s` is what all of them used.

    `starts_s` of it passed before they did any work.
    """

    def __init__(self, dsn: str, data_dir: Path, chance: Random, kills: int) -> None:
        self.cpu_s = self.starts_s = 0.0
        self._command = [sys.executable, "-m", "tests.receipts.keeper", str(data_dir), dsn]
        self._chance = chance
        self._kills = kills

    async def run(self) -> None:
        """Go on until cancelled: each life but the last one ends a moment after it has settled something."""
        for life in range(self._kills + 1):
            process = await asyncio.create_subprocess_exec(*self._command, stdout=PIPE, stderr=DEVNULL)
            assert process.stdout is not None
            try:
                self.starts_s += float(await process.stdout.readline())
                for _ in range(self._chance.randint(1, SETTLEMENTS_A_LIFE)):
                    assert await process.stdout.readline(), "the keeper ended by itself"
                await asyncio.sleep(self._chance.random() * MOMENT_S)
                while life == self._kills:
                    assert await process.stdout.readline(), "the keeper ended by itself"
            finally:
                await self._kill(process)

    async def _kill(self, process: Process) -> None:
        if process.returncode is None:
            used = psutil.Process(process.pid).cpu_times()
            self.cpu_s += used.user + used.system
            process.kill()
        await process.wait()


def _cpu(postgres: psutil.Process) -> float:
    """Return the CPU seconds of a server and all its children, living and gone."""
    total = 0.0
    for each in [postgres, *postgres.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
            if each == postgres:
                total += times.children_user + times.children_system
    return total
