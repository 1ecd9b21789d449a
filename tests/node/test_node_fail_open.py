"""Whatever goes wrong with ads, each notification arrives once, unchanged or bare, and is counted once."""

import asyncio
import errno
import resource
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.postgres.binaries import locate, unprivileged
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.pdu import ESME_RINVMSGLEN, ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.forced_faults import Stages
from tests.node.harness import PATIENCE_S, Node, campaign, eventually, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AD = "Compra en tienda sol, marca 5512345678"
BURST = 12
SEGMENT = 64 * 1024


class Wire:
    """A node between a platform and an SMSC, and what each of them has seen so far."""

    def __init__(self, node: Node, platform: RawPlatform, smsc: SimulatedSmsc) -> None:
        self.node, self.platform, self.smsc = node, platform, smsc
        self.sent = 0
        self.passed: Counter[str] = Counter()

    async def send(self, count: int = BURST) -> tuple[list[bytes], list[bytes]]:
        """Submit notifications and wait for their answers; return them as sent and as received."""
        before = len(self.smsc.frames)
        sent = []
        for _ in range(count):
            item = notification(self.sent)
            self.sent += 1
            sent.append(item.octets(self.platform.submit(item)))
        await self.platform.settled(PATIENCE_S)
        assert self.platform.statuses == {ESME_ROK: self.sent}
        received = [frame.octets for frame in list(self.smsc.frames)[before:]]
        return sent, received


