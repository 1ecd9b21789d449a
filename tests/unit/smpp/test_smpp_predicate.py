"""The written predicate, and the word that carries a header to it."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.smpp.locate import Cut, locate_data_sm, locate_submit_sm
from engine import predicate as predicate_module
from engine.predicate import (
    HAS_PAYLOAD,
    HAS_SHORT_MESSAGE,
    MULTIPART,
    PORTS,
    RULES,
    SCHEDULED,
    Header,
    Predicate,
)
from engine.reasons import Reason
from tests.smpp_cases.pdus import Submit, tlv

headers = st.builds(Header, *[st.integers(0, 255)] * 6)


@settings(deadline=None)
@given(headers)
def test_a_word_is_a_header_and_back(header: Header) -> None:
    """Nothing is lost on the way through the hot path's integer."""
    assert Header.from_word(header.word) == header


@settings(deadline=None)
@given(headers)
def test_a_verdict_is_the_first_rule_that_does_not_hold(header: Header) -> None:
    """The table's order decides which reason is told, whether the verdict is remembered or not."""
    expected = next((rule.reason for rule in RULES if not rule.holds(header)), None)
    predicate = Predicate()
    assert [predicate.refuses(b"", header.word) for _ in range(2)] == [expected] * 2


@pytest.mark.parametrize("esm_class", range(256))
def test_every_esm_class(esm_class: int) -> None:
    """Only modes 0 and 3 of the default type without a header; the reply path does not matter."""
    header = Header(esm_class, 0, 0, 0, 0, HAS_SHORT_MESSAGE)
    allowed = esm_class in {0x00, 0x03, 0x80, 0x83}
    assert (Predicate().refuses(b"", header.word) is None) == allowed


def test_every_data_coding() -> None:
    """0, 1, 3 and 8, and no other."""
    words = [Header(0, 0, 0, coding, 0, HAS_PAYLOAD).word for coding in range(256)]
    assert [at for at, word in enumerate(words) if Predicate().refuses(b"", word) is None] == [0, 1, 3, 8]


@pytest.mark.parametrize("replaceable", ["pass", "insert"])
def test_every_protocol_id(replaceable: str) -> None:
    """0x40–0x7F replaces or is for the SIM; the setting decides whether that matters."""
    refusals = [
        Predicate(replaceable=replaceable).refuses(b"", Header(0, pid, 0, 0, 0, HAS_PAYLOAD).word)
        for pid in range(256)
    ]
    passes = set(range(0x40, 0x80)) if replaceable == "pass" else set()
    assert {at for at, reason in enumerate(refusals) if reason is not None} == passes


def test_a_hostile_peer_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded, and forgetting changes no verdict."""
    monkeypatch.setattr(predicate_module, "MEMO_LIMIT", 8)
    predicate = Predicate()
    for esm_class, coding in product(range(8), repeat=2):
        predicate.refuses(b"", Header(esm_class, 0, 0, coding, 0, HAS_PAYLOAD).word)
        assert len(predicate._memo) <= 8
    assert predicate.refuses(b"", Header(0x40, 0, 0, 0, 0, HAS_PAYLOAD).word) is Reason.UDH


def test_the_word_holds_each_octet_where_the_predicate_looks() -> None:
    """Six different octets of a submit_sm come out as the six fields of its header."""
    octets = Submit(esm_class=1, protocol_id=2, replace=3, data_coding=4, default_msg=5, schedule=b"x").octets
    cut = Cut()
    assert locate_submit_sm(b"AB" + octets + b"CD", 2, 2 + len(octets), cut)
    assert Header.from_word(cut.word) == Header(1, 2, 3, 4, 5, SCHEDULED | HAS_SHORT_MESSAGE)
    octets = Submit(data=True, body=b"", payload=b"x", esm_class=1, data_coding=4, registered=9).octets
    assert locate_data_sm(octets, 0, len(octets), cut)
    assert Header.from_word(cut.word) == Header(1, 0, 0, 4, 0, HAS_PAYLOAD)


@pytest.mark.parametrize(
    ("tag", "flag"),
    [
        (0x020A, PORTS),
        (0x020B, PORTS),
        (0x020C, MULTIPART),
        (0x020E, MULTIPART),
        (0x020F, MULTIPART),
        (0x0426, MULTIPART),
        (0x1400, 0),
        (0x0204, 0),
    ],
)
@pytest.mark.parametrize("data", [False, True])
def test_parameters_that_matter_are_seen_anywhere(tag: int, flag: int, data: bool) -> None:
    """Before or behind message_payload, in either command."""
    for before, behind in ((tlv(tag, b"\1"), b""), (b"", tlv(tag, b"\1"))):
        octets = Submit(data=data, body=b"", payload=b"x", tlvs_before=before, tlvs=behind).octets
        cut = Cut()
        locate = locate_data_sm if data else locate_submit_sm
        assert locate(octets, 0, len(octets), cut)
        assert Header.from_word(cut.word).flags == flag | HAS_PAYLOAD


@pytest.mark.parametrize("data", [False, True])
def test_no_cut_off_request_is_taken_for_a_whole_one_with_a_body(data: bool) -> None:
    """However short the PDU ends, a body is found only inside it, and nothing raises."""
    whole = Submit(data=data, body=b"" if data else b"Hola", payload=b"Hola" if data else None).octets
    behind = b"\0" * 40
    locate = locate_data_sm if data else locate_submit_sm
    for end in range(16, len(whole)):
        cut = Cut()
        if locate(whole[:end] + behind, 0, end, cut):
            assert not cut.word & (HAS_SHORT_MESSAGE | HAS_PAYLOAD)
        cut = Cut()
        if locate(whole[:end], 0, end, cut):
            assert cut.body_end <= end
