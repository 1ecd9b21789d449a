"""Load on a whole node: what is sent, what the books say meanwhile, and what the SMSC says against them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from random import Random
from typing import Any

from adapters.cli.counts import document
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.journal_reader import unsettled
from adapters.files.reference_data import load_geography
from adapters.postgres.books import PostgresBooks
from adapters.simulator.faults import Faults
from adapters.simulator.notification import Kind, Notification
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import PATIENCE_S, Node, campaign, check_books

RATE = 2000
TEXTS = {"sol": "Compra en tienda sol", "luna": "Luna llena"}
# Alarms that no kill may cause.
BUGS = ("alarm_internal_error", "alarm_ledger", "alarm_settlement_refused", "alarm_journal_missing")


class Feed:
    """Notifications for a platform until told to stop; `sent` are those that were handed out."""

    def __init__(self, source: Iterable[Notification]) -> None:
        self.sent: list[Notification] = []
        self._source = iter(source)
        self._stopped = False

    def stop(self) -> None:
        """Hand out no more."""
        self._stopped = True

    def __iter__(self) -> Iterator[Notification]:
        while not self._stopped:
            self.sent.append(next(self._source))
            yield self.sent[-1]

    def missing_at(self, smsc: SimulatedSmsc) -> int:
        """Return how many of the notifications the SMSC never accepted (plain ones, `track_copies`)."""
        keys = {(n.source.digits.encode(), n.destination.digits.encode(), n.text) for n in self.sent}
        return len(keys - smsc.copies.keys())


_LEASED = """
SELECT count(DISTINCT campaign) FROM leases JOIN campaigns c ON c.number = campaign
WHERE granted > 0 AND c.id = ANY($1::uuid[])
"""


async def book(node: Node, *documents: dict[str, Any]) -> None:
    """Import campaigns, approved at once, and wait until ads are inserted."""
    ids = await node.book(*documents)
    await node.gate(None)
    with suppress(TimeoutError):  # what has not started, or may not serve, gets none
        async with asyncio.timeout(5), open_database(settings_at(node.config)) as session:
            while await session.pool.fetchval(_LEASED, ids) < len(ids):
                await asyncio.sleep(0.05)


async def gone(node: Node, timeout_s: float = PATIENCE_S) -> None:
    """Wait until no process of the node is left."""
    async with asyncio.timeout(timeout_s):
        while node.members():
            await asyncio.sleep(0.05)


def assert_equal(counts: dict[str, Any], smsc: SimulatedSmsc, texts: Mapping[str, str]) -> None:
    """Assert that each campaign's books equal, to the unit, what the SMSC counted of its text."""
    check_books(counts)
    for each in counts["campaigns"]:
        seen = smsc.tally.counts[texts[each["name"]]]
        assert (each["unknown"], each["in_flight"]) == (0, 0), counts
        assert (each["accepted"], each["inserted"]) == (seen.accepted, seen.received), (counts, seen)
        assert each["rejected"] == seen.received - seen.accepted, (counts, seen)


def assert_bounded(
    counts: dict[str, Any], smsc: SimulatedSmsc, texts: Mapping[str, str], outstanding: int
) -> None:
    """Assert what holds after kills with so many submits outstanding."""
    check_books(counts)
    for each in counts["campaigns"]:
        seen = smsc.tally.counts[texts[each["name"]]]
        most = each["accepted"] + each["rejected"] + each["unknown"]
        assert each["accepted"] <= seen.accepted <= seen.received <= most, (counts, seen)
        assert each["in_flight"] == 0
        assert each["ledger"]["settled"] <= each["quantity"]
    assert sum(each["unknown"] for each in counts["campaigns"]) <= outstanding, (counts, outstanding)


def plain_feed(smsc: SimulatedSmsc) -> Feed:
    """Return traffic for an SMSC that knows both texts and keeps some answers waiting."""
    smsc.register_ads(*TEXTS.values())
    smsc.faults = Faults(delay=0.3, delay_s=0.03)
    return Feed(Traffic(Random(6), load_geography().weights, kinds=frozenset({Kind.PLAIN})))


async def under_load(node: Node, feed: Feed, quantity: int) -> tuple[RawPlatform, asyncio.Task[None]]:
    """Start a node with two campaigns and a platform that sends again what is not answered."""
    await node.start()
    await book(node, *(campaign(name, text, quantity) for name, text in TEXTS.items()))
    platform = RawPlatform(*node.relay)
    return platform, asyncio.create_task(platform.keep_submitting(feed, SteadyPace(RATE)))


async def ads(smsc: SimulatedSmsc, more: int) -> None:
    """Wait for so many more ads at the SMSC."""
    wanted = smsc.ads_received + more
    await smsc.until(lambda: smsc.ads_received >= wanted, PATIENCE_S)


async def finish(platform: RawPlatform, feed: Feed, job: asyncio.Task[None]) -> None:
    """End the load with everything answered."""
    feed.stop()
    await job
    await platform.close()


async def assert_at_rest(node: Node) -> None:
    """Stop the node: all leases are free again, nothing is left to settle, no alarm spoke of a bug."""
    assert await node.stop() == 0
    assert not any(node.events(alarm) for alarm in BUGS), node.log_text()[-2000:]
    async with open_database(settings_at(node.config)) as session:
        counts = document(await PostgresBooks(session.pool).counts(), unsettled(node.directory / "data", {}))
    check_books(counts)
    assert counts["unsettled"] == 0
    assert all(each["ledger"]["leased"] == 0 for each in counts["campaigns"]), counts
