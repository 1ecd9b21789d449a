"""SHALE and the shortage policy, on contests small enough to know the answer."""

import numpy as np
import pytest

from inventory.bundles import Bundles
from inventory.contest import BundledContest, Contest
from inventory.fairness import fair_units, most_units
from inventory.shale import Shale


def contest(
    supply: list[float],
    eligible: list[list[int]],
    wanted: list[float],
    *,
    rank: list[int] | None = None,
    kept: list[float] | None = None,
) -> Contest:
    """Return a contest over cells with their eligible campaigns."""
    campaign = np.array([each for some in eligible for each in some], dtype=np.intp)
    return Contest(
        np.array(supply),
        np.concatenate(([0], np.cumsum([len(some) for some in eligible]))).astype(np.intp),
        campaign,
        np.ones(len(campaign)) if kept is None else np.array(kept),
        np.array(wanted),
        np.array(wanted),
        np.array(rank or [0] * len(wanted), dtype=np.intp),
    )


def bundled(given: Contest) -> BundledContest:
    """Return a contest's like, its cells as groups of one level and slot."""
    campaigns, cells = len(given.wanted), len(given.supply)
    covers = np.zeros((cells, campaigns), dtype=np.bool_)
    covers[given.cell, given.campaign] = True
    zone, level = np.zeros(cells, dtype=np.intp), np.zeros(campaigns, dtype=np.intp)
    bundles = Bundles(covers, zone, level, 1, np.ones((1, campaigns, 1), dtype=np.bool_))
    supply = given.supply.reshape(1, cells, 1)
    return BundledContest(supply, bundles, given.wanted, given.quantity, given.rank)


def fair(given: Contest, done: list[float] | None = None) -> list[float]:
    """Return fair units, rounded to a tenth."""
    found = fair_units(given, np.array(done or [0.0] * len(given.wanted)), 1e-9)
    if np.all(given.kept == 1.0):
        assert fair_units(bundled(given), np.array(done or [0.0] * len(given.wanted)), 1e-9) == pytest.approx(
            found, abs=0.1
        )
    return [round(float(each), 1) for each in found]


def shares(given: Contest, shale: Shale) -> np.ndarray:
    """Return the shares of a solution by edge."""
    return np.asarray(shale.rate[given.campaign] * shale.thinned.ravel()[given.cell])


def delivered(given: Contest, shale: Shale) -> list[float]:
    """Return the units that shares bring."""
    units = shares(given, shale) * given.supply[given.cell]
    return [float(each) for each in np.bincount(given.campaign, weights=units, minlength=len(given.wanted))]


def test_who_can_be_served_gets_all() -> None:
    """With enough supply nobody goes short, whatever the classes."""
    assert fair(contest([100, 100], [[0, 1], [1]], [80, 120], rank=[1, 0])) == [80, 120]


def test_shortage_is_shared_by_share_of_quantity() -> None:
    """Within a class all end at the same share of their quantities where they contend."""
    assert fair(contest([60], [[0, 1]], [100, 20])) == [50, 10]


def test_who_has_supply_of_its_own_does_not_share() -> None:
    """The smallest share is raised first, then the second smallest: a rich cell makes nobody poorer."""
    assert fair(contest([30, 90], [[0, 1], [1]], [60, 100])) == [30, 90]


def test_a_class_goes_before_the_next_one() -> None:
    """Guaranteed takes what it needs, but where standard can go elsewhere, so may guaranteed."""
    assert fair(contest([100], [[0, 1]], [80, 80], rank=[0, 1])) == [80, 20]
    assert fair(contest([100, 80], [[0, 1], [0]], [80, 80], rank=[0, 1])) == [80, 80]


def test_what_was_spent_counts_towards_the_share() -> None:
    """Who is ahead gets less of what is left."""
    assert fair(contest([60], [[0, 1]], [100, 100]), [40, 0]) == [10, 50]


def test_an_edge_takes_no_more_than_is_kept_of_it() -> None:
    """Supply that caps take away is not promised."""
    assert fair(contest([100], [[0, 1]], [80, 80], kept=[0.3, 1.0])) == [30, 70]


def test_shares_meet_feasible_demands() -> None:
    """SHALE meets demands that can be met, and promises no cell twice."""
    given = contest([100, 100, 50], [[0, 1], [1], [0, 1, 2]], [90, 100, 30])
    shale = Shale(bundled(given))
    shale.ascend(40)
    assert delivered(given, shale) == pytest.approx([90, 100, 30], rel=1e-2)
    sums = np.bincount(given.cell, weights=shares(given, shale))
    assert sums.max() <= 1 + 1e-9


def test_shares_are_proportional_where_supply_is_ample() -> None:
    """Without contention every cell gives a campaign the same share."""
    given = contest([100, 300], [[0, 1], [0, 1]], [40, 80])
    shale = Shale(bundled(given))
    shale.ascend(1)
    assert shares(given, shale) == pytest.approx([0.1, 0.2, 0.1, 0.2])


def test_factors_warm_the_next_solution() -> None:
    """From a former solution's factors few rounds come as far as many cold ones."""
    given = contest([100, 100, 50], [[0, 1], [1], [0, 1, 2]], [100, 110, 30])
    cold = Shale(bundled(given))
    cold.ascend(200)
    warm = Shale(bundled(given), cold.factor)
    warm.ascend(3)
    assert shares(given, warm) == pytest.approx(shares(given, cold), abs=1e-3)


def test_nobody_and_nothing_are_allowed() -> None:
    """No campaign, no cell, and a campaign that wants nothing give no shares."""
    empty = contest([], [], [])
    assert fair(empty) == []
    Shale(bundled(empty)).ascend(2)
    idle = contest([10], [[0]], [0])
    shale = Shale(bundled(idle))
    shale.ascend(2)
    assert list(shares(idle, shale)) == [0.0]


def test_the_most_units_are_counted_exactly() -> None:
    """No allocation serves more, whoever is served."""
    given = contest([10, 5], [[0, 1], [1]], [8, 9], rank=[0, 1])
    assert most_units(given) == most_units(bundled(given)) == 15
