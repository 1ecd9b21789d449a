"""Cells hold exactly what the bookings allow, minute by minute."""

from datetime import datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inventory.campaign import HoursWindow
from inventory.cells import FITTED_ROOMS, NOBODY, CellMap, Ground, Reach
from inventory.pacing import Quiet, is_within
from inventory.plan import ROOM_CLASSES
from inventory.supply import HOUR_S, Supply
from segments.clock import pinned_zone
from tests.examples import tried

MONDAY = 1_795_392_000  # 2026-11-23T00:00Z
ZONES = ("America/Mexico_City", "America/Tijuana", "America/Cancun")
ZONE_OF_PLACE = (0, 0, 1, 2, 1)
PLACES = len(ZONE_OF_PLACE)

minutes = st.sampled_from([0, 30, 540, 555, 1080, 1200])
windows = st.builds(
    HoursWindow,
    st.frozensets(st.integers(0, 6), min_size=1),
    minutes,
    st.sampled_from([1, 60, 600, 1081, 1440]),
)
instants = st.integers(-90, 1800).map(lambda minute: MONDAY + 60.0 * minute)
reaches = st.builds(
    lambda places, opens, length, hours, size: Reach(places, opens, opens + 60 * length, tuple(hours), size),
    st.frozensets(st.integers(0, PLACES - 1)),
    instants,
    st.integers(1, 900),
    st.lists(windows, max_size=2),
    st.sampled_from([5, 19, 40, 41, 60, 110, 111]),
)
quiets = st.none() | st.just((1260, 540)) | st.just((0, 360))


def allows(reach: Reach, quiet: Quiet, place: int, room_class: int, at: float) -> bool:
    """Tell by the contract's words whether a campaign may be served."""
    if place not in reach.places or not reach.opens <= at < reach.closes:
        return False
    local = datetime.fromtimestamp(at, pinned_zone(ZONES[ZONE_OF_PLACE[place]]))
    minute = local.hour * 60 + local.minute
    if quiet is not None and is_within(minute, *quiet):
        return False
    if reach.hours and not any(window.allows(local.weekday(), minute) for window in reach.hours):
        return False
    return reach.size <= FITTED_ROOMS[room_class]


@tried(12)
@given(st.lists(reaches, max_size=5), quiets, st.lists(st.integers(0, 1799), min_size=1, max_size=20))
def test_every_minute_lies_in_the_cell_of_its_campaigns(
    booked: list[Reach], quiet: Quiet, looked_at: list[int]
) -> None:
    """A place, minute and room class leads to the cell of exactly those who may be served there."""
    cells = CellMap(booked, Ground(ZONES, ZONE_OF_PLACE, quiet), MONDAY, MONDAY + 30 * HOUR_S)
    for minute in looked_at:
        at = MONDAY + 60.0 * minute
        slot = cells.timeline.at(at)
        for place in range(PLACES):
            for room_class in range(ROOM_CLASSES):
                level = cells.level_of_class[room_class]
                cell = cells.cell_of[level, cells.group_of_place[place], slot]
                found = (
                    []
                    if cell == NOBODY
                    else cells.campaign[cells.start[cell] : cells.start[cell + 1]].tolist()
                )
                assert found == [
                    position
                    for position, reach in enumerate(booked)
                    if allows(reach, quiet, place, room_class, at)
                ]


@tried(8)
@given(st.lists(reaches, min_size=1, max_size=5), quiets, st.integers(0, 29 * 60))
def test_supply_is_what_lies_in_the_cells(booked: list[Reach], quiet: Quiet, since: int) -> None:
    """Laid over a supply, cells and campaigns hold the minutes' shares of it, from an instant on."""
    generator = np.random.Generator(np.random.PCG64(7))
    mix = generator.random((PLACES, ROOM_CLASSES))
    supply = Supply(
        MONDAY // HOUR_S + 1, generator.random((26, PLACES)), mix / mix.sum(axis=1, keepdims=True)
    )
    cells = CellMap(booked, Ground(ZONES, ZONE_OF_PLACE, quiet), MONDAY, MONDAY + 30 * HOUR_S)
    start = MONDAY + 60.0 * since
    expected = np.zeros(len(booked))
    for minute in range(since, 30 * 60):
        hour = minute // 60 - 1
        if not 0 <= hour < supply.hours:
            continue
        at = MONDAY + 60.0 * minute
        for position, reach in enumerate(booked):
            for place in reach.places:
                fitting = [allows(reach, quiet, place, each, at) for each in range(ROOM_CLASSES)]
                expected[position] += supply.by_hour[hour, place] / 60 * supply.room_mix[place][fitting].sum()
    by_cell = cells.supply(supply, start)
    assert np.allclose(cells.offered(supply, start).sum(axis=1), expected)
    counted = np.bincount(cells.campaign, weights=by_cell[cells.cell], minlength=len(booked))
    assert np.allclose(counted, expected)


def test_raw_cells_with_the_same_campaigns_are_one() -> None:
    """No two cells have the same eligible campaigns."""
    here, there = frozenset({0, 1}), frozenset({1, 2, 3})
    booked = [Reach(here, MONDAY, MONDAY + 9e4, (), 30), Reach(there, MONDAY, MONDAY + 9e4, (), 60)]
    cells = CellMap(booked, Ground(ZONES, ZONE_OF_PLACE, None), MONDAY, MONDAY + 30 * HOUR_S)
    sets = {tuple(cells.campaign[low:high]) for low, high in zip(cells.start, cells.start[1:], strict=False)}
    assert sets == {(0,), (1,), (0, 1)}
    assert len(cells) == 3
