"""Matching on a real PostgreSQL: whatever the order, each insertion's first receipt counts once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.postgres.pool import Pool
from adapters.postgres.receipts import OVERTAKES_S, PostgresReceipts
from engine.receipts import DELIVERED, EXPIRED, UNDELIVERABLE, route_number
from inventory.books import Awaited, Received, hour_of
from inventory.receipts import Matching
from tests.receipts.run import run

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
HOUR = hour_of(NOW)
HORIZON = 72
ROUTE = route_number("default")
MASK = 7


class Matcher:
    """Campaigns 1 (makes good) and 2, ten accepted insertions each, and one matcher."""

    def __init__(self, pool: Pool, runner: asyncio.Runner) -> None:
        self.pool = pool
        self.runner = runner
        self.receipts = PostgresReceipts(pool)
        self.now = NOW
        runner.run(self._book())

    async def _book(self) -> None:
        await self.pool.execute("INSERT INTO brands VALUES ('sol', 'retail')")
        for make_good in ("failed", None):
            number = await self.pool.fetchval(
                "INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours,"
                " pacing, test, labels, state, created_at, make_good) VALUES ('sol', 'sol', 'retail',"
                " 'standard', '{}', $1, $2, '[]', 'asap', false, '{}', 'live', $1, $3) RETURNING number",
                NOW - timedelta(days=9),
                NOW + timedelta(hours=1),
                make_good,
            )
            await self.pool.execute(
                "INSERT INTO ledger (campaign, quantity, inserted, accepted, settled)"
                " VALUES ($1, 10, 10, 10, 10)",
                number,
            )

    def awaits(self, *numbers: int, campaign: int = 1, hour: int = HOUR) -> None:
        """Let insertions wait, each by its number."""
        rows = [Awaited(number, campaign, 300 + campaign, 55, hour) for number in numbers]
        self.runner.run(self._copy("awaited_inbox", rows))

    def receive(self, *numbers: int, state: int = DELIVERED) -> None:
        """Let receipts come."""
        rows = [Received(number, ROUTE, state, MASK) for number in numbers]
        self.runner.run(self._copy("receipt_inbox", rows))

    async def _copy(self, table: str, rows: Sequence[Awaited] | Sequence[Received]) -> None:
        async with self.pool.acquire() as connection:
            await connection.copy_records_to_table(table, records=rows)

    def match(self, later: timedelta = timedelta()) -> Matching:
        """Look once, some time later."""
        self.now += later
        return self.runner.run(self.receipts.match(self.now, HORIZON))

    def ledger(self, campaign: int = 1) -> tuple[int, int, int, int]:
        """Return delivered, failed, made good and settled."""
        query = "SELECT delivered, failed, made_good, settled FROM ledger WHERE campaign = $1"
        return tuple(self.runner.run(self.pool.fetchrow(query, campaign)))

    def counts(self) -> dict[tuple[int, int, str, str], int]:
        """Return the counts by campaign, hour, event and cause."""
        rows = self.runner.run(self.pool.fetch("SELECT * FROM insertion_counts"))
        return {(row["campaign"], row["hour"] - HOUR, row["event"], row["cause"]): row["n"] for row in rows}


@pytest.fixture
def matcher(pool: Pool, runner: asyncio.Runner) -> Matcher:
    """Two campaigns and nothing else."""
    return Matcher(pool, runner)


@pytest.mark.parametrize("order", ["insertion", "receipt", "together"])
def test_whichever_comes_later_finds_the_other(matcher: Matcher, order: str) -> None:
    """A receipt before, with or after its answer counts at the insertion's hour, and nothing is unmatched."""
    steps = [lambda: matcher.awaits(1, -2, hour=HOUR - 5), lambda: matcher.receive(-2, 1)]
    for step in reversed(steps) if order == "receipt" else steps:
        step()
        if order != "together":
            matcher.match(timedelta(seconds=20))
    matcher.match()
    assert matcher.ledger() == (2, 0, 0, 10)
    assert matcher.counts() == {(1, -5, "delivered", ""): 2}
    assert not matcher.match(timedelta(hours=1)).unmatched


def test_a_receipt_counts_once(matcher: Matcher) -> None:
    """Doubled in one set, in another one, or with another state later: the first one holds."""
    matcher.awaits(1, 2, 3)
    matcher.receive(1, 1, 2)
    matcher.receive(2, state=UNDELIVERABLE)
    matcher.match()
    matcher.receive(1, 2)
    matcher.receive(1, 3, state=EXPIRED)
    matcher.match()
    assert matcher.ledger() == (2, 1, 1, 9)
    assert not matcher.match(timedelta(minutes=5)).unmatched


