"""Reports over a real database: whatever the grouping, they add up to the ledger."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from adapters.postgres.report_days import pack_days
from adapters.postgres.reports import ALWAYS, PostgresReports, Reported
from inventory.books import Batch, CountKey, Epoch, Event, LeaseRequest
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.reports import Figures, total
from segments.targets import Target

pytestmark = pytest.mark.postgres

EPOCH = Epoch("relay-1", 0, 1)
NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
FIRST_HOUR = 498_000
HOURS = 24 * 4
PLACES = (0, 33, 55, 14_039_033, 9_015_055)
OUTCOMES = (Event.ACCEPTED, Event.REJECTED, Event.UNKNOWN)


def batches(campaign: int, seed: int) -> list[Batch]:
    """Return random batches of one campaign: insertions, their outcomes, and late answers to some."""
    chance = random.Random(seed)
    found = []
    for sequence in range(30):
        events: dict[tuple[CountKey, Event, str], int] = {}
        for _ in range(20):
            hour = FIRST_HOUR + chance.randrange(HOURS)
            key = CountKey(campaign, chance.randrange(3), chance.choice(PLACES), hour)
            count = chance.randrange(1, 9)
            outcome = chance.choice(OUTCOMES)
            events[key, Event.INSERTED, ""] = events.get((key, Event.INSERTED, ""), 0) + count
            events[key, outcome, ""] = events.get((key, outcome, ""), 0) + count
            if outcome is Event.UNKNOWN:
                late = chance.choice((Event.LATE_ACCEPTED, Event.LATE_REJECTED))
                events[key, late, ""] = events.get((key, late, ""), 0) + chance.randrange(count + 1)
        found.append(Batch(EPOCH, sequence, sequence + 1, events))
    return found


def assert_adds_up(reported: Reported, number: int) -> None:
    """See that both ways of counting give the ledger's row."""
    counts = reported.campaigns[number].counts
    ledger = (counts.inserted, counts.accepted, counts.rejected, counts.unknown)
    counted = reported.counted[number]
    for figures in (total(counted.by_hour.values()), total(counted.by_cell.values())):
        assert (figures.inserted, figures.accepted, figures.rejected, figures.unknown) == ledger


DRAFT = CampaignDraft(
    name="Buen Fin",
    brand="tienda-sol",
    category="retail",
    campaign_class=CampaignClass.STANDARD,
    creatives=(CreativeDraft("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"),),
    target=Target(),
    starts_at=NOW - timedelta(days=50),
    ends_at=NOW + timedelta(days=50),
    quantity=1_000_000,
)


async def booked(pool: Pool, name: str = "Buen Fin") -> tuple[str, int]:
    """Add a campaign and return its id and number."""
    [campaign_id] = await PostgresCampaigns(pool).add([replace(DRAFT, name=name)], approve=True, now=NOW)
    number = await pool.fetchval("SELECT number FROM campaigns WHERE id = $1", campaign_id)
    return campaign_id, number


async def leased(books: PostgresBooks, number: int) -> None:
    """Open the epoch and let it hold units."""
    await books.open_epoch(EPOCH, "boot")
    await books.grant(EPOCH, [LeaseRequest(number, 0, 5000.0)], 30.0, 1, now=NOW)


@pytest.mark.parametrize("seed", range(3))
def test_every_grouping_adds_up_to_the_ledger(pool: Pool, runner: asyncio.Runner, seed: int) -> None:
    """By hour, by text and place; before days are packed, after, and when more comes to packed days."""

    async def go() -> None:
        books, reports = PostgresBooks(pool), PostgresReports(pool)
        campaign_id, number = await booked(pool)
        await leased(books, number)
        random_batches = batches(number, seed)
        for batch in random_batches[:20]:
            assert await books.settle(batch)
        assert_adds_up(await reports.one(campaign_id, ALWAYS, now=NOW), number)
        assert await pack_days(pool, FIRST_HOUR + HOURS + 48) >= 4
        before = await reports.one(campaign_id, ALWAYS, now=NOW)
        assert_adds_up(before, number)
        for batch in random_batches[20:]:
            assert await books.settle(batch)
        after = await reports.one(campaign_id, ALWAYS, now=NOW)
        assert_adds_up(after, number)
        assert before.counted != after.counted

    runner.run(go())


def test_a_span_is_cut_at_its_hours(pool: Pool, runner: asyncio.Runner) -> None:
    """Spans that lie side by side add up to the whole, whether their days are packed or cut."""

    async def go() -> None:
        books, reports = PostgresBooks(pool), PostgresReports(pool)
        campaign_id, number = await booked(pool)
        await leased(books, number)
        for batch in batches(number, 7):
            await books.settle(batch)
        whole = (await reports.one(campaign_id, ALWAYS, now=NOW)).counted[number].by_hour
        await pack_days(pool, FIRST_HOUR + HOURS + 48)
        cut = FIRST_HOUR + 31
        early = (await reports.one(campaign_id, (0, cut), now=NOW)).counted[number]
        late = (await reports.one(campaign_id, (cut, 1 << 30), now=NOW)).counted[number]
        assert {**early.by_hour, **late.by_hour} == whole
        assert max(early.by_hour) < cut <= min(late.by_hour)
        cells = total([*early.by_cell.values(), *late.by_cell.values()])
        assert cells == total(whole.values())

    runner.run(go())


def test_a_campaign_without_insertions_is_all_zero(pool: Pool, runner: asyncio.Runner) -> None:
    """It has no rows, and nothing is in doubt."""

    async def go() -> None:
        campaign_id, number = await booked(pool)
        reported = await PostgresReports(pool).one(campaign_id, ALWAYS, now=NOW)
        assert total(reported.counted[number].by_hour.values()) == Figures()
        assert reported.settled_at == NOW

    runner.run(go())


def test_an_open_journal_of_a_silent_node_leaves_hours_in_doubt(pool: Pool, runner: asyncio.Runner) -> None:
    """Until its node says how far it has settled; a node whose journals are closed does not matter."""

    async def go() -> None:
        campaign_id, _ = await booked(pool)
        reports, books = PostgresReports(pool), PostgresBooks(pool)
        await books.open_epoch(EPOCH, "boot")
        assert (await reports.one(campaign_id, ALWAYS, now=NOW)).settled_at is None
        await pool.execute(
            "INSERT INTO nodes (name, seen_at, confirmed, status, settled_at) "
            "VALUES ('relay-1', $1, 1, '{}', $1)",
            datetime(2026, 11, 24, 17, tzinfo=UTC),
        )
        assert (await reports.one(campaign_id, ALWAYS, now=NOW)).settled_at == datetime(
            2026, 11, 24, 17, tzinfo=UTC
        )
        await books.close_epoch(EPOCH, lost=False, now=NOW)
        assert (await reports.one(campaign_id, ALWAYS, now=NOW)).settled_at == NOW

    runner.run(go())
