"""How many units a worker is handed (DESIGN §4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.leases import top_up

RATES = st.floats(0, 500)
HORIZONS = st.floats(1, 120)
HOLDERS = st.integers(1, 8)


@pytest.mark.parametrize(
    ("free", "held", "rate", "holders", "first", "units"),
    [
        pytest.param(100_000, 0, 10, 1, False, 450, id="one and a half horizons"),
        pytest.param(100_000, 150, 10, 1, False, 300, id="less what is held"),
        pytest.param(100_000, 500, 10, 1, False, 0, id="holds enough"),
        pytest.param(100_000, 0, 1, 1, True, 1000, id="the first lease is larger"),
        pytest.param(2_000, 0, 1, 1, True, 500, id="the first lease within the bound"),
        pytest.param(800, 0, 100, 2, False, 100, id="a quarter of an even share"),
        pytest.param(3, 0, 100, 2, False, 1, id="one at a time near the end"),
        pytest.param(1, 0, 0, 8, False, 1, id="the last unit"),
        pytest.param(0, 0, 100, 1, True, 0, id="nothing left"),
        pytest.param(None, 0, 100, 1, False, 4500, id="house without limit"),
        pytest.param(None, 0, 0, 1, True, 1000, id="first lease without limit"),
    ],
)
def test_top_up(free: int | None, held: int, rate: float, holders: int, first: bool, units: int) -> None:
    """Each case of the rule, with a horizon of 30 s."""
    assert top_up(free, held, rate, 30, holders, first=first) == units


@given(st.integers(0, 10**7), st.integers(0, 10**6), RATES, HORIZONS, HOLDERS, st.booleans())
def test_no_lease_exceeds_its_bound(
    free: int, held: int, rate: float, horizon_s: float, holders: int, first: bool
) -> None:
    """A grant never exceeds what is free, nor what the bound leaves beside what is held."""
    units = top_up(free, held, rate, horizon_s, holders, first=first)
    assert 0 <= units <= free
    assert units == 0 or held + units <= max(1, free / (4 * holders))


@given(st.integers(1, 10**7), RATES, HORIZONS, HOLDERS, st.booleans())
def test_an_empty_hand_gets_something(
    free: int, rate: float, horizon_s: float, holders: int, first: bool
) -> None:
    """While a unit is free, a worker that holds none gets at least one."""
    assert top_up(free, 0, rate, horizon_s, holders, first=first) >= 1


@given(st.integers(1, 3000), RATES, HORIZONS, st.lists(st.integers(0, 7), min_size=1, max_size=40), HOLDERS)
def test_top_ups_reach_the_last_unit(
    quantity: int, rate: float, horizon_s: float, order: list[int], holders: int
) -> None:
    """Workers that spend what they are handed, in any order, spend exactly the quantity."""
    free, spent = quantity, 0
    held = [0] * holders
    fresh = [True] * holders
    turns = 0
    while free or any(held):
        worker = order[turns % len(order)] % holders if turns % 2 else turns // 2 % holders
        turns += 1
        units = top_up(free, held[worker], rate, horizon_s, holders, first=fresh[worker])
        fresh[worker] = False
        free -= units
        held[worker] += units
        spent += held[worker]
        held[worker] = 0
        assert free >= 0
    assert spent == quantity
