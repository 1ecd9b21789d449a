"""Which campaigns a plan draws, and in which order it lets the others catch up."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory.books import ServingCampaign
from inventory.campaign import CampaignClass, HoursWindow, Pacing
from inventory.cells import Ground
from inventory.plan import ROOM_CLASS_FLOORS, ROOM_CLASSES, Plan, Vacancy
from inventory.planner import AHEAD_S, Planner
from segments.clock import pinned_zone
from segments.targets import Target
from tests.unit.inventory.bookings import ALL_WEEK, NOON, campaign, serving

PLACES = {"55": frozenset({0}), "33": frozenset({1, 2}), "81": frozenset({2, 3})}
EVERYWHERE = frozenset(range(5))
GROUND = Ground(("America/Mexico_City",), (0,) * 5, None)
NOW = NOON.timestamp()
ASAP = Pacing.ASAP
GUARANTEED, STANDARD, HOUSE = CampaignClass


def compiled(target: Target) -> frozenset[int]:
    """Return the places of a test's target."""
    return (
        frozenset().union(*(PLACES[each.value] for each in target.include)) if target.include else EVERYWHERE
    )


def planner() -> Planner:
    """Return a planner over five places, three of them in a LADA."""
    return Planner("test", GROUND, compiled, len, pinned_zone("America/Mexico_City"))


def plan(*booked: ServingCampaign, now: float = NOW) -> Plan:
    """Return a plan for noon."""
    return planner().plan(1, booked, now)


def partition(made: Plan) -> list[int]:
    """Return the groups of places, numbered as they first occur."""
    names: dict[int, int] = {}
    return [names.setdefault(group, len(names)) for group in made.group_of_place]


class Look:
    """One cell of a plan, campaigns by number."""

    def __init__(self, made: Plan, place: int = 0, room_class: int = ROOM_CLASSES - 1) -> None:
        cell = made.group_of_place[place] * ROOM_CLASSES + room_class
        numbers = [each.number for each in made.catalogue()]
        row = slice(made.row_start[cell], made.row_end[cell])
        self.cumulative = list(made.row_share[row])
        self.row = [numbers[slot] for slot in made.row_slot[row]]
        self.lag = [numbers[slot] for slot in made.lag_slot[made.lag_start[cell] : made.lag_start[cell + 1]]]
        self.vacancy = made.vacancy[cell]

    @property
    def shares(self) -> Sequence[float]:
        """The shares one by one."""
        return [upto - before for before, upto in zip([0, *self.cumulative], self.cumulative, strict=False)]


def test_nobody_booked_is_nobody_drawn() -> None:
    """Without campaigns every place lies in the group of nobody."""
    made = plan()
    assert list(made.group_of_place) == [0] * 5
    assert made.catalogue() == ()
    for room_class in range(ROOM_CLASSES):
        cell = Look(made, 4, room_class)
        assert (cell.row, cell.lag, cell.vacancy) == ([], [], Vacancy.NO_CAMPAIGN)


def test_places_with_the_same_campaigns_share_a_group() -> None:
    """A group is the set of places that the same campaigns may use; overlaps have one of their own."""
    made = plan(serving(campaign(1, ladas=("33",))), serving(campaign(2, ladas=("81",))))
    assert partition(made) == [0, 1, 2, 3, 0]
    assert [Look(made, place).lag for place in range(5)] == [[], [1], [1, 2], [2], []]
    assert len(made.vacancy) == 4 * ROOM_CLASSES


def test_groups_follow_the_bookings() -> None:
    """A planner that is asked again groups anew when bookings have changed, and only by them."""
    one = planner()
    first = one.plan(1, [serving(campaign(1, ladas=("33",)))], NOW)
    again = one.plan(2, [serving(campaign(1, ladas=("33",)), settled=1)], NOW + 1)
    assert partition(again) == partition(first) == [0, 1, 1, 0, 0]
    assert partition(one.plan(3, [serving(campaign(1, ladas=("81",), version=2))], NOW + 2)) == [
        0,
        0,
        1,
        1,
        0,
    ]
    assert partition(one.plan(4, [], NOW + 3)) == [0] * 5


