"""A vote by missed calls beside a relay: what each call became, and what the relay's answers took."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any

from adapters.cli.counts import document
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.journal_reader import LEADS_FOLDER, find_epochs, unsettled
from adapters.postgres.books import PostgresBooks
from adapters.postgres.engagements import PostgresEngagements
from adapters.postgres.pool import Pool
from adapters.postgres.response_numbers import PostgresResponseNumbers
from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.notification import Address, Kind, Notification
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from engine.access import Principal, Role
from inventory.engagements import read_engagement
from tests.node.harness import Node, check_books, eventually, notification, running, settings_for
from tests.node.load import BUGS

OPTIONS = {"3300000001": "A", "3300000002": "B", "3300000003": "C"}
RELAY_RATE = 1000
# Of the project's promise: the relay's p99 beside a vote, against its own without.
P99_FACTOR = 2.0
P99_EXTRA_MS = 1.0
WINDOW = 10_000
TEXT = "Llamada perdida de 5501234567"


@dataclass(frozen=True, slots=True)
class Timing:
    """How many calls a second, for how long, how long the relay is measured alone; kills spread over it."""

    rate: float = 5000
    seconds: float = 60
    calm_s: float = 15
    kills: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What a vote showed; times in milliseconds, of the relay's answers but for `call_p99_ms`.

    `forwarded` calls went to the SMSC, because their leads were not on the disk in time.
    """

    calls: int
    answered: int
    resent: int
    consumed: int
    forwarded: int
    leads: int
    counted_calls: int
    seconds: float
    calm_p99_ms: float
    p99_ms: float
    call_p99_ms: float
    settled_s: float

    @property
    def p99_asked_ms(self) -> float:
        """What the relay's p99 may be."""
        return P99_FACTOR * self.calm_p99_ms + P99_EXTRA_MS


class Voters:
    """Calls from people who each call once, to the options in turn."""

    def __init__(self, calls: int) -> None:
        self.handed_out = 0
        self._calls = calls

    def __iter__(self) -> Iterator[Notification]:
        numbers = list(OPTIONS)
        for each in range(self._calls):
            self.handed_out += 1
            caller = Address(f"550{each:07d}", 2, 1)
            called = Address(f"52{numbers[each % len(numbers)]}", 1, 1)
            yield Notification(caller, called, TEXT, kind=Kind.PLAIN)

    @property
    def votes(self) -> dict[str, int]:
        """How many called for each option."""
        numbers = list(OPTIONS.values())
        return {name: len(range(index, self._calls, len(numbers))) for index, name in enumerate(numbers)}


async def engage(pool: Pool) -> str:
    """Put the numbers into the pool and begin a vote between them; return its id."""
    now = datetime.now(UTC)
    organisation = await pool.fetchval(
        "INSERT INTO organisations (name, kind, created_at) VALUES ('Operador', 'carrier', $1) RETURNING id",
        now,
    )
    ops = Principal(id="user:1", name="ops@operador.example", organisation=str(organisation), role=Role.OPS)
    for digits in OPTIONS:
        await PostgresResponseNumbers(pool).add(digits, "vote", principal=ops, at=now)
    draft = read_engagement(
        {
            "name": "La canción del año",
            "purpose": "vote",
            "starts_at": (now - timedelta(minutes=1)).isoformat(),
            "ends_at": (now + timedelta(hours=1)).isoformat(),
            "lead_window": "engagement",
            "wording": "Vota con una llamada perdida",
            "numbers": [{"number": digits, "option": option} for digits, option in OPTIONS.items()],
        },
        now,
    )
    engagements = PostgresEngagements(pool)
    made = await engagements.create(draft, timezone="America/Mexico_City", principal=ops, at=now)
    return made.id


