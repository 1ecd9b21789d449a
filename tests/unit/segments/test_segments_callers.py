"""Callers that ads keep away from, in whatever form they come."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.settings import Settings
from segments.callers import CallerList, plain_caller, size_bit

_NUMBERS = ["911", "55 0123 4567", "TELMEX", "123456789012", "99999999999999999999"]
_CALLERS = st.one_of(
    st.binary(max_size=24),
    st.builds(
        lambda prefix, digits: prefix + digits,
        st.sampled_from([b"", b"52", b"+521", b"044", b"9"]),
        st.sampled_from([b"5501234567", b"911", b"telmex", b"123456789012", b"9" * 20]),
    ),
)


@given(numbers=st.sets(st.sampled_from(_NUMBERS)), caller=_CALLERS)
@example(numbers={"55 0123 4567"}, caller=b"+5215501234567")
def test_a_caller_is_listed_by_what_is_left_without_prefix_and_capitals(
    numbers: set[str], caller: bytes
) -> None:
    """The look at its length first never hides one that is listed."""
    plain = {plain_caller(each.replace(" ", "").encode()) for each in numbers}
    assert (caller in CallerList(numbers)) == (plain_caller(caller) in plain)


@given(
    prefixes=st.sets(st.sampled_from(["8", "80", "800", "t", "TEL", "+34", "1234567890123", "55"])),
    numbers=st.sets(st.sampled_from(_NUMBERS)),
    caller=st.one_of(_CALLERS, st.sampled_from([b"8001234567", b"528001234567", b"Telcel", b"+34911", b"t"])),
)
def test_no_prefix_is_missed_by_its_first_two_octets(
    prefixes: set[str], numbers: set[str], caller: bytes
) -> None:
    """Beside numbers too, in any form of the ten digits and of capitals."""
    name = plain_caller(caller)
    begins = any(name.startswith(each.upper().encode()) for each in prefixes)
    listed = CallerList([*numbers, *(f"{each}*" for each in prefixes)])
    assert (caller in listed) == (begins or caller in CallerList(numbers))


@pytest.mark.parametrize("caller", [b"8001234567", b"528001234567", b"800"])
def test_a_prefix_lists_callers_of_any_length(caller: bytes) -> None:
    """A prefix is one of the ten digits, or of a short code."""
    assert caller in CallerList(["800*"])


def test_nobody_asks_for_a_subscribers_number_where_only_short_ones_are_listed() -> None:
    """With the emergency numbers of the default settings a read copies no caller's ten digits."""
    sizes = CallerList(Settings().policy.exclude_callers).sizes
    assert not sizes & (size_bit(10) | size_bit(12))
    assert not CallerList([]).sizes
