"""Laws of the relay: what gets no ad is untouched, what gets one changes where it may, whatever comes."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.composition import DefaultAlphabet
from tests.examples import tried
from tests.smpp_cases.handset import fits_one_part, shown, written
from tests.smpp_cases.pdus import (
    DATA_SM,
    GENERIC_NACK,
    HEADER_OCTETS,
    PAYLOAD_TAG,
    RESPONSE,
    RINVCMDLEN,
    SUBMIT_SM,
    UNBIND,
    Submit,
    bind,
    cut,
    fields_of,
    pdu,
    tlv,
)
from tests.smpp_cases.strategies import (
    ANY_TEXTS,
    GSM_TEXTS,
    cuts,
    damaged,
    octets,
    others,
    pdus,
    plain_submits,
    submits,
)
from tests.smpp_cases.world import CREATIVE, SEPARATOR, make_world

MAX_PDU = 1024
# A busy machine must not fail a law. Streams are slow to draw, but each example holds several PDUs.
laws = tried()
streams = tried(20)
NOTIFICATIONS = (SUBMIT_SM, DATA_SM)


def framed(stream: bytes, limit: int = 65536) -> tuple[list[bytes], bytes]:
    """Cut a stream into PDUs, and the rest: an incomplete one, or one whose length can't be."""
    frames = []
    while len(stream) >= HEADER_OCTETS:
        length = int.from_bytes(stream[:4], "big")
        if not HEADER_OCTETS <= length <= limit or length > len(stream):
            break
        frames.append(stream[:length])
        stream = stream[length:]
    return frames, stream


def command_of(frame: bytes) -> int:
    """Return the command_id of a frame."""
    return int.from_bytes(frame[4:8], "big")


@streams
@given(st.lists(pdus, max_size=6), cuts)
def test_without_ads_the_stream_is_untouched(stream: list[bytes], lengths: list[int]) -> None:
    """Every octet leaves as it came, in order, however the stream is cut."""
    world = make_world().bound()
    world.inserter.decision = None
    joined = b"".join(stream)
    assert b"".join(map(world.from_platform, cut(joined, lengths))) == joined
    books = world.assert_balanced()
    assert books.notifications == sum(command_of(each) in NOTIFICATIONS for each in stream)
    assert books.inserted == 0
    assert world.to_platform == b""


@streams
@given(st.lists(pdus | others, max_size=6), cuts)
def test_what_the_smsc_says_is_untouched(stream: list[bytes], lengths: list[int]) -> None:
    """Every octet of the SMSC's leg leaves as it came, whatever the commands and statuses."""
    world = make_world().bound()
    joined = b"".join(stream)
    assert b"".join(map(world.from_smsc, cut(joined, lengths))) == joined
    assert world.to_smsc == b""
    assert world.books.notifications == 0


@streams
@given(st.lists(submits, max_size=6), cuts)
def test_an_ad_changes_the_body_and_the_lengths_and_nothing_else(
    sent: list[Submit], lengths: list[int]
) -> None:
    """Each notification leaves as it came, or as the same fields encoded anew with the longer body."""
    world = make_world().bound()
    out = b"".join(map(world.from_platform, cut(b"".join(each.octets for each in sent), lengths)))
    left, rest = framed(out)
    assert rest == b""
    assert len(left) == len(sent)
    with_ad = 0
    for before, after in zip(sent, left, strict=True):
        if after == before.octets:
            continue
        with_ad += 1
        suffix = after_body(before, after)
        assert after == before.saying(before.text + suffix).octets
        assert shown(suffix, before.data_coding) == SEPARATOR + CREATIVE
    books = world.assert_balanced()
    assert books.notifications == len(sent)
    assert books.inserted == with_ad


def after_body(before: Submit, after: bytes) -> bytes:
    """Return what stands behind the former body in the PDU that left."""
    behind = len(before.tlvs) + (len(before.tlvs_before) if before.payload is None else 0)
    return after[len(before.octets) - behind : len(after) - behind]


@streams
@given(plain_submits().filter(lambda submit: not submit.data))
def test_an_independent_codec_reads_the_rest_the_same(submit: Submit) -> None:
    """smpp34 finds every other field of an advertised submit_sm unchanged, and the new text."""
    world = make_world().bound()
    out = world.from_platform(submit.octets)
    assume(world.books.inserted == 1)
    before, after = fields_of(submit.octets), fields_of(out)
    bodies = [after.pop(name) for name in ("short_message", "sm_length")]
    for name in ("short_message", "sm_length"):
        del before[name]
    tlvs = {"before": before.pop("tlvs"), "after": after.pop("tlvs")}
    assert before == after
    body = bodies[0]
    if submit.payload is not None:
        assert bodies == [b"", 0]
        body = next(value for tag, value in tlvs["after"] if tag == PAYLOAD_TAG)  # type: ignore[attr-defined]
    else:
        assert bodies[1] == len(body)  # type: ignore[arg-type]
    others = {
        side: [tlv for tlv in found if tlv[0] != PAYLOAD_TAG]  # type: ignore[attr-defined]
        for side, found in tlvs.items()
    }
    assert others["before"] == others["after"]
    assert isinstance(body, bytes)
    text = shown(body, submit.data_coding, errors="replace")
    assert text == shown(submit.text, submit.data_coding, errors="replace") + SEPARATOR + CREATIVE


@streams
@given(st.lists(damaged() | pdus, min_size=1, max_size=6), cuts)
def test_damaged_requests_never_raise_and_lose_nothing(stream: list[bytes], lengths: list[int]) -> None:
    """Any octets inside a frame pass, or get an ad where a body was found; frames keep their order."""
    world = make_world().bound()
    out = b"".join(map(world.from_platform, cut(b"".join(stream), lengths)))
    left, rest = framed(out)
    assert rest == b""
    assert [each[4:16] for each in left] == [each[4:16] for each in stream]
    books = world.assert_balanced()
    assert books.inserted == sum(a != b for a, b in zip(stream, left, strict=True))
    assert books.notifications == sum(command_of(each) in NOTIFICATIONS for each in stream)
    assert world.alarms == []


