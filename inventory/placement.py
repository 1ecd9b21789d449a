"""Placement: how a state's supply falls on its places, hour by hour, and which rooms it leaves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.calendar import HOURS_PER_WEEK, Hours, hour_of_week
from inventory.cold_start import room_mix
from inventory.history import History
from inventory.scenarios import Index

Reals = NDArray[np.float64]

PLACE_WEEKS = 8
# What the next larger area weighs, in notifications: for a LADA's share, a place's, its hours, its rooms.
LADA_COUNT = 500.0
PLACE_COUNT = 50.0
SHAPE_COUNT = 50.0
ROOM_COUNT = 200.0
# Weeks back at which counts weigh half.
HALF_LIFE_WEEKS = 4.0


@dataclass(frozen=True, slots=True)
class Areas:
    """Which state, area (a LADA within a state) and LADA a place belongs to; the places' assumed shares."""

    state_of_place: Index
    area_of_place: Index
    lada_of_place: Index
    state_of_area: Index
    lada_of_area: Index
    shares: Reals

    @property
    def states(self) -> int:
        """How many states there are."""
        return int(self.state_of_place.max()) + 1

    def by_state(self, values: NDArray[np.floating]) -> Reals:
        """Return (rows × places) summed by state."""
        order = np.argsort(self.state_of_place, kind="stable")
        starts = np.flatnonzero(np.diff(self.state_of_place[order], prepend=-1))
        return np.add.reduceat(values[:, order], starts, axis=1, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Placement:
    """`share` (168 × places) is a place's share of its state's supply by hour of the week."""

    share: Reals

    def place(self, by_state: Reals, local: Hours, areas: Areas) -> Reals:
        """Return the supply of states (hours × states; local hours alike) by place."""
        out = np.empty((len(by_state), len(areas.state_of_place)))
        hour = hour_of_week(local)
        for state in range(areas.states):
            mine = np.flatnonzero(areas.state_of_place == state)
            out[:, mine] = self.share[np.ix_(hour[:, state], mine)] * by_state[:, state, None]
        return out


def placed(history: History, local: Hours, areas: Areas) -> Placement:
    """Learn where notifications fall; what is seldom seen is drawn to the area around it."""
    rows = min(history.hours, PLACE_WEEKS * HOURS_PER_WEEK)
    counts = history.by_hour[history.hours - rows :]
    weeks_ago = (rows - 1 - np.arange(rows)) // HOURS_PER_WEEK
    weight = np.exp2(-weeks_ago / HALF_LIFE_WEEKS).astype(np.float32)
    by_week = _by_hour_of_week(counts * weight[:, None], hour_of_week(local[history.hours - rows :]), areas)
    share = _shares(by_week.sum(axis=0), areas)
    whole = areas.by_state(by_week)[:, areas.state_of_place]
    shape = (by_week + SHAPE_COUNT) / (whole * share + SHAPE_COUNT)
    shaped = share * shape
    return Placement(shaped / np.maximum(areas.by_state(shaped), 1e-12)[:, areas.state_of_place])


def _by_hour_of_week(counts: NDArray[np.float32], hour: Hours, areas: Areas) -> Reals:
    """Sum (hours × places) into (168 × places), each place on its state's clock."""
    out = np.zeros((HOURS_PER_WEEK, counts.shape[1]))
    clocks, clock_of_state = np.unique(hour, axis=1, return_inverse=True)
    clock_of_place = clock_of_state.ravel()[areas.state_of_place]
    for clock in range(clocks.shape[1]) if len(hour) else ():
        mine = np.flatnonzero(clock_of_place == clock)
        order = np.argsort(clocks[:, clock], kind="stable")
        starts = np.flatnonzero(np.diff(clocks[order, clock], prepend=-1))
        summed = np.add.reduceat(counts[np.ix_(order, mine)], starts, axis=0)
        out[np.ix_(clocks[order[starts], clock], mine)] = summed
    return out


def _shares(counts: Reals, areas: Areas) -> Reals:
    """Return each place's share of its state: LADA within state, place within LADA."""
    by_area = np.bincount(areas.area_of_place, weights=counts)
    assumed_area = np.bincount(areas.area_of_place, weights=areas.shares)
    by_state = np.bincount(areas.state_of_area, weights=by_area)
    assumed_state = np.maximum(np.bincount(areas.state_of_area, weights=assumed_area), 1e-12)
    area = (by_area + LADA_COUNT * assumed_area / assumed_state[areas.state_of_area]) / (
        by_state[areas.state_of_area] + LADA_COUNT
    )
    within = areas.shares / np.maximum(assumed_area, 1e-12)[areas.area_of_place]
    place = (counts + PLACE_COUNT * within) / (by_area[areas.area_of_place] + PLACE_COUNT)
    share = area[areas.area_of_place] * place
    whole = np.bincount(areas.state_of_place, weights=share)
    return np.asarray(share / np.maximum(whole, 1e-12)[areas.state_of_place], dtype=np.float64)


def rooms(history: History, areas: Areas) -> Reals:
    """Return each place's mix of rooms (places × 2 × ROOM_CLASSES; rows sum to 1), drawn to its state's."""
    counted = history.rooms
    country = counted.sum(axis=0) + ROOM_COUNT * room_mix()
    country /= country.sum()
    by_state = np.zeros((areas.states, *country.shape))
    np.add.at(by_state, areas.state_of_place, counted)
    state = by_state + ROOM_COUNT * country
    state /= state.sum(axis=(1, 2), keepdims=True)
    mine = counted + ROOM_COUNT * state[areas.state_of_place]
    return np.asarray(mine / mine.sum(axis=(1, 2), keepdims=True), dtype=np.float64)
