"""Every way in which a platform writes a Mexican number, and everything that is none."""

import pytest

from segments.numbers import Refusal, lada_of, lada_span, national, refusal


@pytest.mark.parametrize(
    "address",
    [
        b"5501234567",
        b"525501234567",
        b"5215501234567",
        b"+525501234567",
        b"+5215501234567",
        b"00525501234567",
        b"005215501234567",
        b"0445501234567",
        b"0455501234567",
        b"015501234567",
        b"025501234567",
    ],
)
def test_every_listed_form_is_the_same_subscriber(address: bytes) -> None:
    """All forms of RESEARCH §6 reduce to the same ten digits, and none is refused."""
    assert national(address) == 5501234567
    assert refusal(address) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (b"", Refusal.EMPTY),
        (b"abc", Refusal.NOT_DIGITS),
        (b"55 0123 456", Refusal.NOT_DIGITS),
        (b"55_0123_45", Refusal.NOT_DIGITS),
        (b"-550123456", Refusal.NOT_DIGITS),
        (b" 550123456", Refusal.NOT_DIGITS),
        (b"5501234567\x00", Refusal.NOT_DIGITS),
        ("٥٥٠".encode(), Refusal.NOT_DIGITS),
        (b"\xb2\xb3\xb95501234", Refusal.NOT_DIGITS),
        (b"52+15501234567", Refusal.NOT_DIGITS),
        (b"+", Refusal.NOT_DIGITS),
        (b"123456", Refusal.TOO_SHORT),
        (b"550123456", Refusal.TOO_SHORT),
        (b"+55012345", Refusal.TOO_SHORT),
        (b"+550123456", Refusal.TOO_SHORT),
        (b"15501234567", Refusal.UNLISTED_FORM),
        (b"+5501234567", Refusal.UNLISTED_FORM),
        (b"34612012345", Refusal.UNLISTED_FORM),
        (b"+34612012345", Refusal.UNLISTED_FORM),
        (b"005501234567", Refusal.UNLISTED_FORM),
        (b"0465501234567", Refusal.UNLISTED_FORM),
        (b"+0445501234567", Refusal.UNLISTED_FORM),
        (b"520445501234567", Refusal.UNLISTED_FORM),
        (b"5225501234567", Refusal.UNLISTED_FORM),
        (b"00005501234567", Refusal.UNLISTED_FORM),
        (b"525215501234567", Refusal.UNLISTED_FORM),
        (b"0501234567", Refusal.FIRST_DIGIT),
        (b"1501234567", Refusal.FIRST_DIGIT),
        (b"520501234567", Refusal.FIRST_DIGIT),
        (b"521501234567", Refusal.FIRST_DIGIT),
        *((prefix + b"0123456", Refusal.NON_GEOGRAPHIC) for prefix in (b"200", b"201", b"300", b"500")),
        *((prefix + b"0123456", Refusal.NON_GEOGRAPHIC) for prefix in (b"700", b"800", b"888", b"900")),
        (b"528000123456", Refusal.NON_GEOGRAPHIC),
        (b"018000123456", Refusal.NON_GEOGRAPHIC),
    ],
)
def test_nothing_else_is_a_subscriber(address: bytes, why: Refusal) -> None:
    """What is no listed form yields 0, and the refusal says why."""
    assert national(address) == 0
    assert refusal(address) is why


@pytest.mark.parametrize(
    ("subscriber", "lada"),
    [
        (3301234567, 33),
        (5501234567, 55),
        (5601234567, 56),
        (8101234567, 81),
        (8710123456, 871),
        (5510000000, 55),
    ],
)
def test_a_lada_has_two_digits_in_four_cities_and_three_elsewhere(subscriber: int, lada: int) -> None:
    """33, 55, 56 and 81 are whole LADAs; the span of a LADA holds its numbers."""
    assert lada_of(subscriber) == lada
    first, end = lada_span(lada)
    assert first <= subscriber < end
    assert lada_of(first) == lada_of(end - 1) == lada
    assert lada_of(end) != lada
