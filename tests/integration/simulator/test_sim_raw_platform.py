"""The raw platform against the SMSC, directly: counts agree, each fault does what it says."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from random import Random

import pytest

from adapters.simulator.faults import Faults
from adapters.simulator.notification import Address, Kind, Notification
from adapters.simulator.pace import SteadyPace
from adapters.simulator.pdu import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    ENQUIRE_LINK,
    ESME_RBINDFAIL,
    ESME_RCANCELFAIL,
    ESME_RINVBNDSTS,
    ESME_RINVCMDID,
    ESME_RINVMSGLEN,
    ESME_RQUERYFAIL,
    ESME_RSUBMITFAIL,
    GENERIC_NACK,
    QUERY_SM,
    REPLACE_SM,
    SUBMIT_MULTI,
    parameter,
    pdu,
)
from adapters.simulator.raw_platform import BindRefusedError, LinkLostError, RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic

WEIGHTS = {"55": 0.5, "33": 0.3, "871": 0.2}
AD = "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"
AD_2 = "tienda sol, 40 de descuento. Marca 5512345678"
CALLER, CALLED = Address("5501234567", 2, 1), Address("523301234567", 1, 1)

Scenario = Callable[[SimulatedSmsc, RawPlatform], Awaitable[None]]


def play(scenario: Scenario, *, window: int = 50, bind: bool = True, **options: object) -> None:
    """Run a scenario between a fresh SMSC and a platform that is bound to it."""

    async def run() -> None:
        async with SimulatedSmsc(**options) as smsc:  # type: ignore[arg-type]
            platform = RawPlatform(smsc.host, smsc.port, window=window, keep_frames=1000)
            if bind:
                await platform.connect()
            await scenario(smsc, platform)
            await platform.close()

    asyncio.run(asyncio.wait_for(run(), 90))


def traffic(count: int, seed: int = 1, **options: object) -> list[Notification]:
    """Return so many notifications of the usual mix."""
    return list(islice(Traffic(Random(seed), WEIGHTS, **options), count))  # type: ignore[arg-type]


def text(body: str, kind: Kind = Kind.PLAIN, coding: int = 0) -> Notification:
    """Return a notification with this text."""
    return Notification(CALLER, CALLED, body, coding, kind)


def test_both_sides_count_the_same() -> None:
    """Of a mixed 2,000 each one is received, answered ESME_ROK and accepted exactly once."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(2000))
        assert smsc.received == smsc.accepted == platform.statuses[0] == platform.submitted == 2000
        assert len(platform.answers) == 2000
        assert (smsc.malformed, smsc.unanswered, smsc.duplicates) == (0, 0, 0)
        assert smsc.copies.total() == 2000

    play(scenario, track_copies=True)


def test_ads_are_counted_by_the_longest_known_text() -> None:
    """Ads count in every alphabet and field, by what a handset shows, the longest one alone."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        for coding in (0, 1, 3, 8):
            await platform.submit_all([text(f"Te llamo 5501234567 {AD}", coding=coding)])
        await platform.submit_all([text(f"Hola {AD}", Kind.PAYLOAD), text(f"Hola {AD}", Kind.DATA)])
        await platform.submit_all([text(f"Hola {AD_2}"), text("Hola"), text(f"Hola{AD}.")])
        assert smsc.tally.counts[AD].received == smsc.tally.counts[AD].accepted == 6
        assert smsc.tally.counts[AD_2].accepted == 1
        assert (smsc.ads_received, smsc.ads_accepted, smsc.accepted) == (7, 7, 9)

    play(scenario, ads=[AD, AD_2])


def test_throttled_ads_are_received_and_not_accepted() -> None:
    """The platform's count of each status is the SMSC's, and ads follow the answers."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all([text(f"Hola {number} {AD}") for number in range(1000)])
        assert platform.statuses == smsc.answered
        assert set(smsc.answered) == {0, 0x08, 0x58, 0x400}
        assert smsc.ads_received == 1000
        assert smsc.ads_accepted == smsc.answered[0] < 1000

    play(scenario, ads=[AD], faults=Faults(throttle=0.1, vendor=0.1, system_error=0.1))