@streams
@given(st.lists(pdus, max_size=3), st.integers(0, 15) | st.integers(MAX_PDU + 1, 0xFFFFFFFF), octets, cuts)
def test_what_cannot_be_framed_ends_the_session_behind_what_came_before(
    stream: list[bytes], length: int, rest: bytes, lengths: list[int]
) -> None:
    """The frames before it leave; generic_nack ESME_RINVCMDLEN with its sequence number; then nothing."""
    assume(all(len(each) <= MAX_PDU for each in stream))
    world = make_world(max_pdu_octets=MAX_PDU).bound()
    world.inserter.decision = None
    bad = length.to_bytes(4, "big") + pdu(SUBMIT_SM, 77)[4:]
    before = b"".join(stream)
    for piece in cut(before + bad + rest, lengths):
        world.from_platform(piece)
    assert world.to_smsc == before
    assert world.to_platform == pdu(GENERIC_NACK, 77, status=RINVCMDLEN)
    books = world.assert_balanced()
    assert books.refused == 1
    assert world.from_platform(pdus_after()) == b""


def pdus_after() -> bytes:
    """Return a PDU that would be relayed by a session that still lives."""
    return Submit().octets


@laws
@given(st.binary(max_size=400), st.binary(max_size=400), cuts)
def test_any_octets_on_either_leg_never_raise_and_are_never_altered(
    platform: bytes, smsc: bytes, lengths: list[int]
) -> None:
    """What leaves is the beginning of what came: whole frames, nothing else."""
    world = make_world().bound()
    sent = b"".join(map(world.from_smsc, cut(smsc, lengths)))
    assert sent == b"".join(framed(smsc)[0])
    said = b"".join(world.session.from_platform(piece, 1.0) for piece in cut(platform, lengths))
    assert platform.startswith(said)
    world.recorder.commit()
    world.assert_balanced()


@laws
@given(st.binary(max_size=200), cuts)
def test_raw_mode_relays_any_octets_behind_a_bind(stream: bytes, lengths: list[int]) -> None:
    """In bypass nothing is framed, looked at or counted once a bind's header was seen."""
    world = make_world(raw=True)
    whole = bind() + stream
    assert b"".join(map(world.from_platform, cut(whole, lengths))) == whole
    assert b"".join(map(world.from_smsc, cut(stream, lengths))) == stream
    assert world.journal.entries == []


@pytest.mark.parametrize("alphabet", ["gsm7", "ascii", "latin1"])
@laws
@given(text=GSM_TEXTS | ANY_TEXTS, coding=st.sampled_from([0, 1, 3, 8]))
def test_the_handset_shows_one_part_with_the_ad(alphabet: DefaultAlphabet, text: str, coding: int) -> None:
    """An advertised text is notification + separator + creative and never more than one SMS part."""
    try:
        body = written(text, coding, alphabet)
    except UnicodeEncodeError:
        return
    before = Submit(body=b"", payload=body, data_coding=coding)
    world = make_world(alphabet=alphabet).bound()
    out = world.from_platform(before.octets)
    whole = text + SEPARATOR + CREATIVE
    if out != before.octets:
        suffix = after_body(before, out)
        assert shown(body + suffix, coding, alphabet) == whole
        assert fits_one_part(whole, coding)
    else:
        assert not fits_one_part(whole, coding)


@pytest.mark.parametrize("alphabet", ["gsm7", "ascii", "latin1"])
@laws
@given(body=st.binary(min_size=1, max_size=80), coding=st.sampled_from([0, 1, 3, 8]))
def test_octets_that_are_no_text_do_not_harm_the_ad(
    alphabet: DefaultAlphabet, body: bytes, coding: int
) -> None:
    """Whatever octets stand before it, the handset shows separator and creative whole at the end."""
    before = Submit(body=body, data_coding=coding)
    world = make_world(alphabet=alphabet).bound()
    out = world.from_platform(before.octets)
    assume(out != before.octets)
    text = shown(body + after_body(before, out), coding, alphabet, errors="replace")
    assert text.endswith(SEPARATOR + CREATIVE)


@streams
@given(plain_submits(), st.booleans())
def test_the_stage_of_the_session_decides_before_anything_else(submit: Submit, unbound: bool) -> None:
    """Between a bind and its answer, and behind an unbind, notifications pass as `not_bound`."""
    world = make_world()
    if unbound:
        world.bound().from_platform(pdu(UNBIND, 5))
    else:
        world.from_platform(bind())
    assert world.from_platform(submit.octets) == submit.octets
    assert world.assert_balanced().passed == {"not_bound": 1}


@streams
@given(plain_submits(), st.binary(min_size=1, max_size=30))
def test_a_vendors_parameters_never_matter(submit: Submit, value: bytes) -> None:
    """The same notification gets the same ad with or without a vendor's parameter, which stays as it is."""
    extended = replace(submit, tlvs=submit.tlvs + tlv(0x3ABC, value))
    out = [make_world().bound().from_platform(each.octets) for each in (submit, extended)]
    assert out[1][4:] == out[0][4:] + tlv(0x3ABC, value)


def test_the_answer_bit_is_what_tells_answers_from_requests() -> None:
    """A submit_sm_resp that the platform sends is no notification."""
    world = make_world().bound()
    stray = pdu(SUBMIT_SM | RESPONSE, 3, b"1\0")
    assert world.from_platform(stray) == stray
    assert world.books.notifications == 0
