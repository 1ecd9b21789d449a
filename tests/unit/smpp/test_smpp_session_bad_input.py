"""DESIGN §2's bad input: what can't be framed, traffic before a bind, binds of every kind."""

import pytest

from adapters.smpp.stage import Stage
from tests.smpp_cases.pdus import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    OUTBIND,
    QUERY_SM,
    RALYBND,
    REPLACE_SM,
    RESPONSE,
    RINVBNDSTS,
    RINVCMDLEN,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    Submit,
    answer,
    bind,
    bind_answer,
    pdu,
)
from tests.smpp_cases.world import make_world

NOTIFICATION = Submit(sequence=7)
OTHER = pdu(ENQUIRE_LINK, 3)
MAX_PDU = 256


def misframed(length: int, command: int = SUBMIT_SM, sequence: int = 77) -> bytes:
    """Return a header whose command_length can't be."""
    return length.to_bytes(4, "big") + pdu(command, sequence)[4:]


@pytest.mark.parametrize("length", [0, 1, 15, MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF])
@pytest.mark.parametrize("command", [SUBMIT_SM, DATA_SM, ENQUIRE_LINK, 0x00010207])
def test_a_length_that_cannot_be_ends_the_platforms_leg(length: int, command: int) -> None:
    """What came before leaves; generic_nack ESME_RINVCMDLEN; nothing of what follows is relayed."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    assert world.from_platform(OTHER + misframed(length, command) + OTHER) == OTHER
    assert world.to_platform == pdu(GENERIC_NACK, 77, status=RINVCMDLEN)
    assert world.session.stage is Stage.BROKEN
    assert world.from_platform(OTHER) == b""
    assert world.to_platform == pdu(GENERIC_NACK, 77, status=RINVCMDLEN)
    assert world.assert_balanced().refused == (command in (SUBMIT_SM, DATA_SM))


@pytest.mark.parametrize("length", [16, MAX_PDU])
def test_the_shortest_and_the_longest_pdu_pass(length: int) -> None:
    """A header alone, and exactly `max_pdu_bytes`."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    whole = pdu(ENQUIRE_LINK, 5, bytes(length - 16))
    assert world.from_platform(whole) == whole
    assert world.session.stage is Stage.BOUND


def test_an_ad_before_a_frame_that_cannot_be_cut_is_kept() -> None:
    """The notification before it leaves with its ad, and its answer still comes home."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    out = world.from_platform(NOTIFICATION.octets + misframed(3))
    assert len(out) > len(NOTIFICATION.octets)
    assert world.from_smsc(answer(7)) == answer(7)
    assert world.assert_balanced().outcomes == {("ACCEPTED", ""): 1}


def test_the_smscs_answers_keep_their_frames_when_the_platform_broke() -> None:
    """An answer cut in two by TCP arrives whole, although the platform's leg is broken already."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    world.from_platform(NOTIFICATION.octets)
    said = answer(7)
    assert world.from_smsc(said[:9]) == b""
    world.from_platform(misframed(3))
    assert world.from_smsc(said[9:]) == said
    assert world.assert_balanced().outcomes == {("ACCEPTED", ""): 1}


def test_a_refused_ad_is_not_retried_on_a_broken_session() -> None:
    """The SMSC's leg is being closed: the refusal passes, so that the platform may send again."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    world.from_platform(NOTIFICATION.octets + misframed(3))
    sent = world.to_smsc
    assert world.from_smsc(answer(7, 1)) == answer(7, 1)
    assert world.to_smsc == sent


@pytest.mark.parametrize("length", [0, 15, MAX_PDU + 1])
def test_a_length_that_cannot_be_ends_the_smscs_leg(length: int) -> None:
    """What came before passes; generic_nack goes to the SMSC; nothing of what follows is read as frames."""
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    world.from_platform(NOTIFICATION.octets)
    sent = world.to_smsc
    assert world.from_smsc(OTHER + misframed(length, SUBMIT_SM | RESPONSE)) == OTHER
    assert world.to_smsc == sent + pdu(GENERIC_NACK, 77, status=RINVCMDLEN)
    assert world.from_smsc(answer(7)) == b""
    assert world.from_platform(OTHER) == b""
    world.close()
    assert world.assert_balanced().outcomes == {("UNKNOWN", "link_lost"): 1}


REQUESTS = (
    SUBMIT_SM, DATA_SM, DELIVER_SM, SUBMIT_MULTI, QUERY_SM, CANCEL_SM, REPLACE_SM,
    UNBIND, ENQUIRE_LINK, OUTBIND, 0x00010207,
)  # fmt: skip


@pytest.mark.parametrize("command", REQUESTS)
def test_a_request_before_a_bind_is_refused(command: int) -> None:
    """Its own answer with ESME_RINVBNDSTS and its sequence number; nothing is relayed or dialled."""
    world = make_world()
    assert world.from_platform(pdu(command, 5, b"x") + bind()) == b""
    assert world.to_platform == pdu(command | RESPONSE, 5, status=RINVBNDSTS)
    assert world.session.stage is Stage.BROKEN
    books = world.assert_balanced()
    assert books.refused == books.notifications == (command in (SUBMIT_SM, DATA_SM))


@pytest.mark.parametrize("command", [GENERIC_NACK, SUBMIT_SM | RESPONSE, 0xFFFFFFFF])
def test_an_answer_before_a_bind_is_refused(command: int) -> None:
    """What asks for nothing is answered with generic_nack."""
    world = make_world()
    assert world.from_platform(pdu(command, 5)) == b""
    assert world.to_platform == pdu(GENERIC_NACK, 5, status=RINVBNDSTS)


def test_other_protocols_are_refused() -> None:
    """A browser that finds the port gets an answer and is let go."""
    world = make_world()
    world.from_platform(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert world.session.stage is Stage.BROKEN
    assert len(world.to_platform) == 16


def test_an_incomplete_header_changes_nothing() -> None:
    """Fifteen octets of a bind dial nobody yet; the sixteenth does."""
    world = make_world()
    assert world.from_platform(bind()[:15]) == b""
    assert world.session.stage is Stage.OPENED
    assert world.from_platform(bind()[15:16]) == b""
    assert world.session.stage is Stage.BINDING
    assert world.from_platform(bind()[16:]) == bind()


@pytest.mark.parametrize("length", [0, 15, MAX_PDU + 1])
def test_a_bind_that_cannot_be_framed_is_refused(length: int) -> None:
    """generic_nack ESME_RINVCMDLEN, and nobody is dialled."""
    world = make_world(max_pdu_octets=MAX_PDU)
    assert world.from_platform(misframed(length, BIND_TRANSCEIVER)) == b""
    assert world.to_platform == pdu(GENERIC_NACK, 77, status=RINVCMDLEN)
    assert world.session.stage is Stage.BROKEN


@pytest.mark.parametrize("kind", [BIND_TRANSMITTER, BIND_TRANSCEIVER])
def test_a_sending_bind_gets_ads_once_it_is_answered(kind: int) -> None:
    """PDUs sent before the answer pass as `not_bound`, those behind it may carry an ad."""
    world = make_world()
    stream = bind(kind) + NOTIFICATION.octets
    assert world.from_platform(stream) == stream
    assert world.from_smsc(bind_answer(kind)) == bind_answer(kind)
    assert world.from_platform(NOTIFICATION.octets) != NOTIFICATION.octets
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (1, {"not_bound": 1})


def test_a_receivers_bind_never_gets_ads() -> None:
    """What a receiver submits is the SMSC's to refuse."""
    world = make_world().bound(BIND_RECEIVER)
    assert world.from_platform(NOTIFICATION.octets) == NOTIFICATION.octets
    assert world.assert_balanced().passed == {"not_bound": 1}


