"""Two workers beside each other: sessions are spread, bookings are shared, the books are one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import islice
from random import Random

import pytest

from adapters.files.reference_data import load_geography
from adapters.simulator.notification import Notification
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import PATIENCE_S, Node, campaign
from tests.node.load import RATE, TEXTS, assert_equal, book


@pytest.fixture
def node(node: Node, smsc: SimulatedSmsc) -> Node:
    """A node of two workers for at most four platforms."""
    node.settings["relay"] |= {"workers": 2, "max_sessions": 4}
    smsc.register_ads(*TEXTS.values())
    return node


@pytest.fixture
async def platforms(node: Node) -> AsyncIterator[list[RawPlatform]]:
    """Four platforms bound to the started node, in order."""
    await node.start()
    each = [RawPlatform(*node.relay) for _ in range(4)]
    for platform in each:
        await platform.connect()
    yield each
    for platform in each:
        platform.abort()


def notifications(seed: int, count: int) -> list[Notification]:
    """Return every kind of notification that a platform sends."""
    return list(islice(Traffic(Random(seed), load_geography().weights), count))


def sessions(node: Node) -> list[int]:
    """Return how many platforms each worker holds."""
    port = node.relay[1]
    held = {}
    for each in node.children("worker"):
        open_ones = [one for one in each.net_connections() if one.status == "ESTABLISHED"]
        held[each.pid] = sum(one.laddr.port == port for one in open_ones)
    return list(held.values())


async def test_platforms_are_spread_and_counted_as_one(
    node: Node, smsc: SimulatedSmsc, platforms: list[RawPlatform]
) -> None:
    """Four platforms go 2:2, both workers insert, and the counts equal the SMSC's to the unit."""
    assert sessions(node) == [2, 2]
    await book(node, *(campaign(name, text, 2000) for name, text in TEXTS.items()))
    async with node.watched() as readings:
        await asyncio.gather(
            *(
                platform.submit_all(notifications(seed, 1200), SteadyPace(RATE / 4))
                for seed, platform in enumerate(platforms)
            )
        )
    counts = await node.books_when(lambda now: now["notifications"] == 4800)
    assert_equal(counts, smsc, TEXTS)
    assert len(readings) >= 20
    spent = await node.fetch("SELECT worker, sum(spent) AS units FROM leases GROUP BY worker ORDER BY worker")
    assert [row["worker"] for row in spent] == [0, 1]
    assert all(row["units"] > 500 for row in spent)


async def test_a_booking_is_spent_though_one_worker_goes_idle(
    node: Node, smsc: SimulatedSmsc, platforms: list[RawPlatform]
) -> None:
    """What an idle worker still holds goes to the one that has traffic, down to the last unit."""
    await book(node, *(campaign(name, text, 1000) for name, text in TEXTS.items()))
    idle, busy = platforms[0], platforms[1]
    await asyncio.gather(
        *(one.submit_all(notifications(9, 500), SteadyPace(RATE / 4)) for one in (idle, busy))
    )
    traffic = Traffic(Random(10), load_geography().weights)
    async with asyncio.timeout(PATIENCE_S):
        while smsc.ads_accepted < 2000:
            await busy.submit_all(islice(traffic, 500), SteadyPace(RATE))
    counts = await node.books_when(lambda now: now["notifications"] == smsc.received)
    assert_equal(counts, smsc, TEXTS)
    assert [each["ledger"] for each in counts["campaigns"]] == 2 * [{"settled": 1000, "leased": 0, "free": 0}]


async def test_max_sessions_is_exact(node: Node, smsc: SimulatedSmsc, platforms: list[RawPlatform]) -> None:
    """The platform beyond the limit is turned away without a dial, and gets in when another has left."""
    late = RawPlatform(*node.relay)
    with pytest.raises(ConnectionError):
        await late.connect()
    assert smsc.connections == 4
    await platforms[0].close()
    async with asyncio.timeout(PATIENCE_S):
        while not late.connected:
            with suppress(ConnectionError):
                await late.connect()
    assert smsc.connections == 5
    assert sessions(node) == [2, 2]
    late.abort()
