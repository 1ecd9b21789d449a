"""Bundles say the same as a list of every edge."""

from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inventory.bundles import Bundles
from inventory.contest import BundledContest, Contest
from inventory.fairness import fair_units, most_units
from inventory.supply import Counts
from tests.examples import tried

LEVELS = 3


class Case(NamedTuple):
    """A random eligibility, as bundles and as a mask (levels, groups, slots, campaigns)."""

    bundles: Bundles
    eligible: np.ndarray
    supply: Counts
    chance: np.random.Generator


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw campaigns on regions of groups, single groups, clocks, hours and levels."""
    chance = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    campaigns, regions, slots = (draw(st.integers(1, most)) for most in (14, 5, 4))
    zone_of_group = np.sort(chance.integers(0, 2, 4 * regions))
    wide = np.repeat(chance.random((regions, campaigns)) < 0.5, 4, axis=0)
    single = chance.random((4 * regions, campaigns)) < 0.15
    covers = np.where(chance.random(campaigns) < 0.6, wide, single)
    lowest = chance.integers(0, LEVELS + 1, campaigns)
    is_open = chance.random((2, campaigns, slots)) < 0.7
    supply = chance.integers(0, 9, (LEVELS, len(covers), slots)).astype(np.float64)
    eligible = (
        covers[None, :, None, :]
        & is_open[zone_of_group].transpose(0, 2, 1)[None]
        & (lowest <= np.arange(LEVELS)[:, None])[:, None, None, :]
    )
    return Case(Bundles(covers, zone_of_group, lowest, LEVELS, is_open), eligible, supply, chance)


@given(cases())
def test_sums_are_those_of_all_edges(case: Case) -> None:
    """What is spread over cells and gathered from them is what the edges say."""
    weight = case.chance.random(case.bundles.campaigns)
    assert np.allclose(case.bundles.spread(weight), case.eligible @ weight)
    flat = np.einsum("lgsc,lgs->c", case.eligible, case.supply)
    assert np.allclose(case.bundles.gather(case.supply), flat)


@given(cases())
def test_signatures_and_classes_tell_sets_apart(case: Case) -> None:
    """Cells have one signature, and slots one class, just when the same campaigns are eligible there."""
    sets = case.eligible.reshape(-1, case.bundles.campaigns)
    _, expected = np.unique(sets, axis=0, return_inverse=True)
    found = case.bundles.signatures().ravel()
    assert len(np.unique(found)) == len(np.unique(expected.ravel()))
    assert len(np.unique(np.column_stack([found, expected.ravel()]), axis=0)) == len(np.unique(found))
    alike = case.bundles.alike()
    for one in range(len(alike)):
        for other in np.flatnonzero(alike == alike[one]):
            assert np.array_equal(case.eligible[:, :, one], case.eligible[:, :, other])


@tried(20)
@given(cases())
def test_flows_are_those_of_all_edges(case: Case) -> None:
    """The most units and the fair ones are the same in the network of bundles."""
    campaigns = case.bundles.campaigns
    wanted = case.chance.integers(0, 40, campaigns).astype(np.float64)
    rank = case.chance.integers(0, 2, campaigns)
    cell, campaign = np.nonzero(case.eligible.reshape(-1, campaigns))
    start = np.searchsorted(cell, np.arange(case.supply.size + 1))
    supply = case.supply.ravel()
    flat = Contest(supply, start, campaign, np.ones(len(cell)), wanted, wanted, rank)
    bundled = BundledContest(case.supply, case.bundles, wanted, wanted, rank)
    assert most_units(bundled) == most_units(flat)
    fair = fair_units(flat, np.zeros(campaigns), 1e-9)
    assert np.allclose(fair_units(bundled, np.zeros(campaigns), 1e-9), fair, atol=0.5)
