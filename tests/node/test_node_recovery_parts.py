"""One part of a node killed or frozen under load: the rest goes on, and the books stay right."""

import asyncio
import signal
from itertools import pairwise

import aiohttp
import psutil
import pytest

from adapters.postgres.server import join
from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, eventually
from tests.node.load import (
    TEXTS,
    Feed,
    ads,
    assert_at_rest,
    assert_bounded,
    assert_equal,
    finish,
    plain_feed,
    under_load,
)

# The longest time without an answer at the platform that traffic which "goes on" may have, on a busy machine.
GAP_S = 1.5


@pytest.fixture
def feed(smsc: SimulatedSmsc) -> Feed:
    """Traffic in front of an SMSC that keeps some answers waiting."""
    return plain_feed(smsc)


def longest_gap(platform: RawPlatform) -> float:
    """Return the longest time between two answers."""
    times = sorted(answer.answered_at for answer in platform.answers.values())
    return max(after - before for before, after in pairwise(times))


def postmaster(node: Node) -> psutil.Process:
    """Return the embedded PostgreSQL's first process (its children leave the node's session)."""
    return next(each for each in node.members() if each.name() == "postgres")


async def answers(node: Node) -> bool:
    """Tell whether the node says that it is ready."""
    async with aiohttp.ClientSession() as session:
        try:
            async with session.get(f"http://{node.http}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


async def assert_undisturbed(node: Node, smsc: SimulatedSmsc, feed: Feed, platform: RawPlatform) -> None:
    """Assert that nobody outside noticed anything, and that the books are exact."""
    counts = await node.books_when(lambda now: now["notifications"] >= smsc.received)
    assert_equal(counts, smsc, TEXTS)
    assert counts["notifications"] == smsc.received == platform.submitted == len(feed.sent)
    assert (platform.link_losses, smsc.connections) == (0, 1)
    assert set(platform.statuses) == {ESME_ROK}
    assert longest_gap(platform) < GAP_S


async def test_a_killed_worker_is_replaced(node: Node, smsc: SimulatedSmsc, feed: Feed) -> None:
    """The platform binds again at once, ads go on, and only what waited for an answer is unknown."""
    platform, job = await under_load(node, feed, 20_000)
    await ads(smsc, 400)
    outstanding = len(platform.unanswered)
    node.child("worker").kill()
    await ads(smsc, 400)
    await finish(platform, feed, job)
    counts = await node.books_when(lambda now: now["notifications"] >= smsc.received)
    assert_bounded(counts, smsc, TEXTS, outstanding)
    assert feed.missing_at(smsc) == 0
    assert set(platform.statuses) == {ESME_ROK}
    [closed] = node.events("epoch_closed")
    assert closed["unknown"] == sum(each["unknown"] for each in counts["campaigns"])
    await assert_at_rest(node)


async def test_killed_http_and_control_are_not_noticed(node: Node, smsc: SimulatedSmsc, feed: Feed) -> None:
    """Traffic and ads go on while both are replaced, the books are exact afterwards, HTTP is back."""
    platform, job = await under_load(node, feed, 20_000)
    await ads(smsc, 400)
    node.child("web").kill()
    await ads(smsc, 600)
    former = node.child("control")
    former.kill()
    await ads(smsc, 1500)
    await finish(platform, feed, job)
    await assert_undisturbed(node, smsc, feed, platform)
    assert node.child("control").pid != former.pid
    assert (await node.logged("alarm_http_died"))["status"] == -signal.SIGKILL
    await eventually(lambda: answers(node))
    await assert_at_rest(node)


async def test_a_killed_postmaster_is_not_noticed(node: Node, smsc: SimulatedSmsc, feed: Feed) -> None:
    """Traffic and ads go on while PostgreSQL is started again, and the books are exact afterwards."""
    platform, job = await under_load(node, feed, 20_000)
    await ads(smsc, 400)
    postmaster(node).kill()
    await ads(smsc, 1500)
    await finish(platform, feed, job)
    await node.logged("alarm_database_died")
    async with asyncio.timeout(PATIENCE_S):
        while await join(node.directory / "data") is None:
            await asyncio.sleep(0.05)
    await assert_undisturbed(node, smsc, feed, platform)
    await assert_at_rest(node)


async def test_a_frozen_database_is_not_noticed(node: Node, smsc: SimulatedSmsc, feed: Feed) -> None:
    """Ads go on from leases while PostgreSQL stands still for 3 s, and the books are exact afterwards."""
    platform, job = await under_load(node, feed, 200_000)
    await ads(smsc, 400)
    first = postmaster(node)
    frozen = [first, *first.children(recursive=True)]
    for each in frozen:
        each.send_signal(signal.SIGSTOP)
    before = smsc.ads_received
    await asyncio.sleep(3)  # the length of the freeze, nothing is waited for
    during = smsc.ads_received - before
    for each in frozen:
        each.send_signal(signal.SIGCONT)
    await ads(smsc, 200)
    await finish(platform, feed, job)
    assert during > 1000
    await assert_undisturbed(node, smsc, feed, platform)
    await assert_at_rest(node)
