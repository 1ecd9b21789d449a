"""Which ad a notification gets, and why it gets none."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from engine.composition import Alphabet
from engine.decision import Creative, Decision, Offer
from engine.leasebook import Lease
from engine.reasons import Reason
from inventory.plan import ROOM_CLASSES, Vacancy
from tests.unit.engine.hand_made_plans import CLOSES, NOON, OPENS, TEXT, Cell, Hours, Table, plan_of, planned

ALL_WEEK = tuple(range(7))
FOUR = [planned(number) for number in (1, 2, 3, 4)]


def choose(
    table: Table, room: int = 100, *, wide: bool = False, alphabet: Alphabet = Alphabet.GSM7
) -> object:
    """Return the number of the campaign chosen, or the reason."""
    chosen = table.decision.choose(0, room, wide, alphabet)
    return chosen.offer.number if isinstance(chosen, Creative) else chosen


# -- the draw -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawn", "campaign"),
    [(0.0, 1), (0.2499999, 1), (0.25, 2), (0.7499999, 2), (0.75, 3), (0.8749999, 3), (0.875, Reason.ON_PACE)],
)
def test_a_draw_takes_the_first_share_that_exceeds_it(drawn: float, campaign: object) -> None:
    """Shares are half open: a draw on a boundary goes to the next, one above the last to nobody."""
    table = Table(FOUR, Cell({0: 0.25, 1: 0.5, 2: 0.125}, vacancy=Vacancy.ON_PACE))
    table.chance.value = drawn
    assert choose(table) == campaign


@pytest.mark.parametrize(
    "shares", [{0: 1.0}, {0: 0.5, 1: 0.5}, {0: 0.7, 1: 0.2, 2: 0.1}, {3: 0.05, 1: 0.15, 0: 0.3, 2: 0.5}]
)
def test_draws_follow_the_shares(shares: Mapping[int, float]) -> None:
    """Over many draws each campaign gets its share, within four standard deviations."""
    table = Table(FOUR, Cell(shares))
    table.decision._random = random.Random(11).random
    draws = 20_000
    chosen = Counter(choose(table) for _ in range(draws))
    for slot, share in shares.items():
        spread = (draws * share * (1 - share)) ** 0.5
        assert abs(chosen[slot + 1] - draws * share) <= 4 * spread


def test_choosing_takes_no_unit() -> None:
    """The unit is taken when the insertion is noted, not before."""
    table = Table(FOUR, Cell({0: 1.0}, [0]))
    assert choose(table) == 1
    assert [lease.held for lease in table.leases] == [10] * 4


# -- the lag list ---------------------------------------------------------------------------------


def test_the_lag_list_is_asked_in_its_order() -> None:
    """When the drawn one can't, the first of the list that can is taken."""
    table = Table(FOUR, Cell({0: 1.0}, [0, 2, 1, 3]))
    table.leases[0].held = 0
    assert choose(table) == 3
    table.leases[2].held = 0
    assert choose(table) == 2
    table.leases[1].stopped = True
    assert choose(table) == 4


def test_without_a_row_the_lag_list_serves() -> None:
    """A draw that takes nobody is caught up by the list."""
    assert choose(Table(FOUR, Cell({}, [3, 1]))) == 4


def test_the_first_refusal_is_the_reason() -> None:
    """When nobody can, the reason is that of the one who was drawn."""
    table = Table(FOUR, Cell({1: 1.0}, [0, 2]))
    table.leases[1].stopped = True
    table.leases[0].held = table.leases[2].held = 0
    assert choose(table) is Reason.STOPPED
    table = Table(FOUR, Cell({}, [0, 2]), held=0)
    table.leases[2].stopped = True
    assert choose(table) is Reason.NO_LEASE


@pytest.mark.parametrize(
    ("vacancy", "reason"),
    [
        (Vacancy.NO_CAMPAIGN, Reason.NO_CAMPAIGN),
        (Vacancy.NO_ROOM, Reason.NO_ROOM),
        (Vacancy.ON_PACE, Reason.ON_PACE),
        (Vacancy.BLACKOUT, Reason.BLACKOUT),
    ],
)
def test_an_empty_cell_says_why(vacancy: Vacancy, reason: Reason) -> None:
    """A cell with nobody gives the planner's reason."""
    assert choose(Table(FOUR, Cell({}, vacancy=vacancy))) is reason


def test_an_empty_plan_has_no_campaign() -> None:
    """With no campaign booked there is no ad, whatever the room."""
    table = Table([], Cell({}, vacancy=Vacancy.NO_CAMPAIGN))
    assert {choose(table, room) for room in range(1, 161)} == {Reason.NO_CAMPAIGN}


