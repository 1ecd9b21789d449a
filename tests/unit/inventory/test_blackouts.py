"""Blackouts: what they are together, how plans ship them, what they leave of cells, plans and curves."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import numpy as np
import pytest

from adapters.files.reference_data import load_geography
from inventory.blackouts import Blackout, BlackoutDraft, blackout_octets, planned_blackouts, together
from inventory.books import ServingCampaign
from inventory.campaign import Campaign
from inventory.cells import CellMap, Ground, Reach
from inventory.pacing import Pace
from inventory.plan import ROOM_CLASSES, Plan, Vacancy, decode_plan, encode_plan
from inventory.planner import Planner
from inventory.supply import HOUR_S, Supply
from segments.clock import pinned_zone
from segments.targets import Selector, Target
from tests.unit.inventory.bookings import NOON, campaign, serving

PLACES = 10
NOW = NOON.timestamp()
HALF_AN_HOUR = 1800.0
ZONE = "America/Mexico_City"
GROUND = Ground((ZONE, "America/Tijuana"), (0,) * 5 + (1,) * 5, None)
EVERYWHERE = frozenset(range(PLACES))
POLITICS = frozenset({"politics"})


def blackout(
    places: frozenset[int] = EVERYWHERE,
    begins: float = NOW + HALF_AN_HOUR,
    ends: float = NOW + 2 * HALF_AN_HOUR,
    categories: frozenset[str] | None = POLITICS,
) -> Blackout:
    """Return a blackout of politics for half an hour."""
    return Blackout(begins, ends, categories, places)


def booked(number: int = 1, category: str = "politics") -> ServingCampaign:
    """Return a campaign of a category that is behind its pace everywhere."""
    return serving(replace(campaign(number), category=category))


def planned(planner: Planner, now: float, *campaigns: ServingCampaign) -> Plan:
    """Return a plan as workers read it."""
    return decode_plan(BytesIO(encode_plan(planner.plan(1, campaigns, now))).read)


def cell(plan: Plan, place: int) -> tuple[set[int], Vacancy]:
    """Return whom the roomiest cell of a place names, and why nobody."""
    at = plan.group_of_place[place] * ROOM_CLASSES + ROOM_CLASSES - 1
    rows = plan.row_slot[plan.row_start[at] : plan.row_end[at]]
    lists = plan.lag_slot[plan.lag_start[at] : plan.lag_start[at + 1]]
    numbers = [each.number for each in plan.catalogue()]
    return {numbers[slot] for slot in (*rows, *lists)}, Vacancy(plan.vacancy[at])


@pytest.fixture
def planner() -> Planner:
    """Return a planner whose targets are the whole country."""
    return Planner("test", GROUND, lambda _: EVERYWHERE, len, pinned_zone(ZONE))


def test_blackouts_of_one_time_and_category_are_one() -> None:
    """Silence in many states is one entry; others stay apart, by their beginning; nowhere is none."""
    here, there = frozenset({1}), frozenset({2, 3})
    later = blackout(here, begins=NOW + 60, ends=NOW + 7200)
    of_all = blackout(here, categories=None)
    nowhere = blackout(frozenset())
    assert together([of_all, later, blackout(here), blackout(there), nowhere]) == (
        later, of_all, blackout(here | there),
    )  # fmt: skip


def test_plans_ship_places_as_bits() -> None:
    """What a plan's section holds reads back to the same places, instants and categories."""
    one, other = blackout(frozenset({0, 7, 8})), blackout(frozenset({9}), categories=None)
    read = planned_blackouts(blackout_octets([one, other], PLACES))
    for each, wanted in zip(read, (one, other), strict=True):
        bits = {place for place in range(PLACES) if each.places[place >> 3] >> (place & 7) & 1}
        assert (each.begins, each.ends, bits) == (wanted.begins, wanted.ends, wanted.places)
    assert [each.concerns(" Politics") for each in read] == [True, True]
    assert [each.concerns("retail") for each in read] == [False, True]


@pytest.mark.parametrize(
    ("seconds", "served"),
    [(0, True), (HALF_AN_HOUR - 1, True), (HALF_AN_HOUR, False), (2 * HALF_AN_HOUR - 2, False),
     (2 * HALF_AN_HOUR - 1, True), (2 * HALF_AN_HOUR, True)],
)  # fmt: skip
def test_a_plan_takes_the_cells_away(planner: Planner, seconds: float, *, served: bool) -> None:
    """Between the instants nobody of the category is drawn there; the last plan before the end names them."""
    planner.obey((blackout(frozenset({0})),), NOW)
    plan = planned(planner, NOW + seconds, booked())
    assert cell(plan, 0) == (({1}, Vacancy.NONE) if served else (set(), Vacancy.BLACKOUT))
    assert cell(plan, 1) == ({1}, Vacancy.NONE)


