"""Sealed numbers: opened again under the same key, and telling nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from segments.masked import masked
from segments.seal import SEALED_BITS, Seal

SEAL = Seal(b"k" * 32)
OTHER = Seal(b"l" * 32)


@given(st.integers(0, (1 << SEALED_BITS) - 1))
def test_what_was_sealed_opens_again(number: int) -> None:
    """Every number of 34 bits comes back, and no two are sealed alike."""
    sealed = SEAL.of(number)
    assert 0 <= sealed < 1 << SEALED_BITS
    assert SEAL.opened(sealed) == number


def test_the_key_decides_how_a_number_is_sealed() -> None:
    """Another key seals nearly all numbers otherwise, and says that it is another."""
    numbers = range(5_501_234_000, 5_501_235_000)
    assert sum(SEAL.of(number) == OTHER.of(number) for number in numbers) <= 1
    assert SEAL.check != OTHER.check
    assert Seal(b"k" * 32).of(5_501_234_567) == SEAL.of(5_501_234_567)


def test_neighbours_fall_far_apart() -> None:
    """A thousand neighbouring numbers fall into nearly as many of the 2**18 buckets of a set."""
    numbers = range(5_501_234_000, 5_501_235_000)
    assert len({SEAL.of(number) >> 16 for number in numbers}) > 980


def test_a_masked_number_keeps_four_digits() -> None:
    """Two at either end, whatever the number begins with."""
    assert masked(5_501_234_578) == "55******78"
