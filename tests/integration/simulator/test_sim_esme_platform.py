"""The platform with aiosmpplib as its client against the SMSC, directly."""

import asyncio
from collections.abc import Iterator
from random import Random

import pytest

from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.notification import Notification
from adapters.simulator.pace import DailyPace, SteadyPace
from adapters.simulator.platform import PlatformReport, SimulatedPlatform
from adapters.simulator.raw_platform import BindRefusedError
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import SENDABLE_BY_LIBRARY, Traffic

WEIGHTS = {"55": 0.5, "33": 0.3, "871": 0.2}


def traffic(seed: int = 1, receipts: float = 0.0) -> Iterator[Notification]:
    """Return the mix the library can send."""
    return Traffic(Random(seed), WEIGHTS, kinds=SENDABLE_BY_LIBRARY, receipts=receipts)


def play(
    messages: int,
    rate: float = 1e5,
    *,
    receipts: float = 0.0,
    smsc: dict[str, object] | None = None,
    **options: object,
) -> tuple[PlatformReport, SimulatedSmsc]:
    """Let a platform run against a fresh SMSC; return both sides' books."""

    async def run() -> tuple[PlatformReport, SimulatedSmsc]:
        async with SimulatedSmsc(track_copies=True, **(smsc or {})) as server:  # type: ignore[arg-type]
            platform = SimulatedPlatform(
                server.host,
                server.port,
                traffic(receipts=receipts),
                SteadyPace(rate),
                messages,
                **options,  # type: ignore[arg-type]
            )
            report = await platform.run()
            await server.until(lambda: not server.sessions)
            return report, server

    return asyncio.run(asyncio.wait_for(run(), 90))


def test_both_sides_count_the_same() -> None:
    """Each of 2,000 notifications of all kinds is received, accepted and answered once."""
    report, smsc = play(2000)
    assert report.notifications == report.submitted == report.accepted == 2000
    assert smsc.received == smsc.accepted == 2000
    assert (report.unanswered, report.resent, report.given_up, smsc.malformed) == (0, 0, 0, 0)
    assert report.p50_ms is not None
    assert report.p99_ms is not None
    assert 0 < report.p50_ms <= report.p99_ms


def test_every_status_is_counted_and_none_stalls_the_client() -> None:
    """Throttling, a system error and a vendor status are counted as the SMSC counts them."""
    report, smsc = play(1000, smsc={"faults": Faults(throttle=0.1, vendor=0.1, system_error=0.1)})
    assert report.answered == dict(smsc.answered)
    assert set(report.answered) == {0, 0x08, 0x58, 0x400}
    assert (report.submitted, report.binds, report.resent) == (1000, 1, 0)


def test_throttled_notifications_go_again_on_request() -> None:
    """With resend_on each notification is accepted in the end, and each try is counted."""
    report, smsc = play(300, smsc={"faults": Faults(throttle=0.3)}, resend_on=frozenset({0x58}), max_sends=50)
    assert report.accepted == smsc.accepted == 300
    assert report.resent == report.answered[0x58] > 0
    assert report.submitted == 300 + report.resent == smsc.received


def test_a_lost_link_is_made_good() -> None:
    """After a dropped link the platform binds again and re-sends what was not answered."""
    report, smsc = play(300, smsc={"faults": Faults(drop_after=100)}, window=20)
    assert (report.binds, smsc.binds) == (2, 2)
    assert report.notifications == report.accepted == smsc.accepted == 300
    assert 1 <= report.resent <= 21
    assert report.unanswered == 0
    assert smsc.duplicates == 0


def test_a_notification_is_sent_a_bounded_number_of_times() -> None:
    """Where each submit drops the link a notification is given up after max_sends."""
    report, smsc = play(3, smsc={"faults": Faults(drop=1.0)}, window=1, max_sends=2)
    assert (report.given_up, report.accepted, report.unanswered) == (3, 0, 0)
    assert report.submitted == smsc.received == 6


def test_half_close_is_a_lost_link() -> None:
    """FIN from the SMSC makes the platform connect again."""
    report, _ = play(100, smsc={"faults": Faults(half_close_after=40)}, window=10)
    assert report.accepted == 100
    assert report.binds == 2


def test_silence_ends_the_run_after_settling() -> None:
    """Answers that never come are reported as unanswered."""
    report, smsc = play(200, smsc={"faults": Faults(silence=0.1)}, settle_s=0.3, window=200)
    assert report.unanswered == smsc.unanswered > 0
    assert report.accepted + report.unanswered == 200


def test_receipts_are_counted() -> None:
    """A transceiver gets one receipt for each accepted submit that asked."""
    report, smsc = play(100, rate=500, receipts=1.0)
    assert smsc.receipts_sent == report.receipts
    assert report.receipts > 50


def test_a_transmitter_can_send_too() -> None:
    """Bind mode transmitter works the same."""
    report, smsc = play(50, mode="transmitter")
    assert report.accepted == smsc.accepted == 50


def test_wrong_credentials_end_the_run() -> None:
    """A refused bind is an error that names the status."""
    with pytest.raises(BindRefusedError, match="0x0000000D"):
        play(1, smsc={"credentials": {"mcn": "other"}})


def test_nobody_listening_ends_the_run() -> None:
    """Without an SMSC the run ends with an error after settling."""

    async def run() -> None:
        smsc = SimulatedSmsc()
        await smsc.start()
        await smsc.stop()
        await SimulatedPlatform(smsc.host, smsc.port, traffic(), SteadyPace(10), 1, settle_s=0.2).run()

    with pytest.raises(ConnectionError, match="nobody answered"):
        asyncio.run(run())


def test_a_platform_can_be_stopped_early() -> None:
    """Stop sends nothing new, waits for the answers and unbinds."""

    async def run() -> None:
        async with SimulatedSmsc() as smsc:
            platform = SimulatedPlatform(smsc.host, smsc.port, traffic(), SteadyPace(200), 1_000_000)
            running = asyncio.create_task(platform.run())
            await smsc.until(lambda: smsc.received >= 20)
            assert platform.report.submitted >= 20
            platform.stop()
            report = await running
            assert report.notifications == report.accepted == smsc.accepted < 1000

    asyncio.run(asyncio.wait_for(run(), 90))


def test_a_compressed_day_takes_its_time_and_sends_its_count() -> None:
    """A day of one second at 300 a second holds 300 notifications."""

    async def run() -> None:
        async with SimulatedSmsc() as smsc:
            pace = DailyPace(300, 1.0)
            report = await SimulatedPlatform(smsc.host, smsc.port, traffic(), pace, 300).run()
            assert smsc.accepted == report.accepted == 300
            assert report.seconds >= 0.9

    asyncio.run(asyncio.wait_for(run(), 90))


def test_faults_change_while_it_runs() -> None:
    """An SMSC that stops throttling is noticed at once."""

    async def run() -> None:
        async with SimulatedSmsc(faults=Faults(throttle=1.0)) as smsc:
            platform = SimulatedPlatform(smsc.host, smsc.port, traffic(), SteadyPace(1000), 200)
            running = asyncio.create_task(platform.run())
            await smsc.until(lambda: smsc.received >= 50)
            throttled = smsc.answered[0x58]
            smsc.faults = NO_FAULTS
            report = await running
            assert report.answered == {0x58: throttled, 0: 200 - throttled}

    asyncio.run(asyncio.wait_for(run(), 90))
