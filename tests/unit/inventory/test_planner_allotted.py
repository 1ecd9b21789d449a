"""Plans that follow an allotment: rows by its shares, lists by urgency, and what happens without one."""

from datetime import timedelta

import numpy as np
import pytest

from inventory.allotment import RESTRAINT, YIELDED, Allotment, Outlook
from inventory.books import ServingCampaign
from inventory.campaign import CampaignClass, Pacing
from inventory.cells import Ground
from inventory.plan import ROOM_CLASSES, Plan
from inventory.planner import STALE_INTERVALS, Planner
from inventory.supply import HOUR_S, Supply
from segments.clock import pinned_zone
from segments.targets import Target
from tests.unit.inventory.bookings import NOON, campaign, serving

PLACES = {"55": frozenset({0}), "33": frozenset({1})}
GROUND = Ground(("America/Mexico_City",), (0, 0), None)
NOW = NOON.timestamp()
FIRST = int(NOW // HOUR_S) - 24
EVERY_S = 300.0
STANDARD = CampaignClass.STANDARD


def planner() -> Planner:
    """Return a planner over two places."""

    def compiled(target: Target) -> frozenset[int]:
        return (
            frozenset().union(*(PLACES[each.value] for each in target.include))
            if target.include
            else frozenset({0, 1})
        )

    return Planner("test", GROUND, compiled, len, pinned_zone("America/Mexico_City"), every_s=EVERY_S)


def outlook(an_hour: float = 100.0, *, came: float = 100.0) -> Outlook:
    """Return two days around noon with equal traffic in both places, all with room for anything."""
    mix = np.zeros((2, ROOM_CLASSES))
    mix[:, -1] = 1.0
    past = np.zeros((48, 2))
    past[:24] = came
    return Outlook(NOW, Supply(FIRST, past, mix), Supply(FIRST, np.full((48, 2), an_hour), mix))


def allotted(one: Planner, *booked: ServingCampaign, told: Outlook | None = None) -> Allotment:
    """Let a planner follow a new allotment, and return it."""
    made = one.allot(booked, told or outlook())
    assert made is not None
    one.follow(made)
    return made


def cell(made: Plan, place: int = 0) -> tuple[dict[int, float], list[int]]:
    """Return the row (number → share) and the lag list of a place's roomiest cell."""
    at = made.group_of_place[place] * ROOM_CLASSES + ROOM_CLASSES - 1
    numbers = [each.number for each in made.catalogue()]
    row = range(made.row_start[at], made.row_end[at])
    shares = np.diff([0.0, *(made.row_share[index] for index in row)])
    listed = made.lag_slot[made.lag_start[at] : made.lag_start[at + 1]]
    return {numbers[made.row_slot[index]]: float(share) for index, share in zip(row, shares, strict=True)}, [
        numbers[slot] for slot in listed
    ]


def test_ample_supply_is_shared_in_proportion() -> None:
    """Each campaign gets the part of every cell that its units and some for chance are of cautious supply."""
    booked = serving(campaign(1, quantity=960), settled=480), serving(campaign(2, quantity=480), settled=240)
    one = planner()
    made = allotted(one, *booked)
    assert not made.tight.any()
    row, _ = cell(one.plan(1, booked, NOW))
    assert row == pytest.approx({1: 490 / 4800 / 0.93, 2: 250 / 4800 / 0.93}, rel=1e-3)


def test_contended_cells_leave_room_for_the_most_urgent() -> None:
    """Where a tight campaign is eligible, rows leave a part; it is listed though it does not lag."""
    booked = (
        serving(campaign(1, quantity=4700, ladas=("55",)), settled=2400),
        serving(campaign(2, quantity=4600), settled=2450),
    )
    one = planner()
    made = allotted(one, *booked)
    assert made.tight.tolist() == [True, False]
    row, listed = cell(one.plan(1, booked, NOW))
    assert sum(row.values()) == pytest.approx(1 - YIELDED, abs=0.02)
    assert listed == [1]


def test_scarce_supply_is_not_lost_to_who_has_time() -> None:
    """When all that comes is booked, who ends first keeps its part of early cells, plan after plan."""
    booked = (
        serving(campaign(1, quantity=1800, starts_at=NOON, ends_at=NOON + timedelta(hours=12))),
        serving(campaign(2, quantity=3000, starts_at=NOON)),
    )
    one = planner()
    for version in range(6):
        assert allotted(one, *booked).tight.all()
        row, _ = cell(one.plan(version, booked, NOW))
        assert row[1] / sum(row.values()) == pytest.approx(1800 / 2400, abs=0.01)


def test_the_last_unit_is_asked_for_twice() -> None:
    """A single unit's row is not left to one chance in its expected notifications."""
    booked = (serving(campaign(1, quantity=2), settled=1),)
    one = planner()
    allotted(one, *booked)
    assert cell(one.plan(1, booked, NOW))[0] == pytest.approx({1: 2 / 4800 / 0.93}, rel=1e-3)


def test_who_is_ahead_of_its_curve_waits() -> None:
    """Where supply is ample, a campaign's rows shrink by how far it is ahead."""
    booked = serving(campaign(1, quantity=960), settled=528), serving(campaign(2, quantity=960), settled=480)
    one = planner()
    allotted(one, *booked)
    row, _ = cell(one.plan(1, booked, NOW))
    assert row[2] == pytest.approx(490 / 4800 / 0.93, rel=1e-3)
    assert row[1] == pytest.approx(442 / 4800 / 0.93 * (1 - RESTRAINT * 0.05), rel=1e-3)


def test_shortage_goes_by_class_then_by_share() -> None:
    """Guaranteed gets all; two of standard end at one share."""
    booked = (
        serving(campaign(1, quantity=3000, ladas=("55",))),
        serving(campaign(2, quantity=2000, ladas=("55",), campaign_class=STANDARD)),
        serving(campaign(3, quantity=4000, ladas=("55",), campaign_class=STANDARD)),
    )
    made = allotted(planner(), *booked, told=outlook(200.0))
    high = 4800 / 0.93 - 3000
    assert made.target == pytest.approx([3000, high / 3, high * 2 / 3], rel=0.01)


def test_without_a_fresh_allotment_class_and_lag_decide() -> None:
    """One that is too old, or does not know all who serve, is not followed."""
    booked = (serving(campaign(1, quantity=960), settled=100),)
    one = planner()
    allotted(one, *booked)
    assert cell(one.plan(1, booked, NOW))[0] != {1: 1.0}
    late = NOW + STALE_INTERVALS * EVERY_S + 1
    assert cell(one.plan(2, booked, late))[0] == {1: 1.0}
    more = (*booked, serving(campaign(2, quantity=10), settled=9))
    assert cell(one.plan(3, more, NOW))[0] == {1: 1.0}


def test_an_allotment_for_other_quiet_hours_is_not_followed() -> None:
    """It was made while the settings changed."""
    one = planner()
    made = one.allot((serving(campaign(1)),), outlook())
    one.keep_quiet((0, 60))
    one.follow(made)
    assert one.allotment is None


def test_early_pacing_takes_what_others_leave() -> None:
    """`asap` is listed until it is spent, behind those who lag."""
    booked = (
        serving(campaign(1, quantity=960, pacing=Pacing.ASAP), settled=480),
        serving(campaign(2, quantity=960), settled=300),
        serving(campaign(3, quantity=960), settled=700),
    )
    one = planner()
    allotted(one, *booked)
    assert cell(one.plan(1, booked, NOW))[1] == [2, 1]


def test_nothing_left_is_no_allotment() -> None:
    """No campaign, one that is over, or a forecast that has ended leave nothing to allot."""
    one = planner()
    assert one.allot((), outlook()) is None
    assert one.allot((serving(campaign(1, ends_at=NOON - timedelta(hours=1))),), outlook()) is None


def test_no_supply_at_all_is_no_fault() -> None:
    """A forecast of nothing gives empty rows; who lags is still listed."""
    booked = (serving(campaign(1, quantity=960), settled=0),)
    one = planner()
    made = allotted(one, *booked, told=outlook(0.0))
    assert made.target.tolist() == [0.0]
    assert cell(one.plan(1, booked, NOW)) == ({}, [1])