def test_shares_follow_the_lag() -> None:
    """In the first class that lags, who lags twice as much is drawn twice as often."""
    made = plan(
        serving(campaign(1, pacing=ASAP, quantity=100)),
        serving(campaign(2, pacing=ASAP, quantity=400), settled=200),
        serving(campaign(3, pacing=ASAP, quantity=300, campaign_class=STANDARD)),
    )
    cell = Look(made)
    assert (cell.row, cell.lag) == ([2, 1], [2, 1, 3])
    assert cell.shares == pytest.approx([2 / 3, 1 / 3])
    assert cell.cumulative[-1] == pytest.approx(1)


def test_class_goes_before_lag() -> None:
    """Guaranteed, then standard, then house, however far the others are behind."""
    made = plan(
        serving(campaign(1, quantity=None, campaign_class=HOUSE)),
        serving(campaign(2, pacing=ASAP, quantity=10**6, campaign_class=STANDARD)),
        serving(campaign(3, pacing=ASAP, quantity=1)),
    )
    assert (Look(made).row, Look(made).lag) == ([3], [3, 2, 1])


def test_a_class_on_its_pace_lets_the_next_one_serve() -> None:
    """A guaranteed campaign ahead of its curve leaves the cell to standard."""
    made = plan(serving(campaign(1), settled=900), serving(campaign(2, pacing=ASAP, campaign_class=STANDARD)))
    assert (Look(made).row, Look(made).lag) == ([2], [2])


def test_equal_lags_keep_the_order_of_booking() -> None:
    """Nothing but class and lag puts one before another, so ties go by number."""
    made = plan(*(serving(campaign(number, pacing=ASAP)) for number in (1, 2, 3)))
    assert Look(made).lag == [1, 2, 3]


def test_the_list_has_at_most_eight() -> None:
    """However many lag, the worker looks at eight."""
    made = plan(*(serving(campaign(number, pacing=ASAP, quantity=number)) for number in range(1, 31)))
    cell = Look(made)
    assert cell.lag == cell.row == [30, 29, 28, 27, 26, 25, 24, 23]
    assert sum(cell.shares) == pytest.approx(1)


@pytest.mark.parametrize(
    ("length", "classes"),
    [
        (1, 9),
        (19, 9),
        (20, 8),
        (21, 7),
        (40, 7),
        (41, 6),
        (60, 5),
        (89, 2),
        (90, 2),
        (91, 1),
        (110, 1),
        (111, 0),
    ],
)
def test_a_text_fits_a_class_when_it_fits_its_lower_end(length: int, classes: int) -> None:
    """So it fits every notification of the class; in the lowest class whatever may fit some is tried."""
    made = plan(serving(campaign(1, pacing=ASAP, lengths=(length,))))
    fits = [Look(made, 0, room_class).lag == [1] for room_class in range(ROOM_CLASSES)]
    assert fits == [False] * (ROOM_CLASSES - classes) + [True] * classes
    for room_class, fitting in enumerate(fits):
        assert Look(made, 0, room_class).vacancy == (Vacancy.NONE if fitting else Vacancy.NO_ROOM)


def test_the_shortest_text_decides_the_class() -> None:
    """A campaign with a short and a long text goes where the short one fits."""
    made = plan(serving(campaign(1, pacing=ASAP, lengths=(90, 45))))
    assert [Look(made, 0, room_class).lag for room_class in (2, 3)] == [[], [1]]
    assert ROOM_CLASS_FLOORS[3] == 50


def test_long_texts_do_not_crowd_out_a_short_one() -> None:
    """In a small room the list holds those that fit, however many others lag more."""
    made = plan(
        *(serving(campaign(number, pacing=ASAP, lengths=(80,))) for number in range(1, 13)),
        serving(campaign(13, pacing=ASAP, quantity=1, lengths=(15,))),
    )
    assert [Look(made, 0, room_class).lag for room_class in (0, 1)] == [[13], [13]]


