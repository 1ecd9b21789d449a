"""Sealed numbers: opened again under the same key, and telling nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from segments.masked import masked
from segments.seal import HALF_BITS, LEFT_TURN, RIGHT_TURN, ROUNDS, SEALED_BITS, Seal

SEAL = Seal(b"k" * 32)
OTHER = Seal(b"l" * 32)


def rounds(pair: tuple[int, int], keys: list[int], bits: int, turns: tuple[int, int]) -> tuple[int, int]:
    """Return two words after Speck's rounds, as its paper writes them."""

    def turned(word: int, left: int) -> int:
        return (word << left | word >> bits - left) % (1 << bits)

    high, low = pair
    for key in keys:
        high = (turned(high, bits - turns[0]) + low) % (1 << bits) ^ key
        low = turned(low, turns[1]) ^ high
    return high, low


def schedule(words: list[int], count: int, bits: int, turns: tuple[int, int]) -> list[int]:
    """Return Speck's round keys of a key, its first word last."""
    first, *others = reversed(words)
    found = [first]
    for number in range(count - 1):
        other, key = rounds((others.pop(0), found[-1]), [number], bits, turns)
        others.append(other)
        found.append(key)
    return found


def test_the_rounds_are_those_of_speck() -> None:
    """The rounds give the vectors that were published for 16, 24 and 32 bits; the seal has them on 17."""
    for bits, turns, count, key, plain, sealed in (
        (16, (7, 2), 22, (0x1918, 0x1110, 0x0908, 0x0100), (0x6574, 0x694C), (0xA868, 0x42F2)),
        (24, (8, 3), 22, (0x121110, 0x0A0908, 0x020100), (0x20796C, 0x6C6172), (0xC049A5, 0x385ADC)),
        (
            32,
            (8, 3),
            27,
            (0x1B1A1918, 0x13121110, 0x0B0A0908, 0x03020100),
            (0x3B726574, 0x7475432D),
            (0x8C6FA548, 0x454E028B),
        ),
    ):
        assert rounds(plain, schedule(list(key), count, bits, turns), bits, turns) == sealed
    number = 5_501_234_567
    halves = number >> HALF_BITS, number % (1 << HALF_BITS)
    high, low = rounds(halves, SEAL.round_keys, HALF_BITS, (LEFT_TURN, RIGHT_TURN))
    assert SEAL.of(number) == high << HALF_BITS | low
    assert len(SEAL.round_keys) == ROUNDS


@given(st.integers(0, (1 << SEALED_BITS) - 1), st.integers(0, SEALED_BITS - 1))
def test_every_bit_of_a_number_tells_in_all_of_what_is_sealed(number: int, bit: int) -> None:
    """Of numbers one bit apart, a third to two thirds of the sealed bits differ, over a hundred of them."""
    apart = [
        (SEAL.of(each) ^ SEAL.of(each ^ 1 << bit)).bit_count() for each in range(number & ~127, number | 127)
    ]
    assert SEALED_BITS / 3 < sum(apart) / len(apart) < SEALED_BITS * 2 / 3


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
