"""The traffic mix and its pace."""

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.reference_data import load_geography
from adapters.simulator.esme import submit_sm
from adapters.simulator.handset import GSM_BASIC
from adapters.simulator.notification import Kind, Notification
from adapters.simulator.pace import DailyPace, SteadyPace
from adapters.simulator.traffic import (
    ACCENTED_TEXTS,
    ALPHANUMERIC,
    GSM_TEXTS,
    PLAIN_TEXTS,
    SENDABLE_BY_LIBRARY,
    Traffic,
)
from tests.examples import tried

PREFIXES = ("0052", "+52", "521", "52", "044", "045", "01", "1", "")
NATIONAL = load_geography().weights


def drawn(seed: int, count: int, **options: object) -> list[Notification]:
    """Return the first notifications of a seed."""
    return list(islice(Traffic(Random(seed), NATIONAL, **options), count))  # type: ignore[arg-type]


def is_nobodys(digits: str) -> bool:
    """Tell whether a number is LADA + 0 + digits under one of the listed prefixes."""
    for prefix in PREFIXES:
        national = digits.removeprefix(prefix)
        if digits.startswith(prefix) and len(national) == 10:
            lada = national[:2] if national[:2] in {"33", "55", "56", "81"} else national[:3]
            return lada in NATIONAL and national[len(lada)] == "0"
    return False


def test_a_seed_gives_the_same_traffic() -> None:
    """Two runs with one seed are equal, with another they differ."""
    assert drawn(5, 200) == drawn(5, 200)
    assert drawn(5, 200) != drawn(6, 200)


def test_no_number_can_be_a_persons() -> None:
    """Every number is LADA + 0 + digits, a short code that begins with 0, or a name."""
    for one in drawn(1, 5000):
        destination = one.destination.digits
        assert is_nobodys(destination) or (len(destination) == 5 and destination[0] == "0")
        assert one.source.ton == ALPHANUMERIC or is_nobodys(one.source.digits)


def test_destinations_follow_the_weights() -> None:
    """The commonest LADA of the traffic is the heaviest one, with its share."""
    seen = Counter(
        one.destination.digits[2:5] for one in drawn(2, 20_000) if one.destination.digits[:2] == "52"
    )
    share = sum(times for digits, times in seen.items() if digits.startswith("55")) / seen.total()
    assert share == pytest.approx(NATIONAL["55"] / sum(NATIONAL.values()), abs=0.02)


def test_the_mix_holds_every_kind_and_alphabet() -> None:
    """Most is plain GSM-7; all kinds and the codings 0, 1, 3, 8 occur."""
    traffic = drawn(3, 20_000)
    plain = [one for one in traffic if one.kind is Kind.PLAIN]
    assert {one.kind for one in traffic} == set(Kind)
    assert {one.data_coding for one in plain} == {0, 1, 3, 8}
    assert 0.75 < sum(one.data_coding == 0 for one in plain) / len(traffic) < 0.85


def test_texts_have_the_lengths_of_real_notifications() -> None:
    """Plain notifications take 24 to 120 characters, those with accents fit one UCS-2 message."""
    for one in drawn(4, 5000):
        if one.kind is Kind.PLAIN:
            assert 24 <= len(one.text) <= 120
            assert one.data_coding != 8 or len(one.text) <= 70


def test_texts_are_in_the_alphabets_they_are_for() -> None:
    """Plain texts are ASCII, GSM texts need GSM, accented ones have á, í, ó or ú."""
    assert all(text.isascii() for text in PLAIN_TEXTS)
    assert all(not text.isascii() and set(text) - set("{}") <= set(GSM_BASIC) for text in GSM_TEXTS)
    assert all(set(text) & set("áíóú") for text in ACCENTED_TEXTS)


def test_the_library_builds_every_kind_it_is_given() -> None:
    """The PDU of aiosmpplib has the same body, alphabet and flags as ours."""
    for one in drawn(8, 1500, kinds=SENDABLE_BY_LIBRARY):
        ours, theirs = one.octets(1), submit_sm(one, "k")
        theirs.sequence_num = 1
        if one.kind is not Kind.SEGMENTED:  # parameters may come in any order
            assert theirs.pdu() == ours


def test_the_library_is_not_given_what_it_cannot_send() -> None:
    """A data_sm for the library is an error that names the kind."""
    one = next(one for one in drawn(9, 5000) if one.kind is Kind.DATA)
    with pytest.raises(ValueError, match="data"):
        submit_sm(one, "k")


def test_receipts_are_asked_for_at_the_given_share() -> None:
    """The share of registered_delivery follows the argument; by default nothing asks."""
    assert not any(one.registered_delivery for one in drawn(1, 500))
    assert all(one.registered_delivery == 1 for one in drawn(1, 500, receipts=1.0))


@tried(20)
@given(st.floats(1, 1000), st.floats(1, 200), st.integers(0, 23))
def test_a_day_holds_as_many_as_its_mean_rate_says(rate: float, day_s: float, hour: int) -> None:
    """After each whole day exactly rate × length notifications are due, in order."""
    pace = DailyPace(rate, day_s, hour)
    dues = [pace.due(index) for index in range(0, int(2 * rate * day_s), max(1, int(rate * day_s / 50)))]
    assert dues == sorted(dues)
    assert pace.due(0) == 0
    last = int(rate * day_s)
    assert pace.due(last - 1) < day_s <= pace.due(last + 1) + 1e-9


def test_the_day_peaks_at_noon_and_in_the_evening() -> None:
    """11-14 h and 18-21 h are the busiest hours, the night is quiet."""
    hours = Counter(int(DailyPace(1000, 24).due(index)) for index in range(24_000))
    busiest = [hour for hour, _ in hours.most_common(6)]
    assert set(busiest) <= {11, 12, 13, 18, 19, 20}
    assert hours[4] < hours[12] / 10
    assert hours.total() == 24_000


def test_a_steady_pace_is_even() -> None:
    """Notification n is due n/rate seconds in."""
    assert [SteadyPace(4).due(index) for index in range(3)] == [0, 0.25, 0.5]


@pytest.mark.parametrize("rate", [0, -1])
def test_no_rate_is_an_error(rate: float) -> None:
    """A rate of nothing is refused."""
    with pytest.raises(ValueError, match="above 0"):
        SteadyPace(rate)