def test_faults_are_reproducible() -> None:
    """The same seed draws the same answers."""
    seen: list[list[int]] = []

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(300))
        seen.append([platform.answers[number].status for number in sorted(platform.answers)])

    for _ in range(2):
        play(scenario, faults=Faults(throttle=0.3), seed=11)
    assert seen[0] == seen[1]


def test_long_and_unwanted_texts_are_refused_wherever_they_are() -> None:
    """Refusals read short_message and message_payload; they can be turned on while traffic runs."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all([text("x" * 80)])
        smsc.faults = Faults(longest_octets=79, refused_texts=("prohibido",))
        await platform.submit_all([text("x" * 80), text("x" * 80, Kind.PAYLOAD), text("x" * 80, Kind.DATA)])
        await platform.submit_all([text("prohibido"), text("prohibido", Kind.PAYLOAD), text("bien")])
        smsc.faults = Faults(longest_characters=40)
        await platform.submit_all([text("x" * 40, coding=8), text("x" * 41, coding=8)])
        statuses = [platform.answers[number].status for number in sorted(platform.answers)]
        assert statuses == [0, *[ESME_RINVMSGLEN] * 3, *[ESME_RSUBMITFAIL] * 2, 0, 0, ESME_RINVMSGLEN]

    play(scenario)


def test_late_answers_come_late() -> None:
    """No answer comes before its delay."""

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(20))
        assert min(answer.answered_at - answer.sent_at for answer in platform.answers.values()) >= 0.15

    play(scenario, faults=Faults(delay=1, delay_s=0.15))


def test_answers_overtake_each_other() -> None:
    """With reordering every submit is still answered, not in the order of sending."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(200))
        order = [int.from_bytes(frame[12:16], "big") for frame in platform.frames][1:]
        assert sorted(order) == sorted(platform.answers)
        assert order != sorted(order)
        assert smsc.accepted == 200

    play(scenario, faults=Faults(reorder=0.3))


def test_silence_leaves_submits_unanswered() -> None:
    """What gets no answer is counted as such on both sides."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        for notification in traffic(100):
            platform.submit(notification)
        await smsc.until(lambda: smsc.received == 100)
        await platform.until(lambda: len(platform.answers) == smsc.answered.total())
        assert 0 < smsc.unanswered == len(platform.unanswered) < 100

    play(scenario, faults=Faults(silence=0.5))


def test_a_dropped_link_leaves_the_kth_submit_unanswered_and_sent_again() -> None:
    """The link falls on the k-th submit; keep_submitting binds again and every notification is accepted."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        with pytest.raises(LinkLostError):
            await platform.submit_all(traffic(200))
        await smsc.until(lambda: not smsc.sessions)
        assert smsc.received == 120
        assert smsc.unanswered == 1
        assert 1 <= len(platform.unanswered) <= 50
        sent = {(one.source.digits.encode(), one.destination.digits.encode()) for one in traffic(200)}
        rest = traffic(200)[platform.submitted :]
        await platform.keep_submitting(rest, deadline_s=20)
        assert not platform.unanswered
        assert {(copy[0], copy[1]) for copy in smsc.copies} == sent  # type: ignore[index]
        assert (smsc.binds, platform.link_losses) == (2, 1)

    play(scenario, faults=Faults(drop_after=120), track_copies=True)


def test_links_that_keep_falling_lose_nothing() -> None:
    """With a 2 % chance of a drop on each submit everything is accepted in the end."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.keep_submitting(traffic(300), deadline_s=20)
        assert len(smsc.copies) == len({(n.source, n.destination, n.text) for n in traffic(300)})
        assert platform.link_losses == smsc.binds - 1 > 0
        assert smsc.duplicates == smsc.accepted - 300

    play(scenario, faults=Faults(drop=0.02), track_copies=True, window=5)


def test_half_close_ends_the_answers() -> None:
    """After FIN from the SMSC the platform sees its link lost and the rest unanswered."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        with pytest.raises(LinkLostError):
            await platform.submit_all(traffic(100))
        assert platform.unanswered
        assert smsc.answered.total() == 29

    play(scenario, faults=Faults(half_close_after=30))


