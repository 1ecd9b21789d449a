"""What became of the calls: counts of generator, SMSC, books and leads, held against one another."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.bench.load import Sent, Sink
from adapters.cli.counts import document
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.journal_reader import LEADS_FOLDER, find_epochs, unsettled
from adapters.postgres.books import PostgresBooks
from tests.node.harness import Node, check_books
from tests.node.load import BUGS
from tests.vote.people import Voters


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was counted where.

    `forwarded` calls went to the SMSC, because their leads were not on the disk in time. `relayed` are the
    notifications that were answered, `smsc` all that the SMSC took.
    """

    calls: int
    again: int
    answered: int
    relayed: int
    consumed: int
    forwarded: int
    leads: int
    counted_calls: int
    smsc: int
    passed: int
    seconds: float
    settled_s: float


async def judged(
    node: Node,
    sink: Sink,
    voters: Voters,
    calls: Sequence[Sent],
    relayed: Sequence[Sent],
    probes: int,
    *,
    kills: int,
) -> Verdict:
    """Stop the node, and add up. Raises AssertionError where counts differ that must not.

    A kill leaves requests that went on and were not answered: they come again, and count twice at the SMSC.
    """
    clock = asyncio.get_running_loop()
    began = clock.time()
    await voters.counted(node)
    settled = clock.time() - began
    assert await node.stop() == 0
    assert not any(node.events(alarm) for alarm in (*BUGS, "alarm_leads_refused")), node.log_text()[-2000:]
    data = node.directory / "data"
    assert find_epochs(data, LEADS_FOLDER) == [], node.log_text()[-2000:]
    async with open_database(settings_at(node.config)) as session:
        counts = document(await PostgresBooks(session.pool).counts(), unsettled(data, {}))
        leads = await session.pool.fetch(
            "SELECT option, count(*) AS n, sum(calls) AS c FROM leads GROUP BY 1"
        )
        tallied = await session.pool.fetch("SELECT option, sum(leads) AS n FROM lead_tallies GROUP BY 1")
    check_books(counts)
    forwarded = counts["pass_through"].get("lead_failed", 0)
    votes = {row["option"]: row["n"] for row in leads}
    assert all(0 <= voters.votes[each] - votes[each] <= forwarded for each in voters.votes), leads
    assert {row["option"]: row["n"] for row in tallied} == votes, tallied
    sent = [*calls, *relayed]
    assert not any(each.refused for each in sent), sent
    notifications = sum(each.count for each in sent) - voters.called
    verdict = Verdict(
        calls=voters.called,
        again=sum(each.again for each in sent),
        answered=sum(each.count for each in sent) - sum(each.passed for each in sent),
        relayed=notifications,
        consumed=counts["consumed"],
        forwarded=forwarded,
        leads=sum(row["n"] for row in leads),
        counted_calls=int(sum(row["c"] for row in leads)),
        smsc=await sink.submits(),
        passed=sum(counts["pass_through"].values()),
        seconds=sum(each.seconds for each in calls),
        settled_s=settled,
    )
    _compare(verdict, sum(each.passed for each in sent), probes, kills=kills)
    return verdict


def _compare(found: Verdict, from_smsc: int, probes: int, *, kills: int) -> None:
    """Hold the counts against one another; `from_smsc` answers were the SMSC's."""
    assert found.calls - found.forwarded <= found.leads <= found.calls, found
    assert found.answered <= found.consumed <= found.counted_calls, found
    assert from_smsc <= found.smsc <= found.passed, found
    assert found.answered + from_smsc == found.calls + found.relayed, found
    if not kills:
        assert found.smsc == found.passed, found
        assert found.consumed <= found.answered + probes, found
    assert found.counted_calls <= found.calls + found.again + probes, found
