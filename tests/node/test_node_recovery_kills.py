"""Whole nodes killed under load: nothing is lost, nothing is counted twice, unknown is bounded."""

import pytest

from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node
from tests.node.load import (
    TEXTS,
    Feed,
    ads,
    assert_at_rest,
    assert_bounded,
    finish,
    gone,
    plain_feed,
    under_load,
)


@pytest.fixture
def feed(smsc: SimulatedSmsc) -> Feed:
    """Traffic in front of an SMSC that keeps some answers waiting."""
    return plain_feed(smsc)


async def test_five_kills_of_the_whole_node_in_a_row(node: Node, smsc: SimulatedSmsc, feed: Feed) -> None:
    """Accepted <= answered ESME_ROK <= received <= accepted + rejected + unknown, and nothing is lost."""
    platform, job = await under_load(node, feed, 5000)
    outstanding = 0
    for kill in range(5):
        if kill in {2, 3}:  # while the node still settles what the kill before left
            wanted = smsc.received + 20
            await smsc.until(lambda wanted=wanted: smsc.received >= wanted)
        else:
            await ads(smsc, 300)
        outstanding += len(platform.unanswered)
        await node.kill()
        await node.restart()
    await ads(smsc, 400)
    await finish(platform, feed, job)
    counts = await node.books_when(lambda now: now["notifications"] >= len(feed.sent))
    assert_bounded(counts, smsc, TEXTS, outstanding)
    assert outstanding > 0
    assert platform.link_losses >= 5
    assert feed.missing_at(smsc) == 0
    assert smsc.received <= counts["notifications"] <= platform.submitted
    assert set(platform.statuses) == {ESME_ROK}
    await assert_at_rest(node)


async def test_a_killed_supervisor_takes_its_children_with_it(
    node: Node, smsc: SimulatedSmsc, feed: Feed
) -> None:
    """Workers drain, control and PostgreSQL end by themselves; the next start works and loses nothing."""
    platform, job = await under_load(node, feed, 20_000)
    await ads(smsc, 400)
    outstanding = len(platform.unanswered)
    assert node.process is not None
    node.process.kill()
    await node.process.wait()
    await gone(node)
    await node.restart()
    await ads(smsc, 400)
    await finish(platform, feed, job)
    counts = await node.books_when(lambda now: now["notifications"] >= smsc.received)
    assert_bounded(counts, smsc, TEXTS, outstanding)
    assert feed.missing_at(smsc) == 0
    await assert_at_rest(node)
