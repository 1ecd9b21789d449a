"""Engagements read from documents with every fault at once, and calls gathered into leads."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.engagements import EngagementRefusedError, read_engagement
from inventory.leads import Assigned, Call, gather, window_start
from inventory.missed_calls import MOST_SKEW_S, read_signature, secret_of, signed
from inventory.response_numbers import digits_of

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)


def document(**changes: Any) -> dict[str, Any]:
    """Return a vote between two numbers for a day."""
    return {
        "name": "Canción",
        "purpose": "vote",
        "starts_at": NOW.isoformat(),
        "ends_at": (NOW + timedelta(days=1)).isoformat(),
        "lead_window": "engagement",
        "wording": "Vota",
        "numbers": [{"number": "33 0000 0001", "option": "A"}, {"number": "+523300000002", "option": "B"}],
    } | changes


def refused(**changes: Any) -> set[tuple[str, str]]:
    """Return pointer and code of each fault."""
    with pytest.raises(EngagementRefusedError) as raised:
        read_engagement(document(**changes), NOW)
    return {(fault.pointer, fault.code) for fault in raised.value.faults}


def test_a_whole_one_is_read() -> None:
    """Numbers are known by their digits."""
    draft = read_engagement(document(), NOW)
    assert [(use.digits, use.option) for use in draft.numbers] == [("3300000001", "A"), ("3300000002", "B")]


def test_every_fault_is_told_at_once() -> None:
    """Times, numbers, options and what a purpose needs."""
    assert refused(
        ends_at=(NOW - timedelta(days=1)).isoformat(),
        numbers=[{"number": "x", "option": ""}, {"number": "3300000002", "option": "B"}],
        webhook="ftp://x",
        campaign="0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a",
    ) == {
        ("/ends_at", "order"),
        ("/numbers/0/number", "bad_number"),
        ("/numbers/0/option", "missing"),
        ("/numbers", "options"),
        ("/webhook", "bad_url"),
        ("/brand", "missing"),
    }
    assert refused(purpose="coupon", ends_at=None, numbers=[{"number": "3300000001"}] * 2) == {
        ("/lead_window", "standing"),
        ("/numbers/1/number", "twice"),
        ("/confirmation", "missing"),
    }
    assert refused(purpose="callback", numbers=[{"number": "8000", "option": "A"}]) == {
        ("/webhook", "missing"),
        ("/numbers/0/option", "no_vote"),
    }


def test_numbers_are_known_by_their_digits() -> None:
    """Every form of a Mexican number is the same; a short number is what is dialled."""
    assert {digits_of(form) for form in ("55 0123 4567", "+52 1 55 0123 4567", "0445501234567")} == {
        "5501234567"
    }
    assert [digits_of(text) for text in ("8000", "800 012 3456", "12", "abc", "٣٣")] == [
        "8000", "8000123456", None, None, None,
    ]  # fmt: skip


def assigned(window: str, purpose: str = "feedback") -> Assigned:
    """Return an assignment of an engagement that began now."""
    return Assigned(
        number=1, digits="3300000001", option="", engagement=7, purpose=purpose, brand=None,  # type: ignore[arg-type]
        lead_window=window, timezone="America/Mexico_City", starts_at=NOW, wording="x",  # type: ignore[arg-type]
        wording_version=1, confirms=True, hooks=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("window", "begin"),
    [
        ("hour", datetime(2026, 11, 24, 18, tzinfo=UTC)),
        ("day", datetime(2026, 11, 24, 6, tzinfo=UTC)),
        ("week", datetime(2026, 11, 23, 6, tzinfo=UTC)),
        ("engagement", NOW),
    ],
)
def test_windows_begin_on_the_engagements_clock(window: str, begin: datetime) -> None:
    """Hours, days and Mondays of its zone."""
    assert window_start(NOW + timedelta(minutes=5), assigned(window)) == begin


CALLS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5 * 24 * 60)), max_size=40)


@given(CALLS, st.sampled_from(["hour", "day", "week", "engagement"]), st.randoms())
def test_leads_do_not_depend_on_the_order_of_calls(
    calls: list[tuple[int, int]], window: str, shuffle: Any
) -> None:
    """One lead for each caller and window, all calls counted, first and last as they were."""
    known = {1: assigned(window)}
    made = [
        Call(1, NOW + timedelta(minutes=minute, microseconds=index), caller, "", "MX-JAL", "33")
        for index, (caller, minute) in enumerate(calls)
    ]
    mixed = made[:]
    shuffle.shuffle(mixed)
    straight, other = gather(made, known), gather(mixed, known)
    assert straight == other
    assert sum(each.calls for each in straight.leads.values()) == sum(straight.calls.values()) == len(made)
    assert len(straight.leads) == len({(call.caller, window_start(call.at, known[1])) for call in made})


def test_the_last_choice_of_a_caller_counts() -> None:
    """Whatever order calls to ways out and back come in."""
    known = {1: assigned("day", "opt_out"), 2: assigned("day", "opt_in")}
    calls = [Call(each, NOW + timedelta(seconds=each), 5, "", "", "") for each in (2, 1)]
    [(call, chosen)] = gather(calls, known).choosers
    assert (call.assignment, chosen.purpose) == (2, "opt_in")


def test_a_signature_holds_for_its_key_its_body_and_a_while() -> None:
    """Another key, another body, another time: none."""
    signature = read_signature(signed("pos_key", 1_795_000_000, "nonce-01", b"{}"))
    assert signature is not None
    assert signature.signs(secret_of("pos_key"), b"{}")
    assert not signature.signs(secret_of("pos_other"), b"{}")
    assert not signature.signs(secret_of("pos_key"), b"{ }")
    assert signature.is_fresh(1_795_000_000 + MOST_SKEW_S)
    assert not signature.is_fresh(1_795_000_001 + MOST_SKEW_S)
