"""How many people ads reached: close to the truth, merged without counting anybody twice."""

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.people import HASH_BITS, PeopleHash
from inventory import reach
from inventory.reach import OTHERS, SAMPLE, Sketch, cut, merged, reach_of, sketch_of


def hashes(people: int, seed: int = 1) -> NDArray[np.uint32]:
    """Return the hashes of so many people."""
    return np.random.default_rng(seed).choice(1 << HASH_BITS, people, replace=False).astype(np.uint32)


def days(ads: NDArray[np.uint32], count: int) -> list[Sketch]:
    """Return the sketches of ads that are spread over days, as they are kept."""
    shuffled = np.random.default_rng(2).permutation(ads)
    return [cut(sketch_of(part)) for part in np.array_split(shuffled, count)]


def test_both_speak_of_the_same_hash() -> None:
    """The sketches divide what the worker writes."""
    assert reach.HASH_BITS == HASH_BITS


@pytest.mark.parametrize("people", [30_000, 200_000])
def test_reach_and_frequency_over_a_month_are_within_three_percent(people: int) -> None:
    """A half of the people got one ad, a quarter two, a quarter three, spread over 30 days."""
    once = hashes(people)
    ads = np.concatenate((once, once[: people // 2], once[: people // 4]))
    told = reach_of(merged(days(ads, 30)), 10)
    assert told.people == pytest.approx(people, rel=0.03)
    assert told.frequency is not None
    assert sum(told.frequency.values()) == told.people
    for name, share in (("1", 0.5), ("2", 0.25), ("3", 0.25)):
        assert told.frequency[name] / told.people == pytest.approx(
            share, abs=4 * told.frequency_error + 0.001
        )


def test_numbers_in_a_row_are_counted_as_well_as_any() -> None:
    """Subscribers come in ranges, and the hash of the worker hides that."""
    of = PeopleHash(b"k" * 32).of
    people = np.array([of(55_0000_0000 + number) for number in range(50_000)], np.uint32)
    assert reach_of(cut(sketch_of(people)), 10).people == pytest.approx(50_000, rel=0.03)


def test_few_people_are_counted_exactly() -> None:
    """Everybody is in the sample, on whatever day."""
    once = hashes(SAMPLE // 2)
    told = reach_of(merged(days(np.concatenate((once, once)), 7)), 10)
    assert (told.people, told.error) == (SAMPLE // 2, 0.0)
    assert told.frequency == {"2": SAMPLE // 2}


def test_merging_in_any_order_is_the_same() -> None:
    """Days come as they come."""
    parts = days(np.repeat(hashes(20_000), 2), 5)
    assert reach_of(merged(parts), 10) == reach_of(merged(reversed(parts)), 10)


def test_small_groups_of_people_are_folded() -> None:
    """No group below the limit is told, nor one that could be worked out from the others."""
    once = hashes(100)
    ads = np.concatenate((once, once[:20], once[:4]))
    assert reach_of(sketch_of(ads), 10).frequency == {"1": 80, OTHERS: 20}
    assert reach_of(sketch_of(ads), 5).frequency == {"1": 80, OTHERS: 20}
    assert reach_of(sketch_of(ads), 1).frequency == {"1": 80, "2": 16, "3": 4}
    assert reach_of(sketch_of(ads), 101).people is None


def test_a_sample_that_was_forgotten_leaves_the_reach() -> None:
    """After their retention the hashes go, the registers stay."""
    whole = sketch_of(hashes(30_000))
    nobody = np.zeros(0, np.uint32)
    old = Sketch(whole.registers, nobody, nobody, 0)
    told = reach_of(merged([old, sketch_of(hashes(100))]), 10)
    assert told.people == pytest.approx(30_000, rel=0.03)
    assert told.frequency is None
