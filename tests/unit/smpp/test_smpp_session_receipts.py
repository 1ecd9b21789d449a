"""A session and receipts: what is asked for, journalled, swallowed, and what is left alone."""

from dataclasses import replace

import pytest

from adapters.smpp.route_receipts import ReceiptProfile
from engine.journal import Entry, Kind
from engine.receipts import RouteHash, normalised, route_number
from tests.smpp_cases.pdus import (
    DATA_SM,
    DATA_SM_RESP,
    DELIVER_SM,
    ENQUIRE_LINK,
    REPLACE_SM,
    RESPONSE,
    SUBMIT_MULTI,
    Submit,
    answer,
    fields_of,
    pdu,
    tlv,
)
from tests.smpp_cases.world import CAMPAIGN, HOUR, KEY, NOW, ROUTE, VERSION, World, make_world

SUBSCRIBER = 3301234567
ASKING = Submit(sequence=7, registered=1)
BARE = replace(ASKING, esm_class=0x40)  # a user data header gets no ad


def receipt(message_id: bytes, state: bytes = b"DELIVRD", sequence: int = 900, esm_class: int = 4) -> bytes:
    """Return the SMSC's deliver_sm about a message to the subscriber."""
    text = b"id:" + message_id + b" stat:" + state
    body = b"\0\1\x01523301234567\0\1\x015501234567\0" + bytes((esm_class, 0, 0, 0, 0, 0, 0, 0, 0, len(text)))
    return pdu(DELIVER_SM, sequence, body + text)


def about_receipts(world: World) -> list[Entry]:
    """Return the journal's entries about receipts."""
    return [entry for entry in world.journal.entries if entry.kind >= Kind.AWAITED]


def hashed(message_id: bytes, subscriber: int = SUBSCRIBER) -> int:
    """Return what stands for both ends."""
    return RouteHash(KEY, ROUTE).of(normalised(message_id), subscriber)


def profiled(*, failures: bool = False) -> World:
    """Return a bound world that asks for every receipt."""
    return make_world(profile=ReceiptProfile(requests=True, failures=failures)).bound()


@pytest.mark.parametrize("registered", [1, 2, 3, 0x11])
def test_an_accepted_insertion_that_asked_waits(registered: int) -> None:
    """Its place in the counts and the hash are journalled behind its outcome; the octets stay as asked."""
    world = make_world().bound()
    sent = world.from_platform(replace(ASKING, registered=registered).octets)
    assert fields_of(sent)["registered_delivery"] == registered
    world.from_smsc(answer(7))
    [entry] = about_receipts(world)
    assert (entry.kind, entry.campaign, entry.creative_version, entry.hour) == (
        Kind.AWAITED, CAMPAIGN, VERSION, HOUR,
    )  # fmt: skip
    assert entry.number == hashed(b"7")
    assert entry.place == next(each.place for each in world.journal.entries if each.kind == Kind.ACCEPTED)
    assert [each.kind for each in world.journal.entries[-2:]] == [Kind.ACCEPTED, Kind.AWAITED]
    world.assert_balanced()


@pytest.mark.parametrize(
    "octets", [replace(ASKING, registered=0).octets, replace(ASKING, registered=0x1C).octets, BARE.octets]
)
def test_nothing_waits_for_what_was_not_asked(octets: bytes) -> None:
    """Nor for a notification without an ad, whatever it asked for."""
    world = make_world().bound()
    world.from_platform(octets)
    world.from_smsc(answer(7))
    assert about_receipts(world) == []


@pytest.mark.parametrize("status", [0x01, 0x58, 0x400])
def test_nothing_waits_for_a_refused_insertion(status: int) -> None:
    """Whether the original goes out bare or the refusal passes."""
    world = make_world().bound()
    world.from_platform(ASKING.octets)
    world.from_smsc(answer(7, status))
    world.from_smsc(answer(7))
    assert about_receipts(world) == []


