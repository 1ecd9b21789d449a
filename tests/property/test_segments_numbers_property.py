"""Laws of numbers: what holds for any bytes a platform may send."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from segments.numbers import PREFIXES, national, refusal

# An independent statement of RESEARCH §6, to compare with.
SUBSCRIBER = re.compile(
    rb"(?:(?:\+|00)?521?|04[45]|0[12])?(?P<national>(?!20[01]|[3578]00|888|900)[2-9][0-9]{9})", re.DOTALL
)

subscribers = st.from_regex(rb"\A(?!20[01]|[3578]00|888|900)[2-9][0-9]{9}\Z").filter(
    lambda text: len(text) == 10
)
digit_strings = st.from_regex(rb"\A\+?[0-9]{0,20}\Z").map(lambda text: text.strip(b"\n"))
mixed = st.binary(max_size=30) | digit_strings | st.builds(bytes.__add__, st.binary(max_size=5), subscribers)


@given(mixed)
@example(b"5501234567\n")
@example(b"+" * 21)
def test_any_bytes_are_judged_as_the_written_rule_says(address: bytes) -> None:
    """No byte string raises; a subscriber is exactly what the pattern of RESEARCH §6 matches."""
    match = SUBSCRIBER.fullmatch(address)
    assert national(address) == (int(match["national"]) if match else 0)
    assert (refusal(address) is None) == (match is not None)


@given(subscribers, st.sampled_from(sorted(PREFIXES)))
def test_wrapping_a_number_does_not_change_it(subscriber: bytes, prefix: bytes) -> None:
    """Each listed form of ten digits is those ten digits."""
    assert national(prefix + subscriber) == int(subscriber)


@given(subscribers, st.from_regex(rb"\A[0-9]{1,12}\Z").map(lambda text: text.strip(b"\n")))
def test_the_last_ten_digits_are_never_taken_from_a_longer_string(subscriber: bytes, lead: bytes) -> None:
    """Digits in front that are no listed prefix make it no subscriber."""
    assert bool(national(lead + subscriber)) == (lead in PREFIXES)


@given(subscribers, st.binary(min_size=1, max_size=6))
def test_nothing_may_follow_the_ten_digits(subscriber: bytes, tail: bytes) -> None:
    """A tail after ten digits is never cut off."""
    whole = subscriber + tail
    match = SUBSCRIBER.fullmatch(whole)
    assert national(whole) == (int(match["national"]) if match else 0)
