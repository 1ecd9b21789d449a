"""People in PostgreSQL: counted once, whatever batch and day told of them."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from adapters.postgres.reach import PostgresReach
from inventory.books import Batch, Epoch
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.reach import HASH_BITS, reach_of
from segments.clock import pinned_zone
from segments.targets import Target

pytestmark = pytest.mark.postgres

EPOCH = Epoch("relay-1", 0, 1)
NOW = datetime(2026, 11, 24, 18, tzinfo=UTC)
ZONE = pinned_zone("America/Mexico_City")
NOON = int(NOW.timestamp()) // 3600
EVENING = int(datetime(2026, 11, 25, 4, tzinfo=UTC).timestamp()) // 3600  # 22:00 of the 24th in Mexico
DAY = date(2026, 11, 24)
DRAFT = CampaignDraft(
    name="Buen Fin",
    brand="tienda-sol",
    category="retail",
    campaign_class=CampaignClass.HOUSE,
    creatives=(CreativeDraft("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"),),
    target=Target(),
    starts_at=NOW - timedelta(days=50),
    ends_at=NOW + timedelta(days=50),
    quantity=None,
)


async def booked(pool: Pool) -> int:
    """Add a campaign and return its number."""
    await PostgresCampaigns(pool).add([DRAFT], approve=True, now=NOW)
    number: int = await pool.fetchval("SELECT max(number) FROM campaigns")
    return number


def test_people_are_counted_once_over_batches_and_days(pool: Pool, runner: asyncio.Runner) -> None:
    """Twice on one day of the carrier's zone and once on the next: 20,000 people within 3 %, 3 ads each."""

    async def go() -> None:
        number = await booked(pool)
        books, reach = PostgresBooks(pool), PostgresReach(pool)
        await books.open_epoch(EPOCH, "boot")
        people = np.random.default_rng(1).choice(1 << HASH_BITS, 20_000, replace=False).tolist()
        for sequence, hour in enumerate((NOON, EVENING, EVENING + 8)):
            batch = Batch(EPOCH, sequence, sequence + 1, exposures={(number, hour): people})
            assert await books.settle(batch)
            assert not await books.settle(batch)
            await reach.fold(ZONE, NOW)
        assert await pool.fetchval("SELECT count(*) FROM exposure_inbox") == 0
        assert await pool.fetchval("SELECT count(*) FROM reach_days") == 2
        told = reach_of(await reach.read(number, DAY, DAY + timedelta(days=1)), 10)
        assert told.people == pytest.approx(20_000, rel=0.03)
        assert told.frequency == {"3": told.people}
        one_day = reach_of(await reach.read(number, DAY, DAY), 10)
        assert one_day.frequency == {"2": one_day.people}

    runner.run(go())


def test_samples_are_forgotten_in_time(pool: Pool, runner: asyncio.Runner) -> None:
    """After the retention of exposures no hash is left, and the reach still is; later ads add to it."""

    async def go() -> None:
        number = await booked(pool)
        books, reach = PostgresBooks(pool), PostgresReach(pool)
        await books.open_epoch(EPOCH, "boot")
        people = np.random.default_rng(1).choice(1 << HASH_BITS, 5000, replace=False).tolist()
        await books.settle(Batch(EPOCH, 0, 1, exposures={(number, NOON): people}))
        await reach.fold(ZONE, NOW)
        await reach.forget_samples(NOW + timedelta(days=90), 90)
        assert await pool.fetchval("SELECT sum(length(sample)) FROM reach_days") > 0
        await reach.forget_samples(NOW + timedelta(days=92), 90)
        assert await pool.fetchval("SELECT sum(length(sample)) FROM reach_days") == 0
        await books.settle(Batch(EPOCH, 1, 2, exposures={(number, NOON): [5]}))
        await reach.fold(ZONE, NOW)
        told = reach_of(await reach.read(number, DAY, DAY), 10)
        assert told.frequency is None
        assert told.people == pytest.approx(5000, rel=0.05)

    runner.run(go())