@pytest.mark.parametrize("status", [0x0D, 0x0E, 0x0F, 0x400])
def test_a_refused_bind_passes_and_stays_unbound(status: int) -> None:
    """The SMSC's word goes through; a second try on the same session may succeed."""
    world = make_world()
    world.from_platform(bind())
    refusal = bind_answer(status=status)
    assert world.from_smsc(refusal) == refusal
    assert world.from_platform(NOTIFICATION.octets) == NOTIFICATION.octets
    world.bound()
    assert world.from_platform(NOTIFICATION.octets) != NOTIFICATION.octets


def test_a_second_bind_is_the_smscs_to_refuse() -> None:
    """It passes, and whatever it said the session stays who it was."""
    world = make_world(system_ids=frozenset((b"mcn",))).bound()
    second = bind(BIND_RECEIVER, b"stranger", 2)
    assert world.from_platform(second) == second
    refusal = bind_answer(BIND_RECEIVER, RALYBND, 2)
    assert world.from_smsc(refusal) == refusal
    assert world.session.system_id == b"mcn"
    assert world.from_platform(NOTIFICATION.octets) != NOTIFICATION.octets


def test_only_listed_system_ids_get_ads() -> None:
    """Another platform's traffic passes with its reason."""
    world = make_world(system_ids=frozenset((b"mcn", b"mcn2"))).bound(system_id=b"alerts")
    assert world.from_platform(NOTIFICATION.octets) == NOTIFICATION.octets
    assert world.assert_balanced().passed == {"system_id": 1}


def test_only_listed_service_types_get_ads() -> None:
    """The empty service_type is one like any other."""
    world = make_world(service_types=("CMT", "")).bound()
    for service, gets in ((b"CMT", True), (b"", True), (b"VMN", False), (b"cmt", False)):
        sent = Submit(service_type=service).octets
        assert (world.from_platform(sent) != sent) == gets
    assert world.books.passed == {"service_type": 2}


def test_replaceable_notifications_get_ads_where_the_carrier_says_so() -> None:
    """`relay.notifications.replaceable: insert` takes that one rule out of the predicate."""
    world = make_world(replaceable="insert").bound()
    for sent in (Submit(protocol_id=0x41), Submit(replace=1), Submit(esm_class=0x40, replace=1)):
        world.from_platform(sent.octets)
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (2, {"udh": 1})


def test_behind_an_unbind_nothing_gets_an_ad() -> None:
    """The unbind and what follows it pass; another bind on the same session may be accepted."""
    world = make_world().bound()
    stream = pdu(UNBIND, 9) + NOTIFICATION.octets
    assert world.from_platform(stream) == stream
    farewell = pdu(UNBIND | RESPONSE, 9)
    assert world.from_smsc(farewell) == farewell
    assert world.assert_balanced().passed == {"not_bound": 1}
    world.bound()
    assert world.from_platform(NOTIFICATION.octets) != NOTIFICATION.octets


def test_raw_mode_waits_for_a_binds_header_too() -> None:
    """Bypass refuses traffic before a bind as the relay does, and relays anything behind it."""
    world = make_world(raw=True)
    assert world.from_platform(bind()[:10]) == b""
    assert world.from_platform(bind()[10:20]) == bind()[:20]
    assert world.from_platform(b"\0\0\0\1anything") == b"\0\0\0\1anything"
    refused = make_world(raw=True)
    assert refused.from_platform(OTHER) == b""
    assert refused.to_platform == pdu(ENQUIRE_LINK | RESPONSE, 3, status=RINVBNDSTS)