def test_other_categories_get_the_cells(planner: Planner) -> None:
    """What is taken from one category is left to the others, unless the blackout is of all."""
    during = NOW + 1.5 * HALF_AN_HOUR
    planner.obey((blackout(),), NOW)
    assert cell(planned(planner, during, booked(), booked(2, "retail")), 0)[0] == {2}
    planner.obey((blackout(categories=None),), NOW)
    assert cell(planned(planner, during, booked(), booked(2, "retail")), 0) == (set(), Vacancy.BLACKOUT)


def test_blackouts_to_come_are_in_every_plan(planner: Planner) -> None:
    """A worker whose plan grows old knows what begins meanwhile; new ones come with another digest."""
    before = planned(planner, NOW, booked())
    planner.obey((blackout(),), NOW)
    plan = planned(planner, NOW, booked())
    assert [(each.begins, each.ends) for each in plan.blackouts()] == [(blackout().begins, blackout().ends)]
    assert plan.catalogue_digest != before.catalogue_digest


def test_only_a_change_drops_what_was_made(planner: Planner) -> None:
    """New and withdrawn blackouts are a change; one that has ended is none."""
    early = blackout(ends=NOW + HALF_AN_HOUR + 1)
    assert planner.obey((early, blackout()), NOW)
    assert not planner.obey((early, blackout()), NOW + 1)
    assert not planner.obey((blackout(),), early.ends)
    assert planner.obey((), early.ends)


def reach(category: str | None, places: frozenset[int] = EVERYWHERE) -> Reach:
    """Return a flight of three hours from noon on."""
    return Reach(places, NOW, NOW + 3 * HOUR_S, (), 0, category=category)


def supply() -> Supply:
    """Return a hundred notifications an hour and place from noon on."""
    mix = np.zeros((PLACES, ROOM_CLASSES))
    mix[:, -1] = 1.0
    return Supply(int(NOW // HOUR_S), np.full((3, PLACES), 100.0), mix)


def test_lost_supply_is_not_offered() -> None:
    """A campaign's eligible traffic lacks exactly what lies in its blackouts; overlaps count once."""
    half = frozenset(range(5))
    ground = replace(GROUND, blackouts=(blackout(half), blackout(half, begins=NOW + 2700.0)))
    reaches = [reach("politics"), reach("retail"), reach(None), reach("Politics", frozenset({9}))]
    cells = CellMap(reaches, ground, NOW, NOW + 3 * HOUR_S)
    assert cells.offered(supply()).sum(axis=1).tolist() == pytest.approx([2750, 3000, 3000, 300])


@pytest.mark.parametrize(
    ("reaches", "expected"),
    [([], 0), ([replace(reach("politics"), opens=NOW + 2 * HOUR_S)], 1), ([reach("politics")], 2),
     ([reach("politics"), reach("retail")], 3)],
)  # fmt: skip
def test_why_nobody_is_there(reaches: Sequence[Reach], expected: int) -> None:
    """Dates and hours come before blackouts, and these before room."""
    cells = CellMap(
        [*reaches, reach("x")], replace(GROUND, blackouts=(blackout(begins=NOW),)), NOW, NOW + 1e4
    )
    mine = np.array([*(True for _ in reaches), False])
    assert set(cells.reached(mine, 0).tolist()) == {expected}


def test_a_curve_stands_still_in_a_blackout() -> None:
    """A campaign that is ruled out everywhere is not behind for that."""
    one: Campaign = campaign(1)
    begins = one.starts_at.timestamp() + HOUR_S
    pace = Pace(one, pinned_zone(ZONE), None, [(begins, begins + HOUR_S)])
    assert pace.elapsed(begins) == pytest.approx(pace.elapsed(begins + HOUR_S))
    assert pace.elapsed(one.ends_at.timestamp()) == 1.0


def test_every_fault_of_a_draft() -> None:
    """Places that nobody knows, and an end that is over or before the beginning, are told."""
    draft = BlackoutDraft(
        "veda", None, Target((Selector("state", "MX-XXX"), Selector("lada", "33"))), NOON,
        NOON + timedelta(hours=1),
    )  # fmt: skip
    geography = load_geography()

    def told(one: BlackoutDraft, now: datetime = NOON) -> list[tuple[str, str]]:
        return [(fault.pointer, fault.code) for fault in one.faults(geography, now)]

    assert told(draft) == [("/target/include/0", "unknown_place")]
    whole = replace(draft, target=Target())
    assert told(whole) == []
    assert told(replace(whole, ends_at=NOON.astimezone(UTC))) == [("/to", "order")]
    assert told(whole, NOON + timedelta(hours=1)) == [("/to", "past")]
