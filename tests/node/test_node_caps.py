"""Caps on a whole node: two workers count in one table, or in the store that nodes share."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.files.cap_file import CAP_FILE
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for
from tests.valkey_server import ValkeyServer

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


def capped(port: int, **caps: object) -> dict[str, Any]:
    """Return settings of two workers and two ads a week."""
    settings = settings_for(port, caps=caps)
    settings["relay"]["workers"] = 2
    settings["policy"]["frequency_caps"] = [{"count": 2, "per": "week"}]
    return settings


async def until_all_have_two(node: Node, smsc: SimulatedSmsc) -> list[RawPlatform]:
    """Send until both workers have leases and all twos are shown, and then some more."""
    await node.book(campaign("sol", AD, 100_000))
    await node.gate(None)
    sessions = []
    async with asyncio.timeout(PATIENCE_S):
        while smsc.tally.counts[AD].received < 2 * PEOPLE:
            sessions.append(await send(node, 1))
    sessions += [await send(node, 2), await send(node, 2)]
    assert smsc.tally.counts[AD].received == 2 * PEOPLE
    return sessions


async def ended(node: Node, sessions: list[RawPlatform]) -> dict[str, Any]:
    """Return the books of everything that was sent, and stop the node."""
    books = await node.settled(sum(each.submitted for each in sessions))
    for each in sessions:
        each.abort()
    assert await node.stop() == 0
    return books


async def test_nobody_gets_more_ads_than_the_cap_whichever_worker_relays(tmp_path: Path) -> None:
    """Two a week each, whichever worker has the session, and the books say so."""
    async with (
        SimulatedSmsc(ads=[AD]) as smsc,
        running(tmp_path, capped(smsc.port, size_mb=1)) as node,
    ):
        sessions = await until_all_have_two(node, smsc)
        assert (tmp_path / "data" / CAP_FILE).stat().st_mode & 0o777 == 0o600
        books = await ended(node, sessions)
        assert books["pass_through"]["frequency_cap"] >= 4 * PEOPLE


async def test_a_store_that_nodes_share_is_counted_in_and_may_die(tmp_path: Path) -> None:
    """The same over a store; when that is killed notifications go on without ads, and an alarm says so."""
    server = ValkeyServer(tmp_path)
    server.start()
    where = f"valkey://127.0.0.1:{server.address.port}"
    try:
        async with (
            SimulatedSmsc(ads=[AD]) as smsc,
            running(tmp_path, capped(smsc.port, store=where, timeout_ms=50)) as node,
        ):
            sessions = await until_all_have_two(node, smsc)
            server.kill()
            sessions.append(await send(node, 1))
            books = await ended(node, sessions)
            assert smsc.tally.counts[AD].received == 2 * PEOPLE
            assert books["pass_through"]["cap_busy"] >= PEOPLE
            troubles = {each["trouble"] for each in node.events("alarm_caps")}
            assert "unreachable" in troubles
            assert not (tmp_path / "data" / CAP_FILE).exists()
    finally:
        server.kill()
