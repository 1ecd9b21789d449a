"""Message ids in every form come to the same hash; samples tell nobody's number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.receipts import FORMS, Form, RouteHash, always, asks_more, is_asked, masked, normalised, sample
from inventory.books import CountKey
from inventory.receipts import Credit, Delivery, Matched, credits_of
from tests.receipts.messages import as_receipts_have_it

KEY = bytes(range(32))


@given(number=st.integers(1, 10**20), form=st.sampled_from(FORMS), zeros=st.integers(0, 12))
def test_an_answer_and_its_receipt_have_one_id(number: int, form: Form, zeros: int) -> None:
    """Whatever the form, leading zeros and case on either side."""
    answer, receipt = as_receipts_have_it(number, form)
    padded = ("0" * zeros + receipt).encode()
    assert normalised(answer.encode()) == normalised(padded, form) == normalised(padded.lower(), form)


@pytest.mark.parametrize("message_id", [b"", b"000", b"msg-1", b"xyz", b"1_0", b"12 34"])
def test_an_id_of_no_number_is_taken_as_it_is(message_id: bytes) -> None:
    """What can't be read in the wanted form stays what it is, and raises nothing."""
    assert len({normalised(message_id, form) for form in ("as-is", "hex-of-decimal")}) == 1


def test_a_hash_depends_on_key_route_id_and_subscriber() -> None:
    """Each of the four changes it; it has 64 bits."""
    one = RouteHash(KEY, "a").of(b"12", 5501234567)
    others = [
        RouteHash(KEY[::-1], "a").of(b"12", 5501234567),
        RouteHash(KEY, "b").of(b"12", 5501234567),
        RouteHash(KEY, "a").of(b"13", 5501234567),
        RouteHash(KEY, "a").of(b"12", 5501234568),
    ]
    assert len({one, *others}) == 5
    assert one == RouteHash(KEY, "a").of(b"12", 5501234567) < 1 << 64


@pytest.mark.parametrize(
    ("octet", "failures", "more"),
    [(0, False, False), (1, False, True), (2, False, True), (3, False, True), (0x10, False, False),
     (0, True, False), (1, True, True), (2, True, False), (3, True, True)],
)  # fmt: skip
def test_what_a_submit_may_ask_for(octet: int, failures: bool, more: bool) -> None:
    """Only bits 1-0 count, against nothing or against failures."""
    assert asks_more(octet, failures=failures) is more


@given(octet=st.integers(0, 255))
def test_rewriting_changes_two_bits(octet: int) -> None:
    """Bits 1-0 become 01, the others stay."""
    assert always(octet) & 0x03 == 1
    assert always(octet) & 0xFC == octet & 0xFC
    assert is_asked(octet) == bool(octet & 3)


def test_a_sample_shows_the_form_and_hides_the_rest() -> None:
    """Length, characters and place of the id, its end, and the number's ends."""
    mask = masked(b"00A7B941", 5501234567, in_text=True, in_tlv=True)
    assert sample(mask) == "id ******41 (8 hexadecimal digits, text and tlv), 55******67"
    assert (
        sample(masked(b"12345", 0, in_text=True, in_tlv=False))
        == "id ***45 (5 digits, text), not a subscriber"
    )
    assert sample(masked(b"", 5501234567, in_text=False, in_tlv=False)) == "no id, 55******67"


@given(message_id=st.binary(max_size=65), subscriber=st.integers(0, 10**10 - 1), text=st.booleans())
def test_a_mask_fits_a_signed_word(message_id: bytes, subscriber: int, text: bool) -> None:
    """Any id and subscriber gives 63 bits that read back without fault."""
    mask = masked(message_id, subscriber, in_text=text, in_tlv=not text)
    assert mask < 1 << 63
    assert sample(mask)


def test_failed_units_return_to_the_campaigns_that_make_good() -> None:
    """Others only count."""
    matched = [
        Matched(CountKey(campaign, 1, 55, 7), outcome, "", 3)
        for campaign in (2, 1)
        for outcome in (Delivery.DELIVERED, Delivery.FAILED)
    ]
    assert list(credits_of(matched, frozenset({1})).items()) == [(1, Credit(3, 3, 3)), (2, Credit(3, 3, 0))]
