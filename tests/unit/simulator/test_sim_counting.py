"""How the simulator counts ads, draws faults and measures times."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.faults import SILENCE, Faults
from adapters.simulator.latency import LatencyHistogram
from adapters.simulator.pdu import ESME_RINVMSGLEN, ESME_ROK, ESME_RSUBMITFAIL
from adapters.simulator.tally import AdTally

ads = st.lists(st.text("ab ", min_size=1, max_size=20), min_size=1, max_size=12, unique=True)


@given(ads, st.text("ab ", max_size=30), st.integers(0, 11))
def test_the_longest_known_ad_is_found(texts: list[str], body: str, index: int) -> None:
    """Whatever ads are known, the one found is the longest that ends the text after the separator."""
    text = body + " " + texts[index % len(texts)]
    expected = max((ad for ad in texts if text.endswith(" " + ad)), key=len)
    assert AdTally(texts=texts).find(text) == expected


def test_no_ad_is_found_without_its_separator() -> None:
    """A text that merely ends like an ad carries none."""
    tally = AdTally(texts=["Compra ya en tienda sol", "Hoy"])
    assert tally.find("xCompra ya en tienda sol") is None
    assert tally.find("Hoy") is None
    assert tally.find("") is None
    assert tally.find("Llamada de 5501234567 Hoy") == "Hoy"


def test_counts_survive_later_ads() -> None:
    """Registering more ads keeps what was counted."""
    tally = AdTally(texts=["uno"])
    tally.counts["uno"].received += 2
    tally.register("dos", "uno")
    assert (tally.received, tally.find("x dos")) == (2, "dos")


def test_faults_come_with_their_probabilities() -> None:
    """10 % throttling, 5 % vendor, 20 % silence are drawn as such, reproducibly."""
    faults = Faults(throttle=0.1, vendor=0.05, silence=0.2)
    seen = Counter(faults.status(chance, 10, "x") for chance in [Random(4)] for _ in range(20_000))
    assert seen[0x58] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert seen[0x400] / 20_000 == pytest.approx(0.05, abs=0.01)
    assert seen[SILENCE] / 20_000 == pytest.approx(0.2, abs=0.01)
    again = Counter(faults.status(chance, 10, "x") for chance in [Random(4)] for _ in range(20_000))
    assert again == seen


def test_refusals_depend_on_the_text_alone() -> None:
    """Length in octets, length in characters and forbidden words each give their status."""
    assert Faults(longest_octets=9).status(Random(1), 10, "x" * 5) == ESME_RINVMSGLEN
    assert Faults(longest_octets=10).status(Random(1), 10, "x" * 5) == ESME_ROK
    assert Faults(longest_characters=4).status(Random(1), 10, "x" * 5) == ESME_RINVMSGLEN
    assert Faults(refused_texts=("sol",)).status(Random(1), 9, "tienda sol") == ESME_RSUBMITFAIL
    assert Faults(refused_texts=("luna",)).status(Random(1), 9, "tienda sol") == ESME_ROK


@pytest.mark.parametrize("shares", [{"throttle": 0.6, "vendor": 0.5}, {"silence": -0.1}])
def test_impossible_probabilities_are_refused(shares: dict[str, float]) -> None:
    """Probabilities that exclude each other sum to at most 1."""
    with pytest.raises(ValueError, match="probabilities"):
        Faults(**shares)


@given(st.lists(st.floats(1e-5, 10), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_right_to_two_percent(times: list[float], share: float) -> None:
    """The histogram's quantile is within a bucket of the sorted list's."""
    histogram = LatencyHistogram()
    for time in times:
        histogram.add(time)
    exact = next(time for rank, time in enumerate(sorted(times), 1) if rank >= share * len(times))
    assert histogram.quantile_ms(share) == pytest.approx(exact * 1000, rel=0.021)


def test_no_times_have_no_quantile() -> None:
    """Before the first time there is nothing to say."""
    assert LatencyHistogram().quantile_ms(0.99) is None