async def run(timing: Timing) -> Result:
    """Let people vote once. Raises AssertionError when a call was lost or counted twice."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="posdata-vote-")))
        smsc = await stack.enter_async_context(SimulatedSmsc())
        settings = settings_for(smsc.port, relay={
            "listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc.port}"], "responses": True,
        })  # fmt: skip
        node = await stack.enter_async_context(running(directory, settings))
        try:
            return await vote(node, smsc, timing)
        except AssertionError as broken:
            raise AssertionError(f"{broken}\n{node.log_text()[-2000:]}") from None


async def vote(node: Node, smsc: SimulatedSmsc, timing: Timing) -> Result:
    """Let people vote on a running node, and stop it. Raises AssertionError as `run` does."""
    async with open_database(settings_at(node.config)) as session:
        await engage(session.pool)
    probes = await _known(node)
    relay = RawPlatform(*node.relay, window=WINDOW, keep_answers=False)
    steady = _Steady()
    traffic = asyncio.create_task(
        relay.keep_submitting(steady, SteadyPace(RELAY_RATE), deadline_s=timing.calm_s + timing.seconds + 60)
    )
    relay.latency = LatencyHistogram()
    await asyncio.sleep(1)
    relay.latency = calm = LatencyHistogram()
    await asyncio.sleep(timing.calm_s)
    relay.latency = beside = LatencyHistogram()
    voters = Voters(int(timing.rate * timing.seconds))
    calls = RawPlatform(*node.relay, window=WINDOW, keep_answers=False)
    began = asyncio.get_running_loop().time()
    calling = asyncio.create_task(
        calls.keep_submitting(voters, SteadyPace(timing.rate), deadline_s=timing.seconds * 2 + 30)
    )
    for _ in range(timing.kills):
        await asyncio.sleep(timing.seconds / (timing.kills + 1))
        relay.latency = LatencyHistogram()  # a killed worker's sessions are no measure of its answers
        node.child("worker").send_signal(signal.SIGKILL)
        await eventually(lambda: _connected(relay, calls), timeout_s=60)
        await asyncio.sleep(1)
        relay.latency = beside
    await calling
    ended = asyncio.get_running_loop().time()
    steady.over = True
    await traffic
    await relay.close()
    await calls.close()
    result = await _counted(node, smsc, voters, calls, ended - began, calm, beside)
    assert result.answered == result.calls, result
    assert result.calls - result.forwarded <= result.leads <= result.calls, result
    assert result.leads <= result.counted_calls <= calls.submitted + probes, (result, calls.submitted)
    assert result.consumed <= result.counted_calls, result
    return result


async def _connected(*platforms: RawPlatform) -> bool:
    return all(platform.connected for platform in platforms)


class _Steady:
    """Notifications to subscribers, until they are over."""

    def __init__(self) -> None:
        self.over = False

    def __iter__(self) -> Iterator[Notification]:
        for number in count():
            if self.over:
                return
            yield notification(number % 10**7)


async def _known(node: Node) -> int:
    """Wait until the workers answer calls: the first voter calls until there is a lead. Return how often."""
    probe = RawPlatform(*node.relay)
    await probe.connect()

    async def answered() -> bool:
        await probe.submit_all(islice(iter(Voters(1)), 1))
        rows = await node.fetch("SELECT count(*) AS n FROM leads")
        return bool(rows[0]["n"])

    await eventually(answered, timeout_s=60)
    await probe.close()
    return probe.submitted


async def _counted(
    node: Node,
    smsc: SimulatedSmsc,
    voters: Voters,
    calls: RawPlatform,
    seconds: float,
    calm: LatencyHistogram,
    beside: LatencyHistogram,
) -> Result:
    """Stop the node, and add up."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    data = node.directory / "data"

    async def brought_in() -> bool:
        rows = await node.fetch("SELECT count(*) AS n FROM leads")
        forwarded = (await node.books())["pass_through"].get("lead_failed", 0)
        return bool(rows[0]["n"] >= voters.handed_out - forwarded)

    await eventually(brought_in, timeout_s=120)
    settled = clock.time() - began
    assert await node.stop() == 0
    assert not any(node.events(alarm) for alarm in (*BUGS, "alarm_leads_refused")), node.log_text()[-2000:]
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
    answered: dict[str, Any] = dict(calls.statuses)
    return Result(
        calls=voters.handed_out,
        answered=answered.get(0, 0),
        resent=calls.submitted - voters.handed_out,
        consumed=counts["consumed"],
        forwarded=forwarded,
        leads=sum(row["n"] for row in leads),
        counted_calls=int(sum(row["c"] for row in leads)),
        seconds=seconds,
        calm_p99_ms=calm.quantile_ms(0.99) or 0.0,
        p99_ms=beside.quantile_ms(0.99) or 0.0,
        call_p99_ms=calls.latency.quantile_ms(0.99) or 0.0,
        settled_s=settled,
    )
