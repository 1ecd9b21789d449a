"""Modes, the ramp and hours: who gets ads when, and that everybody gets the notification."""

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node, campaign, notification, running, settings_for

pytestmark = pytest.mark.node

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
    await platform.settled(10)
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


async def test_observe_decides_counts_and_changes_nothing(tmp_path: Path) -> None:
    """Everything leaves as it came; what would have got an ad is counted; nothing is leased or spent."""
    async with (
        SimulatedSmsc(keep_frames=1000) as smsc,
        running(tmp_path, settings_for(smsc.port, relay=_relay(smsc, mode="observe"))) as node,
    ):
        await node.book(campaign("sol", AD, 50))
        platform = await bound(node)
        await _until_reason(node, platform, "would_insert")
        count = platform.submitted
        would = (await node.settled(count))["pass_through"]["would_insert"]
        octets = await sent(platform, range(200))
        assert received(smsc, 200) == octets
        counts = await node.settled(count + 200)
        assert counts["pass_through"]["would_insert"] == would + 200
        assert counts["campaigns"][0]["ledger"] == {"settled": 0, "leased": 0, "free": 50}
        assert counts["campaigns"][0]["inserted"] == 0
        platform.abort()
        assert await node.stop() == 0


async def test_bypass_relays_raw_octets(tmp_path: Path) -> None:
    """Not even a frame is looked for: what no SMPP peer would send arrives as it was."""
    async with (
        SimulatedSmsc(keep_frames=1000) as smsc,
        running(tmp_path, settings_for(smsc.port, relay=_relay(smsc, mode="bypass"))) as node,
    ):
        await node.book(campaign("sol", AD, 50))
        platform = await bound(node)
        octets = await sent(platform, range(50))
        assert received(smsc, 50) == octets
        platform.write(b"\0\0\0\x05 no PDU at all")
        await platform.until(lambda: not platform.connected)
        assert not node.events("protocol_error")
        counts = await node.settled(0)
        assert counts["campaigns"][0]["ledger"] == {"settled": 0, "leased": 0, "free": 50}
        assert await node.stop() == 0


async def test_the_ramp_keeps_to_the_same_subscribers(tmp_path: Path) -> None:
    """With ads.share 0.5 about half of the subscribers get ads, the same ones each time."""
    subscribers = 300
    async with (
        SimulatedSmsc(keep_frames=1000, ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port, ads={"share": 0.5})) as node,
    ):
        await node.book(campaign("sol", AD, 100_000))
        await node.gate(None)
        platform = await bound(node)
        await _until_ads(platform, smsc)
        before = platform.submitted
        outside = (await node.settled(before))["pass_through"].get("outside_share", 0)
        rounds = []
        for _ in range(2):
            await sent(platform, range(subscribers))
            rounds.append([AD.encode() in octets for octets in received(smsc, subscribers)])
        assert rounds[0] == rounds[1]
        assert 0.4 * subscribers < sum(rounds[0]) < 0.6 * subscribers
        counts = await node.settled(before + 2 * subscribers)
        assert counts["pass_through"]["outside_share"] == outside + 2 * rounds[0].count(False)
        platform.abort()
        assert await node.stop() == 0


async def test_quiet_hours_are_the_subscribers(tmp_path: Path) -> None:
    """Within them nobody gets an ad, and each notification says why."""
    policy = {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": around_now(1, 1)}
    async with (
        SimulatedSmsc(keep_frames=1000) as smsc,
        running(tmp_path, settings_for(smsc.port, policy=policy)) as node,
    ):
        await node.book(campaign("sol", AD, 100))
        await node.gate(None)
        platform = await bound(node)
        octets = await sent(platform, range(60))
        assert received(smsc, 60) == octets
        assert (await node.settled(60))["pass_through"] == {"quiet_hours": 60}
        platform.abort()
        assert await node.stop() == 0


async def test_a_campaign_keeps_to_its_hours(tmp_path: Path) -> None:
    """Outside them it gives way with its reason; one whose hours hold now is served."""
    now = around_now(1, 1)
    other = {"from": now["to"], "to": now["from"]}
    async with (
        SimulatedSmsc(keep_frames=1000, ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port)) as node,
    ):
        await node.book(campaign("luna", "Compra en tienda luna", 100, hours=other))
        await node.gate(None)
        platform = await bound(node)
        await _until_reason(node, platform, "campaign_hours")
        count = platform.submitted
        before_it = (await node.settled(count))["pass_through"]["campaign_hours"]
        octets = await sent(platform, range(60))
        assert received(smsc, 60) == octets
        counts = await node.settled(count + 60)
        assert counts["pass_through"]["campaign_hours"] == before_it + 60
        await node.book(
            campaign("sol", AD, 100, hours=now | {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]})
        )
        await _until_ads(platform, smsc)
        platform.abort()
        assert await node.stop() == 0


async def test_a_worker_that_keeps_dying_comes_back_in_bypass(tmp_path: Path) -> None:
    """After the third death within a minute there are no ads, an alarm, and every notification."""
    async with (
        SimulatedSmsc(keep_frames=10_000, ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port)) as node,
    ):
        await node.book(campaign("sol", AD, 100_000))
        await node.gate(None)
        counted = 0
        for _ in range(3):
            platform = await bound(node)
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
        assert await node.stop() == 0


def _relay(smsc: SimulatedSmsc, **changes: str) -> dict[str, object]:
    return {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc.port}"]} | changes


async def _until_ads(platform: RawPlatform, smsc: SimulatedSmsc) -> None:
    """Send single notifications to many subscribers until one gets an ad."""
    before = smsc.ads_received
    for number in range(100_000):
        await sent(platform, range(number, number + 1))
        if smsc.ads_received > before:
            return


async def _until_reason(node: Node, platform: RawPlatform, reason: str) -> None:
    """Send single notifications until one is counted with a reason."""
    while reason not in (await node.settled(platform.submitted))["pass_through"]:
        await sent(platform, range(1))