async def _connect(node: Node) -> RawPlatform:
    platform = RawPlatform(*node.relay)
    await platform.connect()
    return platform


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """What makes a stage fail."""
    return Stages(tmp_path_factory.mktemp("stages"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire(tmp_path_factory: pytest.TempPathFactory, stages: Stages) -> AsyncIterator[Wire]:
    """A node whose stages can be made to fail, with an ad for every notification."""
    directory = tmp_path_factory.mktemp("fail_open")
    async with SimulatedSmsc(keep_frames=10_000, ads=[AD]) as smsc:
        settings = settings_for(smsc.port, ads={"share": 0.999999999})
        async with running(directory, settings, stages.environment) as node:
            await node.book(campaign("sol", AD, 100_000))
            platform = await _connect(node)
            wire = Wire(node, platform, smsc)
            await _until_ads(wire)
            wire.passed = Counter((await node.settled(wire.sent))["pass_through"])
            yield wire
            platform.abort()
            assert await node.stop() == 0


async def _until_ads(wire: Wire, timeout_s: float = PATIENCE_S) -> None:
    """Send single notifications until one gets an ad."""
    before = wire.smsc.ads_received

    async def one_came() -> bool:
        await wire.send(1)
        return wire.smsc.ads_received > before

    await eventually(one_came, timeout_s)


@pytest.mark.parametrize(
    ("stage", "reason"),
    [
        ("clock", "internal_error"),
        ("locate", "internal_error"),
        ("predicate", "internal_error"),
        ("lookup", "internal_error"),
        ("audience", "internal_error"),
        ("measure", "internal_error"),
        ("decision", "internal_error"),
        ("splice", "internal_error"),
        ("lease", "internal_error"),
        ("journal", "journal_failed"),
        ("journal short write", "journal_failed"),
        ("journal disk full", "journal_failed"),
    ],
)
async def test_a_stage_that_fails_costs_no_notification(
    wire: Wire, stages: Stages, stage: str, reason: str
) -> None:
    """Each notification arrives once, byte for byte, counted once with the reason; then ads go on."""
    stages.fail(stage)
    sent, received = await wire.send()
    stages.fail("")
    assert received == sent
    counts = await wire.node.settled(wire.sent)
    assert Counter(counts["pass_through"]) - wire.passed == {reason: BURST}
    wire.passed = Counter(counts["pass_through"])
    assert counts["campaigns"][0]["accepted"] == wire.smsc.ads_accepted
    await _until_ads(wire)


@pytest.mark.parametrize("stage", ["plan", "planner", "lease requests"])
async def test_what_fails_beside_the_path_costs_neither_notifications_nor_the_ads_at_hand(
    wire: Wire, stages: Stages, stage: str
) -> None:
    """A plan that can't be made or taken, a lease that can't be asked for: ads go on with what is there."""
    alarms = len(wire.node.events("alarm_internal_error"))
    stages.fail(stage)
    async with asyncio.timeout(PATIENCE_S):
        while len(wire.node.events("alarm_internal_error")) == alarms:
            await asyncio.sleep(0.02)
    before = wire.smsc.ads_received
    await wire.send()
    assert wire.smsc.ads_received == before + BURST
    stages.fail("")
    await wire.node.book(
        campaign(f"after {stage}", f"Ven a tienda luna {len(stage)}", 1, **{"class": "house"})
    )
    await _until_leased(wire.node)
    await wire.node.settled(wire.sent)


async def test_an_outcome_that_cannot_be_booked_keeps_no_answer_back(wire: Wire, stages: Stages) -> None:
    """The platform gets its answers; the insertions stay open until the worker's end, then are unknown."""
    stages.fail("outcome")
    await wire.send(5)
    stages.fail("")
    await _until_ads(wire)

    async def five_open() -> bool:
        counts = await wire.node.books()
        settled = counts["notifications"] == wire.sent and not counts["unsettled"]
        return settled and counts["campaigns"][0]["in_flight"] == 5

    await eventually(five_open)
    assert await wire.node.stop() == 0
    await wire.node.restart()
    counts = await wire.node.settled(wire.sent)
    assert counts["campaigns"][0]["unknown"] == 5
    assert counts["campaigns"][0]["accepted"] == wire.smsc.ads_accepted - 5


async def test_what_the_smsc_refuses_because_of_the_ad_goes_out_bare_once(wire: Wire) -> None:
    """Each advertised text comes again bare, once; the platform sees ESME_ROK; the ad counts as rejected."""
    count = 25  # fewer than the harm breaker needs
    if not wire.platform.connected:  # the test before has started the node anew
        await wire.platform.connect()
    await _until_ads(wire)
    before = (await wire.node.settled(wire.sent))["campaigns"][0]
    answered = Counter(wire.smsc.answered)
    wire.smsc.faults = Faults(longest_octets=60, length_status=ESME_RINVMSGLEN)
    sent, received = await wire.send(count)
    wire.smsc.faults = NO_FAULTS
    bare = [octets for octets in received if octets in set(sent)]
    assert sorted(bare) == sorted(sent)
    assert len(received) == 2 * count
    assert wire.smsc.answered - answered == {ESME_RINVMSGLEN: count, ESME_ROK: count}
    assert wire.platform.unexpected == 0
    sol = (await wire.node.settled(wire.sent))["campaigns"][0]
    assert sol["inserted"] == before["inserted"] + count
    assert (sol["rejected"], sol["returned"]) == (count, count)
    assert sol["ledger"]["settled"] == before["ledger"]["settled"]
    rejected = await wire.node.fetch("SELECT cause, n FROM insertion_counts WHERE event = 'rejected'")
    assert {row["cause"] for row in rejected} == {"ad_refused_by_smsc"}
    assert sum(row["n"] for row in rejected) == count


async def _until_leased(node: Node) -> None:
    """Wait until the worker holds units: a notification that came earlier would get no ad."""

    async def leased() -> bool:
        return all(each["ledger"]["leased"] for each in (await node.books())["campaigns"])

    await eventually(leased)


@pytest.fixture
def postgres_that_fails() -> Iterator[Path]:
    """A PG_BIN whose `initdb` works and whose `postgres` knows its version and nothing else."""
    programs = locate(None, unprivileged(Path("/nonexistent")))
    directory = Path(tempfile.mkdtemp(prefix="posdata-test-"))
    directory.chmod(0o755)
    (directory / "initdb").symlink_to(programs / "initdb")
    broken = directory / "postgres"
    broken.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {programs}/postgres --version\n'
        f'[ "$1" = --help ] && exec {programs}/postgres --help\n'
        "echo 'FATAL:  could not map anonymous shared memory' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


async def test_a_database_that_cannot_start_changes_nothing_for_notifications(
    tmp_path: Path, postgres_that_fails: Path
) -> None:
    """The ready line comes, notifications flow unchanged; once the database is back they are counted."""
    environment = {"PG_BIN": str(postgres_that_fails)}
    async with (
        SimulatedSmsc(keep_frames=1000, ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port), environment) as node,
    ):
        wire = Wire(node, await _connect(node), smsc)
        alarm = await node.logged("alarm_database_cannot_start")
        assert "could not map" in alarm["error"]
        sent, received = await wire.send(50)
        assert received == sent
        assert [worker["gate"] for worker in node.status()] == ["starting"]
        relay_alone = {"ready": True, "relay": True, "database": False, "ads": False}

        async def is_ready() -> bool:
            return bool(await _readiness(node) == relay_alone)

        await eventually(is_ready)
        broken = postgres_that_fails / "postgres"
        broken.unlink()
        broken.symlink_to(locate(None, unprivileged(tmp_path)) / "postgres")
        await node.gate(None)
        counts = await node.settled(50)
        assert counts["pass_through"] == {"starting": 50}
        await node.book(campaign("sol", AD, 1000))
        await _until_ads(wire)
        wire.platform.abort()
        assert await node.stop() == 0


async def _readiness(node: Node) -> Any:
    """Return what `/readyz` says."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{node.http}/readyz") as answer:
        return await answer.json()


async def test_a_full_disk_stops_ads_until_there_is_room(tmp_path: Path) -> None:
    """At a worker's birth and later: what the journal can't take goes bare, is counted, and costs nothing."""
    stages = Stages(tmp_path, segment_octets=SEGMENT, largest_file=SEGMENT - 1)
    async with (
        SimulatedSmsc(keep_frames=100_000, ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port), stages.environment) as node,
    ):
        await node.book(campaign("sol", AD, 100_000))
        wire = Wire(node, await _connect(node), smsc)
        assert (await node.logged("alarm_journal_full"))["error"] == f"[Errno {errno.EFBIG}] File too large"
        await node.gate(None)
        await _until_leased(node)
        sent, received = await wire.send(50)
        assert received == sent
        _room(node, resource.RLIM_INFINITY)
        await _until_ads(wire)
        bare = (await node.settled(wire.sent))["pass_through"]["journal_failed"]
        assert bare >= 50
        _room(node, SEGMENT - 1)

        async def is_full() -> bool:
            nonlocal bare
            sent, received = await wire.send(50)
            assert len(received) == len(sent)
            bare += len(set(sent) & set(received))
            return bare > 200 and len(node.events("alarm_journal_full")) == 2

        await eventually(is_full)
        _room(node, resource.RLIM_INFINITY)
        await _until_ads(wire)
        counts = await node.settled(wire.sent)
        assert counts["pass_through"]["journal_failed"] >= bare
        assert counts["campaigns"][0]["accepted"] == smsc.ads_accepted
        wire.platform.abort()
        assert await node.stop() == 0


def _room(node: Node, octets: int) -> None:
    """Let the worker's files grow to so many octets: the kernel refuses more, as a full disk does."""
    resource.prlimit(node.child("worker").pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))
