"""SHALE: shares of supply cells for campaigns, as near to proportional as all demands allow.

Bharadwaj et al., SHALE (KDD 2012, arXiv 1203.3619), with the Kullback-Leibler distance for how near (its
paper squares the difference; Vee et al., EC 2010, allow any convex distance). With s_i the supply of cell
i and θ_j = demand of j / its eligible supply, shares x_ij minimise Σ s_i θ_j · KL(x_ij / θ_j) + p Σ u_j,
where u_j is what j falls short: Σ_i s_i x_ij + u_j ≥ d_j, Σ_j x_ij ≤ 1. Then g_ij(z) = θ_j e^z in place of
θ_j (1 + z)⁺, x_ij = g_ij(α_j − β_i): prices α_j of campaigns and β_i of cells are found in turn, each in one
step, from sums over bundles. No share is ever driven to nothing, so campaigns stay on their curves.
"""

import numpy as np

from inventory.contest import BundledContest
from inventory.supply import Counts

# How far a campaign's shares may stray from proportion before it ends short.
LARGEST_FACTOR = 1000.0

COLD_ROUNDS = 60
WARM_ROUNDS = 20
_CLOSE = 1e-4


class Shale:
    """One solution in the making, cold or from the `factor` (e^α by campaign) of a former one."""

    def __init__(self, contest: BundledContest, factor: Counts | None = None) -> None:
        self._contest = contest
        campaigns = len(contest.wanted)
        reach = contest.bundles.gather(contest.supply)
        self._wanted = np.minimum(contest.wanted, reach)
        self._theta = np.divide(self._wanted, reach, out=np.zeros(campaigns), where=reach > 0)
        self.factor = np.ones(campaigns) if factor is None else factor.copy()
        self.thinned = np.ones(contest.supply.shape)
        """e^−β: what cells make of the shares that are asked of them."""

    def ascend(self, rounds: int) -> None:
        """Price cells and campaigns in turn, cells last: no cell is promised more than once."""
        self._price_cells()
        for _ in range(rounds):
            change = self._price_campaigns()
            self._price_cells()
            if change < _CLOSE:
                break

    def _price_cells(self) -> None:
        """Find β_i ≥ 0 with Σ_j g_ij(α_j − β_i) = 1, or 0 where the sum at 0 is no more."""
        asked = self._contest.bundles.spread(self._theta * self.factor)
        self.thinned = 1.0 / np.maximum(1.0, asked)

    def _price_campaigns(self) -> float:
        """Find α_j in [0, p] with Σ_i s_i g_ij(α_j − β_i) = d_j; return the largest change."""
        contest = self._contest
        units = self._theta * contest.bundles.gather(contest.supply * self.thinned)
        needed = np.divide(self._wanted, units, out=np.ones_like(units), where=units > 0)
        factor = np.clip(needed, 1.0, LARGEST_FACTOR)
        change = float(np.abs(factor / self.factor - 1).max(initial=0.0))
        self.factor = factor
        return change

    @property
    def rate(self) -> Counts:
        """What each campaign asks of its cells: its share of one is this × `thinned` there."""
        rate: Counts = self._theta * self.factor
        return rate