def test_each_place_and_room_has_its_own_cell() -> None:
    """The cell is the place's group and the room's class; more room than one SMS has is the last class."""
    catalogue = [planned(1, "a"), planned(2, "b")]
    plan = plan_of(catalogue, [Cell({0: 1.0}), Cell({1: 1.0})], [1, 0])
    last = 2 * ROOM_CLASSES - 1
    plan.row_slot[last] = 0  # type: ignore[index]  # a list here
    leases = [Lease(1), Lease(2)]
    for lease in leases:
        lease.held = 1
    offers = [Offer(campaign, lease, " ") for campaign, lease in zip(catalogue, leases, strict=True)]
    decision = Decision(plan, offers, [0, 0], lambda: 0.0)
    decision.at(NOON, (0,))

    def chosen(place: int, room: int) -> int:
        creative = decision.choose(place, room, False, Alphabet.GSM7)
        assert isinstance(creative, Creative)
        return creative.offer.number

    assert [chosen(1, 1), chosen(0, 1), chosen(0, 109), chosen(0, 110), chosen(0, 200)] == [1, 2, 2, 1, 1]


# -- who is passed over ---------------------------------------------------------------------------


def test_a_campaign_without_a_unit_is_remembered() -> None:
    """Want of a unit is told to the lease, so that more are asked for."""
    table = Table(FOUR, Cell({0: 1.0}), held=0)
    assert choose(table) is Reason.NO_LEASE
    assert [lease.missed for lease in table.leases] == [True, False, False, False]


def test_stopped_goes_before_everything() -> None:
    """The stop-list is named even when there is no unit either."""
    table = Table(FOUR, Cell({0: 1.0}), held=0)
    table.leases[0].stopped = True
    assert choose(table) is Reason.STOPPED
    assert not table.leases[0].missed


@pytest.mark.parametrize(
    ("now", "serves"),
    [(OPENS - 0.001, False), (OPENS, True), (CLOSES - 0.001, True), (CLOSES, False)],
)
def test_the_window_is_half_open(now: float, serves: bool) -> None:
    """A campaign serves from its first instant to just before its last, whatever the plan's age."""
    table = Table(FOUR, Cell({0: 1.0}))
    table.decision.at(now, (0,))
    assert choose(table) == (1 if serves else Reason.NO_CAMPAIGN)


MORNING: Hours = (((0, 1, 2, 3, 4), 540, 600),)
NIGHT: Hours = (((5,), 1320, 120),)  # Saturday 22:00 to Sunday 02:00
SUNDAY_NIGHT: Hours = (((6,), 1320, 120),)
WHOLE_DAY: Hours = (((2,), 0, 1440),)


@pytest.mark.parametrize(
    ("hours", "day", "minute", "serves"),
    [
        (MORNING, 0, 539, False),
        (MORNING, 0, 540, True),
        (MORNING, 0, 599, True),
        (MORNING, 0, 600, False),
        (MORNING, 5, 550, False),
        (NIGHT, 5, 1319, False),
        (NIGHT, 5, 1320, True),
        (NIGHT, 5, 1439, True),
        (NIGHT, 6, 0, True),
        (NIGHT, 6, 119, True),
        (NIGHT, 6, 120, False),
        (NIGHT, 6, 1320, False),
        (NIGHT, 5, 60, False),
        (SUNDAY_NIGHT, 0, 119, True),
        (SUNDAY_NIGHT, 6, 119, False),
        (WHOLE_DAY, 2, 0, True),
        (WHOLE_DAY, 2, 1439, True),
        (WHOLE_DAY, 3, 0, False),
        (MORNING + NIGHT, 6, 60, True),
        ((), 3, 200, True),
    ],
)
def test_hours_are_half_open_and_may_wrap_midnight(hours: Hours, day: int, minute: int, serves: bool) -> None:
    """A window belongs to the day on which it begins; no hours is every hour."""
    table = Table([planned(1, hours=hours)], Cell({0: 1.0}))
    table.decision.at(NOON, (day * 1440 + minute,))
    assert choose(table) == (1 if serves else Reason.CAMPAIGN_HOURS)


def test_hours_are_the_subscribers() -> None:
    """One instant lies inside the hours of one time zone and outside those of another."""
    catalogue = [planned(1, hours=((ALL_WEEK, 540, 600),))]
    lease = Lease(1)
    lease.held = 1
    decision = Decision(
        plan_of(catalogue, [Cell({0: 1.0})], [0, 0]), [Offer(catalogue[0], lease, " ")], [1, 0], lambda: 0.0
    )
    decision.at(NOON, (480, 540))
    assert isinstance(decision.choose(0, 100, False, Alphabet.GSM7), Creative)
    assert decision.choose(1, 100, False, Alphabet.GSM7) is Reason.CAMPAIGN_HOURS