def test_slow_reading_slows_the_platform_and_loses_nothing() -> None:
    """An SMSC that rests 50 ms after each read needs at least one rest for each window."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        started = asyncio.get_running_loop().time()
        await platform.submit_all(traffic(40))
        assert asyncio.get_running_loop().time() - started >= 0.15
        assert smsc.accepted == 40

    play(scenario, faults=Faults(read_pause_s=0.05), window=10)


def test_receipts_reach_who_asked() -> None:
    """A receipt names its message and the state, in its text and in its parameters."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(
            [Notification(CALLER, CALLED, f"Hola {AD}", 0, Kind.PLAIN, 1), text("nada")]
        )
        await platform.until(lambda: platform.receipts == 1)
        await smsc.until(lambda: smsc.receipts_answered == 1)
        receipt = platform.frames[-1]
        assert b"id:0000000001 sub:001 dlvrd:001 submit date:" in receipt
        assert b"stat:DELIVRD err:000 text:Hola Buen Fin en tie" in receipt
        assert parameter(0x001E, b"0000000001\0") + parameter(0x0427, b"\x02") in receipt
        assert (smsc.receipts_sent, smsc.tally.counts[AD].delivered) == (1, 1)

    play(scenario, ads=[AD])


def test_a_receipt_waits_for_a_receiver() -> None:
    """A transmitter gets none; it is kept until the same system_id binds as a receiver."""

    async def scenario(smsc: SimulatedSmsc, _: RawPlatform) -> None:
        sender = RawPlatform(smsc.host, smsc.port, bind=BIND_TRANSMITTER)
        receiver = RawPlatform(smsc.host, smsc.port, bind=BIND_RECEIVER, keep_frames=10)
        await sender.connect()
        await sender.submit_all([Notification(CALLER, CALLED, "Hola", 0, Kind.PLAIN, 1)])
        await receiver.connect()
        await receiver.until(lambda: receiver.receipts == 1)
        assert b"id:1 " in receiver.frames[-1]
        assert b"stat:UNDELIV err:001" in receiver.frames[-1]
        assert sender.receipts == 0
        await receiver.submit_all([text("no")])
        assert receiver.statuses[ESME_RINVBNDSTS] == 1
        await sender.close()
        await receiver.close()

    play(scenario, bind=False, receipt_failures=1.0, response_id="{:08x}", receipt_id="{:d}")


def test_wrong_credentials_are_refused() -> None:
    """An unknown system_id gets ESME_RBINDFAIL, the right one is let in."""

    async def scenario(smsc: SimulatedSmsc, _: RawPlatform) -> None:
        stranger = RawPlatform(smsc.host, smsc.port, password="other")
        with pytest.raises(BindRefusedError) as refusal:
            await stranger.connect()
        assert refusal.value.status == ESME_RBINDFAIL
        friend = RawPlatform(smsc.host, smsc.port)
        await friend.connect()
        await friend.close()
        assert smsc.binds == 1

    play(scenario, bind=False, credentials={"mcn": "secret"})