def test_a_late_answer_waits_too() -> None:
    """An insertion that was unknown is accepted after all, and its receipt counts."""
    world = make_world().bound()
    world.from_platform(ASKING.octets)
    world.session.expire(NOW)
    world.from_smsc(answer(7))
    [entry] = about_receipts(world)
    assert entry.number == hashed(b"7")


def test_data_sm_waits_like_submit_sm() -> None:
    """Its registered_delivery lies elsewhere."""
    world = make_world().bound()
    world.from_platform(replace(ASKING, data=True, payload=b"Llamada perdida").octets)
    world.from_smsc(answer(7, command=DATA_SM_RESP))
    assert [entry.number for entry in about_receipts(world)] == [hashed(b"7")]


def test_a_receipt_passes_and_is_journalled() -> None:
    """As-submitted nothing is held back; the entry has no number of anybody and no id."""
    world = make_world().bound()
    octets = receipt(b"0000000A", b"UNDELIV")
    assert world.from_smsc(octets) == octets
    [entry] = about_receipts(world)
    assert (entry.kind, entry.cause, entry.place) == (Kind.RECEIPT, 5, route_number(ROUTE))
    assert (entry.number, entry.hour) == (hashed(b"a"), HOUR)
    assert b"3301234567" not in world.journal.octets


@pytest.mark.parametrize("state", [b"ENROUTE", b"ACCEPTD", b"UNKNOWN", b"FOO"])
def test_what_is_not_final_is_not_journalled(state: bytes) -> None:
    """It passes and says nothing."""
    world = make_world().bound()
    assert world.from_smsc(receipt(b"7", state)) == receipt(b"7", state)
    assert about_receipts(world) == []


@pytest.mark.parametrize("registered", [each for each in range(0x20) if not each & 1])
def test_the_profile_changes_two_bits_of_advertised_notifications(registered: int) -> None:
    """Bits 1-0 become 01, nothing else changes, and its receipt counts; a bare one stays as it is."""
    world = profiled(failures=True)
    octets = replace(ASKING, registered=registered).octets
    plain = make_world().bound().from_platform(octets)
    sent = world.from_platform(octets)
    at = next(at for at, (one, other) in enumerate(zip(sent, plain, strict=True)) if one != other)
    assert sent == plain[:at] + bytes((registered & 0xFC | 1,)) + plain[at + 1 :]
    bare = replace(BARE, sequence=8, registered=registered).octets
    assert world.from_platform(bare) == bare
    world.from_smsc(answer(7) + answer(8))
    assert [entry.number for entry in about_receipts(world)] == [hashed(b"7")]


def test_the_bare_retry_has_its_own_bits() -> None:
    """The original goes out as the platform sent it."""
    world = profiled()
    octets = replace(ASKING, registered=0).octets
    world.from_platform(octets)
    world.from_smsc(answer(7, 0x01))
    assert world.to_smsc.endswith(octets)


def test_swallowed_receipts_are_answered_between_pdus() -> None:
    """The SMSC's own sequence number, ESME_ROK; what stands around them is forwarded untouched."""
    world = profiled()
    world.from_platform(replace(ASKING, registered=0).octets)
    before, after = answer(7), pdu(ENQUIRE_LINK, 901)
    stream = before + receipt(b"7", sequence=900) + after
    for at in (16, 40, len(before) + 5, len(stream) - 3):
        fresh = profiled()
        got = fresh.from_smsc(stream[:at]) + fresh.from_smsc(stream[at:])
        assert got == before + after
        assert fresh.to_smsc == pdu(DELIVER_SM | RESPONSE, 900, b"\0")
    assert world.from_smsc(stream) == before + after
    assert [entry.number for entry in about_receipts(world)] == [hashed(b"7"), hashed(b"7")]
    world.assert_balanced()


