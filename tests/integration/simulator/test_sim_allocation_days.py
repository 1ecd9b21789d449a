"""Whole simulated days of allocation: what every rule keeps to, and what the product reaches."""

import numpy as np
import pytest

from adapters.simulator.allocation.rows import Scenario
from adapters.simulator.allocation.rules import RULES
from adapters.simulator.allocation.runs import rows_of, simulate

SMALL = Scenario(campaigns=12, notifications=4000, sold=0.9, error=0.2)


@pytest.mark.parametrize("name", sorted(set(RULES) - {"shale", "posdata"}))
def test_every_rule_keeps_to_quantities(name: str) -> None:
    """No rule delivers more than was booked, or more than was possible."""
    [row] = rows_of(SMALL, simulate(SMALL, [3], [name], 1))
    assert row.algorithm == name
    assert row.over_delivery == 0
    assert 0.5 < row.optimum_share_min <= 1.0
    assert row.notifications == 4000


def test_the_product_comes_near_the_optimum() -> None:
    """Even a day of a few units a campaign and hour reaches most of what was possible, at its pace."""
    [row] = rows_of(SMALL, simulate(SMALL, [1], ["posdata"], 1))
    assert 0.95 < row.optimum_share_min <= 1.0
    assert row.pacing_error < 0.08
    assert row.over_delivery == 0


def test_seeds_give_the_same_day_again() -> None:
    """A seed stands for one day and one run of each rule."""
    first, again = (simulate(SMALL, [5], ["random"], 1)[0] for _ in range(2))
    assert first.measured == again.measured
    assert np.all(np.diff(first.curves["random"]) >= 0)
