"""Load on a whole node: what is sent, what the books say meanwhile, and what the SMSC says against them."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from adapters.simulator.notification import Notification
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node, check_books

RATE = 2000


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


async def gone(node: Node, timeout_s: float = 15) -> None:
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
    """Assert what holds after kills with so many submits outstanding (issue 2, Recovery)."""
    check_books(counts)
    for each in counts["campaigns"]:
        seen = smsc.tally.counts[texts[each["name"]]]
        most = each["accepted"] + each["rejected"] + each["unknown"]
        assert each["accepted"] <= seen.accepted <= seen.received <= most, (counts, seen)
        assert each["in_flight"] == 0
        assert each["ledger"]["settled"] <= each["quantity"]
    assert sum(each["unknown"] for each in counts["campaigns"]) <= outstanding, (counts, outstanding)