@pytest.mark.parametrize(
    ("failures", "state", "swallowed"),
    [
        (False, b"DELIVRD", True), (False, b"UNDELIV", True), (False, b"ENROUTE", True),
        (True, b"DELIVRD", True), (True, b"UNDELIV", False), (True, b"ENROUTE", False),
        (False, b"FOO", False),
    ],
)  # fmt: skip
def test_type_and_state_alone_decide(failures: bool, state: bytes, swallowed: bool) -> None:
    """Whether or not anybody knows the message."""
    world = profiled(failures=failures)
    octets = receipt(b"unknown", state)
    assert world.from_smsc(octets) == (b"" if swallowed else octets)


@pytest.mark.parametrize("esm_class", [0x00, 0x08, 0x10, 0x20, 0x44])
def test_other_types_are_never_swallowed(esm_class: int) -> None:
    """Messages, acknowledgements, intermediate notifications, user data headers."""
    world = profiled()
    octets = receipt(b"7", esm_class=esm_class)
    assert world.from_smsc(octets) == octets
    assert about_receipts(world) == []


def test_a_receipt_as_data_sm_is_swallowed() -> None:
    """It is answered with data_sm_resp."""
    world = profiled()
    body = b"\0\1\x01523301234567\0\1\x015501234567\0\4\0\0" + tlv(0x001E, b"7\0") + tlv(0x0427, b"\2")
    assert world.from_smsc(pdu(DATA_SM, 900, body)) == b""
    assert world.to_smsc == pdu(DATA_SM_RESP, 900, b"\0")


MULTI = pdu(SUBMIT_MULTI, 8, b"\0\1\x015501234567\0\1\1\1\x013301234567\0\0\0\0\0\0\1\0\0\0\0")
REPLACE = pdu(REPLACE_SM, 8, b"7\0\1\x015501234567\0\0\0\1\0\0")


@pytest.mark.parametrize("octets", [ASKING.octets, BARE.octets, MULTI, REPLACE])
def test_asking_for_more_ends_the_profile(octets: bytes) -> None:
    """Ad or not: it is counted, rewriting and swallowing end, and its receipt comes home."""
    world = profiled()
    sent = world.from_platform(octets)
    if octets in (BARE.octets, MULTI, REPLACE):
        assert sent == octets
    assert world.session._receipts is not None
    profile = world.session._receipts.profile
    assert (profile.more, profile.requests) == (1, False)
    after = world.from_platform(replace(ASKING, sequence=9, registered=0).octets)
    assert fields_of(after)["registered_delivery"] == 0
    assert world.from_smsc(receipt(b"7")) == receipt(b"7")


def test_a_full_disk_holds_no_receipt_back() -> None:
    """What was noted is written when the journal takes it again."""
    world = make_world().bound()
    world.from_platform(ASKING.octets)
    world.journal.refuse = True
    both = answer(7) + receipt(b"7")
    assert world.from_smsc(both) == both
    assert about_receipts(world) == []
    world.journal.refuse = False
    world.recorder.commit()
    assert [entry.kind for entry in world.journal.entries[-3:]] == [Kind.ACCEPTED, Kind.AWAITED, Kind.RECEIPT]
    world.assert_balanced()


def test_bounded_is_what_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there is no room for is counted as lost."""
    world = make_world().bound()
    for _ in range(100_003):
        world.recorder.note(b"")
    assert world.recorder.lost == 3


@pytest.mark.interpreted
def test_a_fault_about_receipts_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is alarmed; notification, answer and receipt pass, and the books balance."""
    world = profiled()

    def broken(*_: object) -> None:
        raise RuntimeError

    for name in ("registered_at", "read_receipt", "normalised"):
        monkeypatch.setattr(f"adapters.smpp.route_receipts.{name}", broken)
    sent = world.from_platform(ASKING.octets)
    assert fields_of(sent)["registered_delivery"] == 1
    both = answer(7) + receipt(b"7")
    assert world.from_smsc(both) == both
    assert world.alarms
    world.assert_balanced()
