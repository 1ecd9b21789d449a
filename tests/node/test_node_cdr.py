"""Call detail records of a whole node under SIGKILL: line for line what the books hold."""

import json
from collections import Counter

from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node
from tests.node.load import TEXTS, ads, assert_at_rest, finish, plain_feed, under_load

EVENTS = ("inserted", "accepted", "rejected", "unknown")


def lines(node: Node) -> list[str]:
    """Return every line of every file."""
    folder = node.directory / "data" / "cdr"
    return [line for path in folder.glob("cdr-*") for line in path.read_text().splitlines()]


async def test_records_are_the_books_whatever_is_killed(node: Node, smsc: SimulatedSmsc) -> None:
    """Control, a worker and the whole node die under load; no line is missing, none is there twice."""
    feed = plain_feed(smsc)
    node.settings["journal"] = {"cdr": True}
    platform, job = await under_load(node, feed, 5000)
    for victim in ("control", "worker", "node"):
        await ads(smsc, 150)
        if victim == "node":
            await node.kill()
            await node.restart()
        else:
            node.child(victim).kill()
    await ads(smsc, 150)
    await finish(platform, feed, job)
    counts = await node.books_when(lambda now: now["notifications"] >= len(feed.sent))
    await assert_at_rest(node)

    records = [json.loads(line) for line in lines(node)]
    keys = Counter((each["worker"], each["epoch"], each["insertion"], each["event"]) for each in records)
    assert max(keys.values()) == 1
    told = Counter((each["campaign"], each["event"]) for each in records)
    books = [[each[event] for event in EVENTS] for each in counts["campaigns"]]
    numbers = sorted({campaign for campaign, _ in told})
    assert sorted(books) == sorted([told[number, event] for event in EVENTS] for number in numbers)
    assert len(numbers) == len(TEXTS)
    assert sum(told.values()) == sum(map(sum, books))
    assert sum(each["unknown"] for each in counts["campaigns"]) > 0
    people = {each.destination.digits[-10:] for each in feed.sent}
    assert not any(person in line for line in lines(node) for person in list(people)[:200])
