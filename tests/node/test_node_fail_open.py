"""Whatever goes wrong with ads, each notification arrives once, unchanged or bare, and is counted once."""

import asyncio
import errno
import json
import os
import resource
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from adapters.postgres.binaries import locate, unprivileged
from adapters.simulator.faults import Faults
from adapters.simulator.pdu import ESME_RINVMSGLEN, ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.forced_faults import Stages
from tests.node.harness import Node, campaign, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AD = "Compra en tienda sol, marca 5512345678"
BURST = 12


class Path3:
    """A node between a platform and an SMSC, and what each of them has seen so far."""

    def __init__(self, node: Node, platform: RawPlatform, smsc: SimulatedSmsc, stages: Stages) -> None:
        self.node, self.platform, self.smsc, self.stages = node, platform, smsc, stages
        self.sent = 0

    async def send(self, count: int = BURST) -> tuple[list[bytes], list[bytes]]:
        """Submit notifications and wait for their answers; return them as sent and as received."""
        before = len(self.smsc.frames)
        sent = []
        for _ in range(count):
            item = notification(self.sent)
            self.sent += 1
            sent.append(item.octets(self.platform.submit(item)))
        await self.platform.settled(10)
        assert self.platform.statuses == {ESME_ROK: self.sent}
        received = [frame.octets for frame in list(self.smsc.frames)[before:]]
        return sent, received


async def _connect(node: Node) -> RawPlatform:
    platform = RawPlatform(*node.relay)
    await platform.connect()
    return platform


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def path(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path3]:
    """A node whose stages can be made to fail, with an ad for every notification."""
    directory = tmp_path_factory.mktemp("fail_open")
    stages = Stages(directory)
    async with SimulatedSmsc(keep_frames=10_000, ads=[AD]) as smsc:
        settings = settings_for(smsc.port, ads={"share": 0.999999999})
        async with running(directory, settings, stages.environment) as node:
            await node.book(campaign("sol", AD, 100_000))
            platform = await _connect(node)
            path = Path3(node, platform, smsc, stages)
            await _until_ads(path)
            yield path
            platform.abort()
            assert await node.stop() == 0


async def _until_ads(path: Path3, timeout_s: float = 10) -> None:
    """Send single notifications until one gets an ad."""
    async with asyncio.timeout(timeout_s):
        while True:
            before = path.smsc.ads_received
            await path.send(1)
            if path.smsc.ads_received > before:
                return
            await asyncio.sleep(0.02)


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
async def test_a_stage_that_fails_costs_no_notification(path: Path3, stage: str, reason: str) -> None:
    """Each notification arrives once, byte for byte, counted once with the reason; then ads go on."""
    before = (await path.node.settled(path.sent))["pass_through"].get(reason, 0)
    path.stages.fail(stage)
    sent, received = await path.send()
    path.stages.fail("")
    assert received == sent
    assert (await path.node.settled(path.sent))["pass_through"][reason] == before + BURST
    await _until_ads(path)
    counts = await path.node.settled(path.sent)
    assert counts["campaigns"][0]["accepted"] == path.smsc.ads_accepted


@pytest.mark.parametrize("stage", ["plan", "planner", "lease requests"])
async def test_what_fails_beside_the_path_costs_neither_notifications_nor_the_ads_at_hand(
    path: Path3, stage: str
) -> None:
    """A plan that can't be made or taken, a lease that can't be asked for: ads go on with what is there."""
    alarms = len(path.node.events("alarm_internal_error"))
    path.stages.fail(stage)
    async with asyncio.timeout(5):
        while len(path.node.events("alarm_internal_error")) == alarms:
            await asyncio.sleep(0.02)
    before = path.smsc.ads_received
    await path.send()
    assert path.smsc.ads_received == before + BURST
    path.stages.fail("")
    await path.node.book(campaign(f"after {stage}", f"Ven a tienda luna {len(stage)}", 1, **{"class": "house"}))
    async with asyncio.timeout(5):
        while not (await path.node.books())["campaigns"][-1]["ledger"]["leased"]:
            await asyncio.sleep(0.02)
    await path.node.settled(path.sent)


async def test_an_outcome_that_cannot_be_booked_keeps_no_answer_back(path: Path3) -> None:
    """The platform gets its answers; the insertions stay open until the worker's end, then are unknown."""
    path.stages.fail("outcome")
    await path.send(5)
    path.stages.fail("")
    await _until_ads(path)
    async with asyncio.timeout(10):
        while (counts := await path.node.books())["notifications"] < path.sent or counts["unsettled"]:
            await asyncio.sleep(0.02)
    assert counts["campaigns"][0]["in_flight"] == 5
    assert await path.node.stop() == 0
    await path.node.restart()
    counts = await path.node.settled(path.sent)
    assert counts["campaigns"][0]["unknown"] == 5
    assert counts["campaigns"][0]["accepted"] == path.smsc.ads_accepted - 5