def test_ahead_of_pace_is_said() -> None:
    """A place whose campaigns are all ahead says so, one that nobody booked says that."""
    made = plan(serving(campaign(1, ladas=("55",)), settled=999))
    assert [Look(made, place).vacancy for place in (0, 1)] == [Vacancy.ON_PACE, Vacancy.NO_CAMPAIGN]


@pytest.mark.parametrize(
    ("opens_in", "shipped", "listed"),
    [(0.0, True, True), (0.5, True, True), (3.0, True, False), (AHEAD_S, True, False), (5.1, False, False)],
)
def test_what_opens_soon_is_shipped_ahead(opens_in: float, shipped: bool, listed: bool) -> None:
    """A campaign is in the catalogue 5 s before its start, with its window, and in the lists 1 s before."""
    booked = campaign(1, starts_at=NOON + timedelta(seconds=opens_in), pacing=ASAP)
    made = plan(serving(booked))
    assert [each.opens for each in made.catalogue()] == ([NOW + opens_in] if shipped else [])
    assert Look(made).lag == ([1] if listed else [])


@pytest.mark.parametrize(("ends_in", "kept"), [(0.5, True), (0.0, False), (-5.0, False)])
def test_what_has_ended_is_dropped(ends_in: float, kept: bool) -> None:
    """From its last instant on a campaign is in no plan."""
    made = plan(serving(campaign(1, ends_at=NOON + timedelta(seconds=ends_in), pacing=ASAP)))
    assert bool(made.catalogue()) is kept


def test_the_catalogue_ships_what_a_worker_needs() -> None:
    """Window, hours by day, texts with version and weight; a new settled count does not change it."""
    booked = campaign(7, hours=(HoursWindow(ALL_WEEK, 1320, 120),), lengths=(20, 30))
    (shipped,) = plan(serving(booked)).catalogue()
    assert (shipped.number, shipped.opens, shipped.closes) == (7, NOW - 86_400, NOW + 86_400)
    assert shipped.hours == (((0, 1, 2, 3, 4, 5, 6), 1320, 120),)
    assert [(each.version, len(each.text), each.weight) for each in shipped.creatives] == [
        (70, 20, 1),
        (71, 30, 2),
    ]
    assert plan(serving(booked)).catalogue_digest == plan(serving(booked, settled=5)).catalogue_digest


def test_a_changed_campaign_has_a_new_pace() -> None:
    """A longer flight is paced by its new end as soon as its version is there."""
    one = planner()
    settled = 600
    one.plan(1, [serving(campaign(1), settled)], NOW)
    longer = campaign(1, ends_at=NOON + timedelta(days=2), version=2)
    shorter = campaign(1, ends_at=NOON + timedelta(hours=1), version=3)
    assert Look(one.plan(2, [serving(longer, settled)], NOW)).lag == []
    assert Look(one.plan(3, [serving(shorter, settled)], NOW)).lag == [1]
    assert len(one._paces) == 1


def test_a_test_campaign_is_shipped_with_its_places_and_is_in_no_cell() -> None:
    """It stands last in the catalogue; rows, lists and vacancy are those of a plan without it."""
    common, test = serving(campaign(1, ladas=("33",))), serving(campaign(2, ladas=("81",)))
    test = replace(test, campaign=replace(test.campaign, test=True))
    made, alone = plan(test, common), plan(common)
    assert [(each.number, each.test_places) for each in made.catalogue()] == [(1, None), (2, (2, 3))]
    assert all(
        list(getattr(made, name)) == list(getattr(alone, name))
        for name in ("group_of_place", "vacancy", "row_start", "row_end", "row_slot", "lag_start", "lag_slot")
    )
    assert [each.number for each in plan(test).catalogue()] == [2]
