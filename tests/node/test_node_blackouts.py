"""A blackout on a whole node: from the database through the plan to the worker, and back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from adapters.simulator.notification import Address
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from inventory.blackouts import BlackoutDraft
from segments.targets import Selector, Target
from tests.node.harness import PATIENCE_S, campaign, eventually, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio]

AD = b"Compra en tienda sol"
HOUR = timedelta(hours=1)


async def test_a_blackout_keeps_ads_away_until_it_is_withdrawn(tmp_path: Path) -> None:
    """Of the category and the place it names, and of no others; what went without is counted so."""
    now = datetime.now(UTC)
    draft = BlackoutDraft("Veda", ("Retail",), Target((Selector("lada", "55"),)), now - HOUR, now + HOUR)
    async with SimulatedSmsc(keep_frames=1000) as smsc, running(tmp_path, settings_for(smsc.port)) as node:
        await node.book(campaign("sol", AD.decode(), 1_000_000))
        platform = RawPlatform(*node.relay)
        await platform.keep_submitting([])

        async def advertised(lada: str = "55") -> bool:
            platform.submit(replace(notification(1), destination=Address(f"52{lada}00000001", 1, 1)))
            await platform.settled(PATIENCE_S)
            return list(smsc.frames)[-1].octets.endswith(AD)

        async def bare() -> bool:
            return not await advertised()

        await eventually(advertised)
        dsn = await join(tmp_path / "data")
        assert dsn is not None
        async with await open_pool(dsn, max_size=1) as pool:
            register = PostgresBlackouts(pool)
            made = await register.create(draft, by="ops", at=now)
            await eventually(bare)
            assert await advertised("33")
            await register.withdraw(str(made["id"]), by="ops", at=now)
            await eventually(advertised)
        await node.books_when(lambda counts: counts["pass_through"].get("blackout", 0) > 0)
        platform.abort()