@pytest.mark.interpreted
def test_hours_are_worked_out_once_a_minute() -> None:
    """The answer is kept while the minute lasts, also told by another route's clock, and no longer."""
    table = Table([planned(1, hours=((ALL_WEEK, 540, 600),))], Cell({0: 1.0}))
    asked: list[int] = []

    class Watched(Offer):
        def within_hours(self, minute_of_week: int) -> bool:
            asked.append(minute_of_week)
            return super().within_hours(minute_of_week)

    table.decision._offers = [Watched(planned(1, hours=((ALL_WEEK, 540, 600),)), table.leases[0], " ")]
    table.decision.at(NOON, (599,))
    assert choose(table) == 1
    table.decision.at(NOON + 59, tuple(range(599, 600)))
    assert choose(table) == 1
    table.decision.at(NOON + 60, (600,))
    assert choose(table) is Reason.CAMPAIGN_HOURS
    assert asked == [599, 600]


# -- texts ----------------------------------------------------------------------------------------


def test_a_text_takes_all_the_room_it_is_given() -> None:
    """A text as long as the room fits; one longer does not."""
    table = Table([planned(1, "x" * 40)], Cell({0: 1.0}))
    assert choose(table, 40) == 1
    assert choose(table, 39) is Reason.NO_ROOM


@pytest.mark.parametrize("room", [0, -1, -90])
def test_a_full_part_has_no_room(room: int) -> None:
    """Without room no campaign is asked, not even for a unit."""
    table = Table(FOUR, Cell({0: 1.0}, [0]), held=0)
    assert choose(table, room) is Reason.NO_ROOM
    assert not table.leases[0].missed


def test_room_is_counted_as_the_alphabet_counts() -> None:
    """An extension character costs two septets but one UCS-2 unit."""
    table = Table([planned(1, "100€")], Cell({0: 1.0}))
    assert choose(table, 4) is Reason.NO_ROOM
    assert choose(table, 5) == 1
    assert choose(table, 4, wide=True, alphabet=Alphabet.UCS2) == 1


def test_a_text_that_the_alphabet_cannot_write_does_not_fit() -> None:
    """A text with ñ goes into no ASCII body, and into a Latin-1 one."""
    table = Table([planned(1, "mañana")], Cell({0: 1.0}))
    assert choose(table, alphabet=Alphabet.ASCII) is Reason.NO_ROOM
    assert choose(table, alphabet=Alphabet.LATIN1) == 1


def test_texts_alternate_by_weight() -> None:
    """Among those that fit, each text gets its weight's part."""
    table = Table([planned(1, "a" * 10, "b" * 20, "c" * 30)], Cell({0: 1.0}))
    table.decision._random = random.Random(5).random
    draws = 12_000
    assert split(table, 100, draws) == pytest.approx(
        [draws / 6, draws / 3, draws / 2], abs=4 * (draws / 4) ** 0.5
    )
    assert split(table, 25, draws) == pytest.approx([draws / 3, 2 * draws / 3, 0], abs=4 * (draws / 4) ** 0.5)
    assert split(table, 15, 100) == [100, 0, 0]
    assert choose(table, 5) is Reason.NO_ROOM


def split(table: Table, room: int, draws: int) -> Sequence[int]:
    """Return how often each text of campaign 1 is chosen."""
    seen: Counter[int] = Counter()
    for _ in range(draws):
        creative = table.decision.choose(0, room, False, Alphabet.GSM7)
        assert isinstance(creative, Creative)
        seen[creative.version - 10] += 1
    return [seen[0], seen[1], seen[2]]


def test_a_draw_at_the_very_end_still_finds_a_text() -> None:
    """Rounding can't leave the rotation without a text."""
    table = Table([planned(1, "a", "b")], Cell({0: 1.0}))
    table.decision._random = iter([0.0, 1.0]).__next__
    assert choose(table) == 1


def test_the_text_carries_its_separator() -> None:
    """What is appended is separator and text."""
    table = Table([planned(1)], Cell({0: 1.0}))
    creative = table.decision.choose(0, 100, False, Alphabet.ASCII)
    assert isinstance(creative, Creative)
    assert creative.suffix.octets[Alphabet.ASCII] == b" " + TEXT.encode()
    assert creative.version == 10


def test_an_offer_goes_on_without_harmful_texts_and_takes_them_back() -> None:
    """What the harm breaker names is left out from then on, in the same offer; nothing is lost for good."""
    offer = Offer(planned(7, "Compra hoy", "Compra ahora"), Lease(7), " ")
    for harmful, versions in (({70}, [71]), ({70, 71}, []), (set[int](), [70, 71])):
        offer.leave_out(frozenset(harmful))
        assert [each.version for each in offer.creatives] == versions
