"""Caps on a whole node: two workers count in one table."""

import asyncio
from pathlib import Path

import pytest

from adapters.files.cap_file import CAP_FILE
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for

pytestmark = pytest.mark.node

AD = "Compra en tienda sol"
PEOPLE = 10


async def send(node: Node, rounds: int) -> RawPlatform:
    """Send so many notifications to each of PEOPLE subscribers, on a session of its own."""
    platform = RawPlatform(*node.relay)
    await platform.connect()
    for _ in range(rounds):
        for number in range(PEOPLE):
            platform.submit(notification(number))
        await platform.settled(PATIENCE_S)
    return platform


async def test_nobody_gets_more_ads_than_the_cap_whichever_worker_relays(tmp_path: Path) -> None:
    """Two a week each, whichever worker has the session, and the books say so."""
    async with SimulatedSmsc(ads=[AD]) as smsc:
        settings = settings_for(smsc.port, caps={"size_mb": 1})
        settings["relay"]["workers"] = 2
        settings["policy"]["frequency_caps"] = [{"count": 2, "per": "week"}]
        async with running(tmp_path, settings) as node:
            await node.book(campaign("sol", AD, 100_000))
            await node.gate(None)
            sessions = []
            async with asyncio.timeout(PATIENCE_S):  # both workers have leases, all twos are shown
                while smsc.tally.counts[AD].received < 2 * PEOPLE:
                    sessions.append(await send(node, 1))
            sessions += [await send(node, 2), await send(node, 2)]
            assert smsc.tally.counts[AD].received == 2 * PEOPLE
            books = await node.settled(sum(each.submitted for each in sessions))
            assert books["pass_through"]["frequency_cap"] >= 4 * PEOPLE
            assert (tmp_path / "data" / CAP_FILE).stat().st_mode & 0o777 == 0o600
            for each in sessions:
                each.abort()
            assert await node.stop() == 0
