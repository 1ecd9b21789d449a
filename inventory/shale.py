"""SHALE: shares of supply cells for campaigns, as near to proportional as all demands allow.

Bharadwaj et al., SHALE (KDD 2012, arXiv 1203.3619). With s_i the supply of cell i and
θ_j = demand of j / its eligible supply, it minimises ½ Σ s_i (x_ij − θ_j)² / θ_j + p Σ u_j over
shares x_ij, where u_j is what j falls short: Σ_i s_i x_ij + u_j ≥ d_j, Σ_j x_ij ≤ 1. Then
x_ij = max(0, θ_j (1 + α_j − β_i)) for prices α_j of campaigns and β_i of cells, which are found in turn.
"""

import numpy as np

from inventory.contest import Contest, Indexes
from inventory.supply import Counts

# How far a campaign's shares may stray from proportion before it ends short, in multiples of θ.
LARGEST_PRICE = 20.0

COLD_ROUNDS = 10
WARM_ROUNDS = 3
_STEPS = 8
_CLOSE = 1e-6


class Shale:
    """One solution in the making, cold or from the prices of a former one."""

    def __init__(self, contest: Contest, price: Counts | None = None) -> None:
        self._contest = contest
        campaigns = len(contest.wanted)
        reach = np.bincount(contest.campaign, weights=contest.worth, minlength=campaigns)
        self._wanted = np.minimum(contest.wanted, reach)
        self._theta = np.divide(self._wanted, reach, out=np.zeros(campaigns), where=reach > 0)
        self._theta_by_cell = self._theta[contest.campaign] * contest.kept
        counts = np.bincount(contest.campaign, minlength=campaigns)
        self._order: Indexes = np.argsort(contest.campaign, kind="stable")
        self._cell_by_campaign = contest.cell[self._order]
        self._worth_by_campaign = contest.worth[self._order]
        self._upto = np.concatenate(([0], np.cumsum(counts)))
        self._busy = np.flatnonzero((counts > 0) & (self._wanted > 0))
        self._counts = counts
        self.price = np.zeros(campaigns) if price is None else price.copy()
        self._cell_price = np.zeros(len(contest.supply))

    def ascend(self, rounds: int) -> None:
        """Price cells and campaigns in turn, cells last: no cell is promised more than once."""
        self._price_cells()
        for _ in range(rounds):
            self._price_campaigns()
            self._price_cells()

    def _price_cells(self) -> None:
        """Find β_i ≥ 0 with Σ_j g_ij(α_j − β_i) = 1, or 0 where the sum at 0 is no more."""
        contest = self._contest
        begins = contest.start[:-1]
        if not len(begins):
            return
        bid = 1 + self.price[contest.campaign]
        beta = self._cell_price
        for _ in range(_STEPS):
            above = bid - beta[contest.cell]
            weight = np.where(above > 0, self._theta_by_cell, 0.0)
            slope = np.add.reduceat(weight, begins)
            excess = np.add.reduceat(weight * above, begins) - 1
            moved = np.maximum(0.0, beta + np.divide(excess, slope, out=-beta, where=slope > 0))
            change = np.abs(moved - beta).max()
            beta = moved
            if change < _CLOSE:
                break
        self._cell_price = beta

    def _price_campaigns(self) -> None:
        """Find α_j in [0, p] with Σ_i s_i g_ij(α_j − β_i) = d_j."""
        busy = self._busy
        if not len(busy):
            return
        # Edges of campaigns that want nothing lie between; they are summed with the busy one before.
        begins = self._upto[busy]
        theta, wanted = self._theta[busy], self._wanted[busy]
        idle = np.repeat(self._wanted > 0, self._counts)
        worth = np.where(idle, self._worth_by_campaign, 0.0)
        alpha = self.price.copy()
        offset = 1 - self._cell_price[self._cell_by_campaign]
        for _ in range(_STEPS):
            above = offset + np.repeat(alpha, self._counts)
            active = np.where(above > 0, worth, 0.0)
            slope = theta * np.add.reduceat(active, begins)
            short = wanted - theta * np.add.reduceat(active * above, begins)
            step = np.divide(short, slope, out=np.full(len(busy), 1.0), where=slope > 0)
            moved = np.clip(alpha[busy] + step, 0.0, LARGEST_PRICE)
            change = np.abs(moved - alpha[busy]).max()
            alpha[busy] = moved
            if change < _CLOSE:
                break
        self.price = alpha

    def shares(self) -> Counts:
        """Return x_ij by edge; they sum to 1 or less in a cell."""
        above = 1 + self.price[self._contest.campaign] - self._cell_price[self._contest.cell]
        return np.maximum(0.0, self._theta_by_cell * above)

    def fill(self, share: Counts) -> Counts:
        """Return shares topped up: what cells have left goes to campaigns still short of their demand.

        Most contended first, each in proportion to its shares as far as cells have room (SHALE, stage 2,
        with the room that stage 1 left).
        """
        contest = self._contest
        x = share[self._order]
        cells, kept = self._cell_by_campaign, contest.kept[self._order]
        room = 1 - np.bincount(contest.cell, weights=share, minlength=len(contest.supply))
        got = np.bincount(
            contest.campaign, weights=share * contest.supply[contest.cell], minlength=len(self.price)
        )
        short = self._wanted - got
        waiting = np.flatnonzero(short > np.maximum(1e-3 * self._wanted, 0.5))
        for campaign in waiting[np.argsort(-self._theta[waiting], kind="stable")].tolist():
            edges = slice(self._upto[campaign], self._upto[campaign + 1])
            mine = cells[edges]
            free = np.clip(room[mine], 0.0, kept[edges] - x[edges])
            units = float(free @ contest.supply[mine])
            if units <= 0:
                continue
            taken = free * min(1.0, short[campaign] / units)
            room[mine] -= taken
            x[edges] += taken
        filled = np.empty_like(share)
        filled[self._order] = x
        return filled
