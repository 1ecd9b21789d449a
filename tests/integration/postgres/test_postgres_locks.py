"""Locks come in one order, the audit log's last: whoever changes anything, nobody waits in a circle."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from adapters.postgres.audit import AUDIT_LOCK, check_audit, read_audit
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.desk import PostgresDesk, Word
from adapters.postgres.locked_campaign import Deed
from adapters.postgres.pool import Pool, close_pool, open_pool
from adapters.postgres.reviews import PostgresReviews
from adapters.postgres.stock import Stock
from adapters.postgres.switches import PostgresSwitches
from engine.access import Principal, Role
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.workflow import Action
from segments.targets import Target

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
OPS = Principal("ops", "ops", "carrier", Role.OPS)
DEED = Deed(OPS, NOW)
ROUNDS = 10

Change = Callable[[], Awaitable[object]]


@pytest.fixture
async def async_pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    """Open a pool on this test's database."""
    pool = await open_pool(postgres_dsn)
    yield pool
    await close_pool(pool)


async def booked(pool: Pool) -> str:
    """Book a campaign of two texts that serves now, and return its id."""
    draft = CampaignDraft(
        name="Buen Fin",
        brand="tienda-sol",
        category="retail",
        campaign_class=CampaignClass.HOUSE,
        creatives=tuple(CreativeDraft(text) for text in ("Compra hoy", "Compra ya")),
        target=Target(),
        starts_at=NOW - timedelta(days=1),
        ends_at=NOW + timedelta(days=1),
        quantity=None,
    )
    [made] = await PostgresCampaigns(pool).add([draft], approve=True, now=NOW)
    return made


async def changes(pool: Pool) -> dict[str, Change]:
    """Return what somebody may change, all about one campaign."""
    campaign = await booked(pool)
    creative = await pool.fetchval("SELECT id::text FROM creatives ORDER BY position LIMIT 1")
    switches, desk, reviews = PostgresSwitches(pool), PostgresDesk(pool, Stock(len)), PostgresReviews(pool)
    return {
        "ads": lambda: switches.ads(on=False, by="ops", now=NOW),
        "stop": lambda: switches.stop(campaign, by="ops", now=NOW),
        "pause": lambda: desk.act(Action.PAUSE, campaign, DEED, Word()),
        "takedown": lambda: reviews.decide("takedown", creative, DEED, version=None, reason="queja"),
    }


@pytest.mark.parametrize("name", ["ads", "stop", "pause", "takedown"])
async def test_who_waits_for_the_switches_does_not_hold_the_audit_log(async_pool: Pool, name: str) -> None:
    """While another transaction has the switches' row, the log can be written; then it goes through."""
    change = (await changes(async_pool))[name]
    async with async_pool.acquire() as other:
        async with other.transaction():
            await other.execute("SELECT * FROM switches FOR UPDATE")
            waiting = asyncio.ensure_future(change())
            async with asyncio.timeout(10):
                while not await other.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"):
                    await asyncio.sleep(0)
            assert await other.fetchval("SELECT pg_try_advisory_xact_lock($1)", AUDIT_LOCK)
        await waiting
    told = [each.action for each in await read_audit(async_pool)]
    assert (len(told), told.count("create")) == (2, 1)


async def test_changes_of_every_kind_at_once_end_and_are_all_in_the_log(async_pool: Pool) -> None:
    """Switches, stops, pauses and the clock, ten times each: no deadlock, and the log's chain is whole."""
    campaign, other = await booked(async_pool), await booked(async_pool)
    switches, desk = PostgresSwitches(async_pool), PostgresDesk(async_pool, Stock(len))
    campaigns = PostgresCampaigns(async_pool)

    async def switch() -> None:
        for turn in range(ROUNDS):
            await switches.ads(on=bool(turn % 2), by="ops", now=NOW)

    async def stop() -> None:
        for _ in range(ROUNDS):
            await switches.stop(campaign, by="ops", now=NOW)
            await switches.resume(campaign, by="ops", now=NOW)

    async def pause(which: str) -> None:
        for _ in range(ROUNDS):
            await desk.act(Action.PAUSE, which, DEED, Word())
            await desk.act(Action.RESUME, which, DEED, Word())

    async def turn_the_clock() -> None:
        for _ in range(ROUNDS):
            await campaigns.advance(NOW)

    async with asyncio.timeout(30):
        await asyncio.gather(switch(), stop(), pause(campaign), pause(other), turn_the_clock())
    assert (await check_audit(async_pool)).broken is None
    entries = await read_audit(async_pool, limit=500)
    told = [each.action for each in entries if each.action != "advance"]
    assert {action: told.count(action) for action in set(told)} == {
        "create": 2,
        "switch": ROUNDS,
        "stop": ROUNDS,
        "resume": 3 * ROUNDS,
        "pause": 2 * ROUNDS,
    }