def test_failed_units_return_before_the_end(matcher: Matcher) -> None:
    """Only to the campaign that makes good, and only until its flight ends."""
    matcher.awaits(1, 2, campaign=1)
    matcher.awaits(11, campaign=2)
    matcher.receive(1, 11, state=UNDELIVERABLE)
    matcher.match()
    assert (matcher.ledger(1), matcher.ledger(2)) == ((0, 1, 1, 9), (0, 1, 0, 10))
    matcher.receive(2, state=EXPIRED)
    matcher.match(timedelta(hours=1))
    assert matcher.ledger(1) == (0, 2, 1, 9)
    assert matcher.counts() == {
        (1, 0, "failed", "undeliverable"): 1, (1, 0, "made_good", "undeliverable"): 1,
        (1, 0, "failed", "expired"): 1, (2, 0, "failed", "undeliverable"): 1,
    }  # fmt: skip


def test_what_finds_nothing_is_unmatched_once_and_may_still_count(matcher: Matcher) -> None:
    """After 60 s, by route, with a sample; an answer that is settled even later is found."""
    matcher.receive(5, 6)
    matcher.receive(7, state=EXPIRED)
    matcher.match()
    assert not matcher.match(timedelta(seconds=OVERTAKES_S - 1)).unmatched
    [unmatched] = matcher.match(timedelta(seconds=2)).unmatched
    assert (unmatched.route, unmatched.receipts, unmatched.failed, unmatched.mask) == (ROUTE, 3, 1, MASK)
    assert not matcher.match(timedelta(seconds=200)).unmatched
    matcher.awaits(6)
    matcher.match()
    assert matcher.ledger() == (1, 0, 0, 10)


def test_the_horizon_ends_the_wait(matcher: Matcher) -> None:
    """A receipt that comes later than it counts nothing."""
    matcher.awaits(1, 2, hour=HOUR - HORIZON + 1)
    matcher.receive(1)
    matcher.match()
    matcher.receive(2)
    matcher.match(timedelta(hours=2))
    assert matcher.ledger() == (1, 0, 0, 10)


def test_partitions_go_when_nobody_needs_them(matcher: Matcher) -> None:
    """Whole days; those of insertions stay as long as they are kept, others as long as the horizon."""
    for day in range(10):
        matcher.awaits(day, hour=HOUR + 24 * day)
        matcher.receive(1000 + day)
        matcher.match()
        matcher.now += timedelta(days=1)
    dropped = matcher.runner.run(matcher.receipts.drop_old(matcher.now, HORIZON, 7))
    days = Counter(name.rpartition("_")[0] for name in dropped)
    assert days == {"awaited_receipts": 3, "early_receipts": 7}
    assert matcher.runner.run(matcher.receipts.drop_old(matcher.now, HORIZON, 7)) == []
    matcher.awaits(50, hour=hour_of(matcher.now))
    matcher.receive(50)
    matcher.match()
    assert matcher.ledger()[0] == 1


def test_a_backlog_is_taken_in_parts(matcher: Matcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look takes so many of either kind, says that there is more, and ends."""
    monkeypatch.setattr("adapters.postgres.receipts.MOST_A_LOOK", 3)
    matcher.awaits(*range(8))
    matcher.receive(*range(8))
    looks = 1
    while matcher.match().more:
        looks += 1
    assert (looks, matcher.ledger()) == (3, (8, 0, 0, 10))


def test_only_one_matcher_works_at_a_time(matcher: Matcher) -> None:
    """Another one finds nothing to do, and loses nothing."""
    matcher.awaits(1)
    matcher.receive(1)

    async def beside() -> Matching:
        async with matcher.pool.acquire() as connection, connection.transaction():
            lock = int.from_bytes(b"receipts")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", lock)
            return await matcher.receipts.match(NOW, HORIZON)

    assert matcher.runner.run(beside()) == Matching((), (), more=False)
    matcher.match()
    assert matcher.ledger() == (1, 0, 0, 10)


def test_thousands_of_receipts_through_kills_are_exact(postgres_dsn: str, tmp_path: Path) -> None:
    """The short form of `make receipts`: a worker killed halfway, a keeper again and again."""
    outcome = asyncio.run(run(postgres_dsn, tmp_path, count=6000, seed=3, kills=2))
    assert outcome.exact, outcome
