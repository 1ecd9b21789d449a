"""What no answer tells: silence, late answers, lost links; counted as unknown, bounded, and put right."""

import asyncio
from itertools import islice
from random import Random

import pytest

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import Faults
from adapters.simulator.notification import Kind
from adapters.simulator.pace import SteadyPace
from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign
from tests.node.load import RATE, TEXTS, Feed, assert_bounded, assert_equal, book


@pytest.fixture
def node(node: Node, smsc: SimulatedSmsc) -> Node:
    """A node that waits half a second for an answer."""
    node.settings["relay"]["response_timeout_s"] = 0.5
    smsc.register_ads(*TEXTS.values())
    return node


def traffic(seed: int) -> Traffic:
    """Return notifications that any SMSC can be asked to compare."""
    return Traffic(Random(seed), load_geography().weights, kinds=frozenset({Kind.PLAIN}))


async def book_both(node: Node, quantity: int) -> None:
    """Book the same for both campaigns and wait for ads."""
    await book(node, *(campaign(name, text, quantity) for name, text in TEXTS.items()))


async def test_an_insertion_without_an_answer_is_unknown_and_stays_spent(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """What the SMSC leaves unanswered in time is unknown, nothing else is; no unit beyond the booking."""
    smsc.faults = Faults(silence=0.1)
    platform.window = 3000
    await book_both(node, 500)
    job = asyncio.create_task(platform.submit_all(islice(traffic(3), 3500), SteadyPace(RATE)))
    await smsc.until(lambda: smsc.received == 3500)
    job.cancel()  # it waits for the answers that never come
    counts = await node.books_when(lambda now: now["notifications"] >= smsc.received)
    for each in counts["campaigns"]:
        seen = smsc.tally.counts[TEXTS[each["name"]]]
        assert (each["inserted"], each["accepted"]) == (seen.received, seen.accepted)
        assert each["unknown"] == seen.received - seen.answered.total() > 0
        assert each["ledger"]["settled"] == each["accepted"] + each["unknown"] <= 500
    assert platform.statuses == smsc.answered


async def test_a_late_answer_still_counts(node: Node, smsc: SimulatedSmsc, platform: RawPlatform) -> None:
    """Answers after the timeout turn unknown into accepted or rejected, and refused units are free again."""
    smsc.faults = Faults(throttle=0.2, delay=0.3, delay_s=5.0)
    platform.window = 3000
    await book_both(node, 10_000)
    for notification in islice(traffic(4), 2000):
        platform.submit(notification)
    await node.books_when(
        lambda now: now["notifications"] == 2000 and all(each["unknown"] > 100 for each in now["campaigns"])
    )
    await platform.settled()
    counts = await node.books_when(lambda now: all(each["unknown"] == 0 for each in now["campaigns"]))
    assert_equal(counts, smsc, TEXTS)
    assert platform.statuses == smsc.answered


async def test_a_lost_link_leaves_no_more_unknown_than_was_outstanding(
    node: Node, smsc: SimulatedSmsc
) -> None:
    """Unknown stays within what waited when links fall; each re-send is a notification of its own."""
    smsc.faults = Faults(delay=0.3, delay_s=0.02)
    await node.start()
    await book_both(node, 100_000)
    platform, feed = RawPlatform(*node.relay), Feed(traffic(5))
    job = asyncio.create_task(platform.keep_submitting(feed, SteadyPace(RATE)))
    outstanding = 0
    for received in (500, 1000, 1500):
        await smsc.until(lambda least=received: smsc.received >= least)
        outstanding += len(platform.unanswered)
        smsc.drop_links()
    half_closed = smsc.received
    smsc.faults = Faults(delay=0.3, delay_s=0.02, half_close_after=500)
    await smsc.until(lambda: smsc.received >= half_closed + 1500)
    outstanding += platform.window
    feed.stop()
    await job
    counts = await node.books_when(lambda now: now["notifications"] >= smsc.received)
    assert_bounded(counts, smsc, TEXTS, outstanding)
    assert sum(each["unknown"] for each in counts["campaigns"]) > 0
    assert platform.link_losses == 4
    assert feed.missing_at(smsc) == 0
    assert smsc.received <= counts["notifications"] <= platform.submitted
    assert counts["notifications"] > len(feed.sent)
    assert set(platform.statuses) == {ESME_ROK}
    platform.abort()
