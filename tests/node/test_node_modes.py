"""Modes, the ramp and hours: who gets ads when, and that everybody gets the notification."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AD = "Compra en tienda sol"


async def bound(node: Node) -> RawPlatform:
    """Return a platform bound to a node."""
    platform = RawPlatform(*node.relay)
    await platform.keep_submitting([])  # again, when the worker it came to was just killed
    return platform


async def sent(platform: RawPlatform, numbers: range) -> list[bytes]:
    """Submit the notifications of some subscribers, wait for their answers, return them as they left."""
    items = [notification(number) for number in numbers]
    octets = [item.octets(platform.submit(item)) for item in items]
    await platform.settled(PATIENCE_S)
    assert set(platform.statuses) == {ESME_ROK}
    return octets


def received(smsc: SimulatedSmsc, count: int) -> list[bytes]:
    """Return the last PDUs that the SMSC got."""
    return [frame.octets for frame in list(smsc.frames)[-count:]]


def around_now(before_h: float, after_h: float) -> dict[str, str]:
    """Return a window of the subscriber's clock that holds now in every zone of Mexico (UTC-8 to UTC-5)."""
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=8 + before_h), now - timedelta(hours=5 - after_h)
    return {"from": f"{start:%H:%M}", "to": f"{end:%H:%M}"}


def outside(window: dict[str, str]) -> dict[str, str]:
    """Return the rest of the day."""
    return {"from": window["to"], "to": window["from"]}


@dataclass
class Bench:
    """A node between a platform and an SMSC."""

    node: Node
    smsc: SimulatedSmsc
    platform: RawPlatform

    async def sent(self, numbers: range) -> list[bytes]:
        """Submit the notifications of some subscribers."""
        return await sent(self.platform, numbers)

    async def until(self, reason: str) -> int:
        """Send notifications until one is counted with a reason; return how many were."""
        while True:
            await self.sent(range(20))
            counted = (await self.node.settled(self.platform.submitted))["pass_through"]
            if reason in counted:
                return int(counted[reason])


BENCHES: dict[str, tuple[dict[str, dict[str, Any]], dict[str, Any]]] = {
    "observe": ({"relay": {"mode": "observe"}}, {}),
    "bypass": ({"relay": {"mode": "bypass"}}, {}),
    "ramp": ({"ads": {"share": 0.5}}, {}),
    "quiet": ({"policy": {"quiet_hours": around_now(1, 1)}}, {}),
    "hours": ({}, {"hours": outside(around_now(1, 1))}),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def benches(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Bench]]:
    """A node for each mode, started side by side, with one campaign."""
    async with AsyncExitStack() as stack:

        async def start(name: str) -> Bench:
            sections, changes = BENCHES[name]
            smsc = await stack.enter_async_context(SimulatedSmsc(keep_frames=5000, ads=[AD]))
            settings = settings_for(smsc.port)
            for section, values in sections.items():
                settings[section] = settings.get(section, {}) | values
            node = await stack.enter_async_context(running(tmp_path_factory.mktemp(name), settings))
            await node.book(campaign("sol", AD, 50_000, **changes))
            await node.gate(None)
            return Bench(node, smsc, await bound(node))

        benches = dict(zip(BENCHES, await asyncio.gather(*map(start, BENCHES)), strict=True))
        yield benches
        for bench in benches.values():
            bench.platform.abort()
        codes = await asyncio.gather(*(bench.node.stop() for bench in benches.values()))
        assert not any(codes)


async def test_observe_decides_counts_and_changes_nothing(benches: dict[str, Bench]) -> None:
    """Everything leaves as it came; what would have got an ad is counted; nothing is leased or spent."""
    bench = benches["observe"]
    would = await bench.until("would_insert")
    count = bench.platform.submitted
    octets = await bench.sent(range(200))
    assert received(bench.smsc, 200) == octets
    counts = await bench.node.settled(count + 200)
    assert counts["pass_through"]["would_insert"] == would + 200
    assert counts["campaigns"][0]["ledger"] == {"settled": 0, "leased": 0, "free": 50_000}
    assert counts["campaigns"][0]["inserted"] == 0


