"""The flow between campaigns and cells is a maximum one: it equals a linear programme's optimum."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from inventory.flow import Eligible, Flow
from tests.examples import tried

_FEW = st.integers(0, 9)


@st.composite
def markets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the supply of cells, who may be served where, and what each campaign wants."""
    cells, campaigns = draw(st.integers(1, 7)), draw(st.integers(1, 6))
    supply = draw(st.lists(_FEW, min_size=cells, max_size=cells))
    goals = draw(st.lists(st.integers(0, 20), min_size=campaigns, max_size=campaigns))
    may = draw(st.lists(st.booleans(), min_size=cells * campaigns, max_size=cells * campaigns))
    return np.array(supply), np.array(may).reshape(cells, campaigns), np.array(goals)


def eligible(may: np.ndarray) -> Eligible:
    """Return who may be served where from a table of (cell, campaign)."""
    return Eligible(np.concatenate([[0], np.cumsum(may.sum(axis=1))]), np.nonzero(may)[1], may.shape[1])


def optimum(supply: np.ndarray, limits: np.ndarray, goals: np.ndarray) -> int:
    """Return the most that fits by HiGHS; `limits` are by (cell, campaign)."""
    cells, campaigns = limits.shape
    rows = [np.kron(np.eye(cells), np.ones(campaigns)), np.kron(np.ones(cells), np.eye(campaigns))]
    found = linprog(
        -np.ones(limits.size),
        A_ub=np.vstack(rows),
        b_ub=np.concatenate([supply, goals]),
        bounds=[(0, float(limit)) for limit in limits.ravel()],
        method="highs",
    )
    return round(-found.fun)


def booked_units(supply: np.ndarray, may: np.ndarray, goals: np.ndarray) -> int:
    """Return the most that the bookings alone can have, by scipy's maximum flow."""
    cells, campaigns = may.shape
    size = cells + campaigns + 2
    capacity = np.zeros((size, size), dtype=np.int32)
    capacity[0, 1 : 1 + campaigns] = goals
    capacity[1 : 1 + campaigns, 1 + campaigns : -1] = np.where(may, 100, 0).T
    capacity[1 + campaigns : -1, -1] = supply
    return int(maximum_flow(csr_array(capacity), 0, size - 1).flow_value)


def check_consistent(flow: Flow, supply: np.ndarray) -> None:
    """See that cells are not oversold and that what is placed is what is held."""
    held = np.zeros_like(supply)
    for campaign in range(len(flow)):
        held[flow.cells(campaign)] += flow.held(campaign)
        assert flow.held(campaign).min(initial=0) >= 0
        assert flow.held(campaign).sum() == flow.placed[campaign]
    assert (held + flow.left == supply).all()
    assert flow.left.min() >= 0


@given(markets(), st.data())
@tried(60)
def test_it_places_as_much_as_a_linear_programme(market: tuple, data: st.DataObject) -> None:
    """Bookings together, and one more that may use parts of cells, get what the optimum gives them."""
    supply, may, goals = market
    flow = Flow(supply, eligible(may))
    wanted = dict(enumerate(goals.tolist()))
    flow.place(wanted)
    booked = booked_units(supply, may, goals)
    assert sum(flow.placed) == booked
    check_consistent(flow, supply)

    limits = np.array(data.draw(st.lists(_FEW, min_size=len(supply), max_size=len(supply))))
    limits = np.minimum(limits, supply)
    cells = np.flatnonzero(limits)
    fork = flow.fork()
    asked = fork.add(cells, limits[cells])
    fork.place({asked: int(limits.sum())})
    whole = optimum(
        supply, np.column_stack([np.where(may, 100, 0), limits]), np.append(flow.placed, limits.sum())
    )
    assert fork.placed == [*flow.placed, whole - booked]
    check_consistent(fork, supply)
    check_consistent(flow, supply)
    goal = data.draw(st.integers(0, int(limits.sum())))
    only, beside, placed = flow.fork(), fork.fork(), fork.fork()
    assert only.most(only.add(cells, limits[cells]), goal) == min(goal, whole - booked)
    placed.place({placed.add(cells, limits[cells]): goal})
    assert beside.most(beside.add(cells, limits[cells]), goal) == placed.placed[-1]
    found, tight = fork.rivals(asked)
    if fork.placed[asked] < limits.sum():
        assert not fork.left[tight].any()

    fork.place({asked: int(limits.sum())}, yielding=range(may.shape[1]))
    assert fork.placed[asked] == limits.sum()
    assert sum(fork.placed) == whole
    check_consistent(fork, supply)
    assert all(found[each] for each in range(may.shape[1]) if fork.placed[each] < flow.placed[each])