@pytest.mark.parametrize(
    ("command", "body", "answer", "status"),
    [
        (ENQUIRE_LINK, b"", 0x80000015, 0),
        (QUERY_SM, b"0000000001\0\0\0\0", 0x80000003, 0),
        (QUERY_SM, b"77\0\0\0\0", 0x80000003, ESME_RQUERYFAIL),
        (CANCEL_SM, b"\x0077\0\0\0\0\0\0\0", 0x80000008, ESME_RCANCELFAIL),
        (REPLACE_SM, b"0000000001\0\0\0\0", 0x80000007, 0),
        (SUBMIT_MULTI, b"\0\0\0\0\0", 0x80000021, 0),
        (0x00010203, b"what", GENERIC_NACK, ESME_RINVCMDID),
    ],
)
def test_other_requests_are_answered_plausibly(command: int, body: bytes, answer: int, status: int) -> None:
    """Each request of SMPP 3.4 gets its own answer, an unknown one generic_nack."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all([text("Hola")])
        frame = await platform.request(pdu(command, 0, body))
        assert (int.from_bytes(frame[4:8], "big"), int.from_bytes(frame[8:12], "big")) == (answer, status)
        assert smsc.received == 1

    play(scenario)


def test_requests_before_a_bind_are_refused() -> None:
    """Submits of an unbound session get ESME_RINVBNDSTS and are not counted as received."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.open()
        await platform.submit_all([text("Hola")])
        assert platform.statuses == {ESME_RINVBNDSTS: 1}
        assert smsc.received == 0

    play(scenario, bind=False)


def test_a_frame_that_cannot_be_cut_is_nacked_and_the_link_closed() -> None:
    """An impossible command_length gets generic_nack ESME_RINVCMDLEN, then FIN."""

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        platform.write(bytes.fromhex("00000004 00000004 00000000 00000009"))
        await platform.until(lambda: not platform.connected)
        assert platform.frames[-1] == pdu(GENERIC_NACK, 0, status=2)

    play(scenario)


def test_a_malformed_body_is_refused_and_the_session_goes_on() -> None:
    """A body with fields past its end is answered with a status; the next submit is accepted."""

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        broken = text("Hola").octets(0)[:-2]
        await platform.submit_all([len(broken).to_bytes(4, "big") + broken[4:], text("Hola")])
        assert [platform.answers[number].status for number in sorted(platform.answers)] == [2, 0]

    play(scenario)


def test_recorded_frames_are_the_octets_sent() -> None:
    """With keep_frames the SMSC holds the last PDUs byte for byte, in order."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        sent = traffic(30)
        await platform.submit_all(sent)
        numbers = sorted(platform.answers)[-10:]
        assert [frame.octets for frame in smsc.frames] == [
            one.octets(number) for one, number in zip(sent[-10:], numbers, strict=True)
        ]

    play(scenario, keep_frames=10)


def test_a_script_answers_what_it_likes() -> None:
    """A script's octets are the answer, whatever they are; None leaves it to the SMSC."""

    def script(frame: bytes) -> bytes | None:
        sequence = int.from_bytes(frame[12:16], "big")
        return (
            pdu(0x80000004, sequence, b"id\0" + parameter(0x1403, b"vendor"), 0x4FF)
            if b"raro" in frame
            else None
        )

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all([text("raro"), text("normal")])
        assert platform.statuses == {0x4FF: 1, 0: 1}
        assert any(frame.endswith(b"vendor") for frame in platform.frames)

    play(scenario, script=script)


def test_an_smsc_comes_back_on_its_port() -> None:
    """Stop drops the links, start on the same port takes the platform's re-sends; counts go on."""

    async def scenario(smsc: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(10))
        await smsc.stop()
        await platform.until(lambda: not platform.connected)
        rest = asyncio.create_task(platform.keep_submitting(traffic(10, seed=2), deadline_s=10))
        await smsc.start(smsc.host, smsc.port)
        await rest
        assert smsc.accepted == platform.statuses[0] == 20

    play(scenario)


def test_a_pace_is_kept() -> None:
    """Nothing is sent before it is due: 50 at 200 a second take 0.245 s."""

    async def scenario(_: SimulatedSmsc, platform: RawPlatform) -> None:
        await platform.submit_all(traffic(50), SteadyPace(200))
        times = [answer.sent_at for answer in platform.answers.values()]
        assert max(times) - min(times) >= 0.24

    play(scenario)


def test_only_loopback_is_used() -> None:
    """The SMSC listens on 127.0.0.1 unless told otherwise."""

    async def scenario(smsc: SimulatedSmsc, _: RawPlatform) -> None:
        assert smsc.host == "127.0.0.1"

    play(scenario)