async def test_bypass_relays_raw_octets(benches: dict[str, Bench]) -> None:
    """Not even a frame is looked for: what no SMPP peer would send arrives as it was."""
    bench = benches["bypass"]
    octets = await bench.sent(range(50))
    assert received(bench.smsc, 50) == octets
    bench.platform.write(b"\0\0\0\x05 no PDU at all")
    await bench.platform.until(lambda: not bench.platform.connected)
    assert not bench.node.events("protocol_error")
    counts = await bench.node.settled(0)
    assert counts["campaigns"][0]["ledger"] == {"settled": 0, "leased": 0, "free": 50_000}


async def test_the_ramp_keeps_to_the_same_subscribers(benches: dict[str, Bench]) -> None:
    """With ads.share 0.5 about half of the subscribers get ads, the same ones each time."""
    bench, subscribers = benches["ramp"], 300
    await _until_ads(bench.platform, bench.smsc)
    outside_before = await bench.until("outside_share")
    count = bench.platform.submitted
    rounds = []
    for _ in range(2):
        await bench.sent(range(subscribers))
        rounds.append([AD.encode() in octets for octets in received(bench.smsc, subscribers)])
    assert rounds[0] == rounds[1]
    assert 0.4 * subscribers < sum(rounds[0]) < 0.6 * subscribers
    counts = await bench.node.settled(count + 2 * subscribers)
    assert counts["pass_through"]["outside_share"] == outside_before + 2 * rounds[0].count(False)


async def test_quiet_hours_are_the_subscribers(benches: dict[str, Bench]) -> None:
    """Within them nobody gets an ad, and each notification says why."""
    bench = benches["quiet"]
    octets = await bench.sent(range(60))
    assert received(bench.smsc, 60) == octets
    assert (await bench.node.settled(60))["pass_through"] == {"quiet_hours": 60}


async def test_a_campaign_keeps_to_its_hours(benches: dict[str, Bench]) -> None:
    """Outside them it gives way with its reason; one whose hours hold now is served."""
    bench = benches["hours"]
    before = await bench.until("campaign_hours")
    count = bench.platform.submitted
    octets = await bench.sent(range(60))
    assert received(bench.smsc, 60) == octets
    counts = await bench.node.settled(count + 60)
    assert counts["pass_through"]["campaign_hours"] == before + 60
    await bench.node.book(campaign("luna", AD, 100, hours=around_now(1, 1)))
    await _until_ads(bench.platform, bench.smsc)


async def test_a_worker_that_keeps_dying_comes_back_in_bypass(benches: dict[str, Bench]) -> None:
    """After the third death within a minute there are no ads, an alarm, and every notification."""
    node, smsc, platform = benches["ramp"].node, benches["ramp"].smsc, benches["ramp"].platform
    counted = 0
    for _ in range(3):
        await _until_ads(platform, smsc)
        counted += platform.submitted
        os.kill(node.child("worker").pid, signal.SIGKILL)
        await platform.until(lambda: not platform.connected)  # noqa: B023
        platform = await bound(node)
    octets = await sent(platform, range(100))
    assert received(smsc, 100) == octets
    assert [event["bypass"] for event in node.events("alarm_worker_died")] == [False, False, True]
    counts = await node.settled(counted)
    assert counts["campaigns"][0]["accepted"] == smsc.ads_accepted
    platform.abort()


async def _until_ads(platform: RawPlatform, smsc: SimulatedSmsc) -> None:
    """Send single notifications to many subscribers until one gets an ad."""
    before = smsc.ads_received
    for number in range(100_000):
        await sent(platform, range(number, number + 1))
        if smsc.ads_received > before:
            return
