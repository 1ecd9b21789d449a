"""The market answers how many more can be bought, and why no more."""

import numpy as np
import pytest

from inventory.availability import REASONS, Emptiness
from inventory.campaign import CampaignClass, HoursWindow
from inventory.cells import CellMap, Reach
from inventory.portion import portion
from tests.unit.inventory.markets import DAYS, HOUR, NOW, WITHOUT_SUPPLY, booking, country, forecast, market

ALL_WEEK = frozenset(range(7))
DAY_IN_ONE_STATE = 2400


def window(start: int, end: int) -> HoursWindow:
    """Return hours from `start` to `end` o'clock, every day."""
    return HoursWindow(ALL_WEEK, start * 60, end * 60)


def test_an_empty_market_has_all_that_a_booking_may_use() -> None:
    """With nothing sold P50 is what is expected, and P20 what is reached with 80 % probability."""
    answer = market(sell_on="p20").ask(booking(0, "MX-JAL"))
    assert (answer.p50, answer.expected) == (DAY_IN_ONE_STATE, DAY_IN_ONE_STATE)
    assert answer.reached == pytest.approx(0.76 * DAY_IN_ONE_STATE, abs=60)
    assert answer.p20 == pytest.approx(answer.reached, abs=1)
    assert answer.available == answer.p20
    assert answer.cold_start


def test_others_make_way_where_they_can_go_elsewhere() -> None:
    """A national booking is served in the other state, so that all of one state can be sold."""
    national = booking(2000, name="national")
    assert market(national).ask(booking(0, "MX-JAL")).p50 == 2400
    assert market(booking(3000, name="national")).ask(booking(0, "MX-JAL")).p50 == 1800


def test_windows_and_text_lengths_that_overlap_in_part_are_told_apart() -> None:
    """Only the hours and the room that both may use are contended."""
    morning = booking(1000, "MX-JAL", hours=(window(0, 12),), name="morning")
    long = booking(0, "MX-JAL", hours=(window(6, 18),), size=75)
    answer = market(morning).ask(long)
    assert answer.expected == 600
    assert answer.p50 == 300 + 200  # the afternoon, and what 1000 of the morning's 1200 leave
    full = booking(1200, "MX-JAL", hours=(window(0, 12),), name="full")
    assert market(full).ask(long).p50 == 300


def test_hours_that_cut_an_hour_count_by_their_part_of_it() -> None:
    """Half an hour has half its notifications, also where another booking's hours cut it elsewhere."""
    half = HoursWindow(ALL_WEEK, 9 * 60 + 15, 9 * 60 + 45)
    other = booking(20, "MX-JAL", hours=(HoursWindow(ALL_WEEK, 9 * 60, 9 * 60 + 30),), name="other")
    assert market(other).ask(booking(0, "MX-JAL", hours=(half,))).p50 == 50
    taken = booking(50, "MX-JAL", hours=(HoursWindow(ALL_WEEK, 9 * 60, 9 * 60 + 30),), name="other")
    assert market(taken).ask(booking(0, "MX-JAL", hours=(half,))).p50 == 25


def test_a_portion_is_what_a_campaign_of_the_cells_would_have() -> None:
    """Laid over cells that were made without it, it sums to what the cells say when it is among them."""
    mine = Reach(frozenset((0, 1)), NOW + 1800, NOW + 40 * HOUR, (window(7, 22),), 60)
    other = Reach(frozenset((1, 2)), NOW, NOW + 30 * HOUR, (window(20, 3),), 30)
    ground, expected = country(quiet=(22 * 60 + 30, 6 * 60)).ground, forecast()
    without = CellMap([other], ground, NOW, NOW + DAYS * 24 * HOUR)
    within = CellMap([other, mine], ground, NOW, NOW + DAYS * 24 * HOUR)
    found = portion(mine, without, ground, expected, NOW + 900)
    counted, unbooked = found.poured(without)
    whole = within.offered(expected.supply, NOW + 900)[1].sum()
    assert found.expected == pytest.approx(whole)
    assert counted.sum() + unbooked == pytest.approx(whole)
    assert found.by_day.sum() == pytest.approx(whole)
    assert found.by_place.sum() == pytest.approx(whole)
    assert np.all(counted <= without.supply(expected.supply, NOW + 900) + 1e-9)


def test_standard_never_blocks_guaranteed() -> None:
    """A guaranteed booking sees guaranteed ones alone; a standard one sees both."""
    standard = booking(2400, "MX-JAL", campaign_class=CampaignClass.STANDARD, name="standard")
    guaranteed = booking(400, "MX-JAL", name="guaranteed")
    both = market(standard, guaranteed)
    assert both.ask(booking(0, "MX-JAL")).p50 == 2000
    assert both.ask(booking(0, "MX-JAL", campaign_class=CampaignClass.STANDARD)).p50 == 0
    assert market(guaranteed).ask(booking(0, "MX-JAL", campaign_class=CampaignClass.STANDARD)).p50 == 2000


def test_classes_are_sold_on_their_own_figure() -> None:
    """Guaranteed is sold on the setting's figure, standard on what is expected."""
    cautious = market(sell_on="p20")
    assert cautious.ask(booking(0, "MX-JAL")).sold_on == "p20"
    assert cautious.ask(booking(0, "MX-JAL", campaign_class=CampaignClass.STANDARD)).sold_on == "p50"


def test_what_quiet_hours_and_room_cost_is_told() -> None:
    """Both are notifications of the target and the dates that the booking can't have."""
    answer = market(quiet=(21 * 60, 9 * 60)).ask(booking(0, "MX-JAL", size=75))
    assert (answer.expected, answer.quiet_cost, answer.room_cost) == (600, 600, 600)


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (booking(1, "MX-JAL", days=(-2, -1)), Emptiness.PAST),
        (booking(1, "MX-JAL", days=(DAYS, DAYS + 1)), Emptiness.BEYOND_FORECAST),
        (booking(1, "MX-JAL", size=120), Emptiness.NO_ROOM),
        (booking(1, "MX-JAL", hours=(window(22, 23),)), Emptiness.NO_HOURS),
        (booking(1, WITHOUT_SUPPLY), Emptiness.NO_SUPPLY),
    ],
)
def test_nothing_has_a_reason(wish: object, reason: Emptiness) -> None:
    """Where there is nothing to buy the answer says why, in both languages."""
    answer = market(quiet=(21 * 60, 9 * 60)).ask(wish)
    assert (answer.available, answer.reason) == (0, reason)
    assert (answer.document()["reason_es"], answer.document()["reason_en"]) == REASONS[reason]


def test_a_target_that_covers_no_place_is_said_to_be_empty() -> None:
    """Excluding all that is included leaves nothing."""
    wish = booking(1, "MX-JAL")
    nowhere = type(wish.target)(wish.target.include, wish.target.include)
    answer = market().ask(
        type(wish)(**{each: getattr(wish, each) for each in wish.__slots__} | {"target": nowhere})
    )
    assert answer.reason is Emptiness.EMPTY_TARGET


def test_a_flight_that_outlasts_the_forecast_is_counted_in_proportion() -> None:
    """The answer says until when it counted; a booking needs no more of the forecast than is due in it."""
    answer = market().ask(booking(1, "MX-JAL", days=(DAYS - 1, DAYS + 3)))
    assert answer.p50 == 4 * DAY_IN_ONE_STATE
    assert answer.counted_until == NOW + DAYS * 24 * HOUR
    long = booking(8000, "MX-JAL", days=(DAYS - 1, DAYS + 3), name="long")
    assert market(long).ask(booking(0, "MX-JAL", days=(DAYS - 1, DAYS))).p50 == 400
    [prospect] = market(long).prospects()
    assert not prospect.at_risk


def test_contention_names_who_stands_in_the_way_to_the_carrier_alone() -> None:
    """Others see quantities by class, and none of fewer than three bookings."""
    local = [booking(500, "MX-JAL", name=f"local {each}") for each in range(3)]
    elsewhere = booking(2400, "MX-CMX", name="elsewhere")
    busy = market(*local, elsewhere, booking(2000, "MX-CMX", days=(2, 3), name="later"))
    found = busy.explain(booking(1000, "MX-JAL"))
    assert found.missing == 100
    assert {each.name for each in found.contending} == {f"campaign local {each}" for each in range(3)}
    assert sum(each.units for each in found.displaced) == 100
    assert not found.states
    told = found.document(carrier=False)
    assert told["contending"] == [{"class": "guaranteed", "units": 1500}]
    assert told["displaced"] == [{"class": "guaranteed", "units": None}]
    assert "campaign local 0" in str(found.document(carrier=True))


def test_forcing_takes_from_lower_classes_first() -> None:
    """What a guaranteed booking pushes aside is standard before it is guaranteed."""
    busy = market(
        booking(1400, "MX-JAL", name="guaranteed"),
        booking(1000, "MX-JAL", campaign_class=CampaignClass.STANDARD, name="standard"),
    )
    fits = busy.explain(booking(800, "MX-JAL"))
    assert fits.missing == 0
    assert [(each.campaign_class.value, each.units) for each in fits.displaced] == [("standard", 800)]
    forced = busy.explain(booking(1200, "MX-JAL"))
    assert forced.missing == 200
    assert {each.campaign_class.value: each.units for each in forced.displaced} == {
        "guaranteed": 200,
        "standard": 1000,
    }


def test_tight_days_and_states_are_those_that_are_nearly_full() -> None:
    """The day and the state that are sold out are named with the share that is taken."""
    full = market(booking(2400, "MX-JAL", days=(1, 2), name="full"))
    found = full.explain(booking(3000, "MX-JAL", days=(0, 2)))
    assert found.missing == 600
    assert [(each.label, each.share) for each in found.days] == [("day 1", 1)]
    assert not found.states
    [state] = full.explain(booking(1, "MX-JAL", days=(1, 2))).states
    assert (state.label, state.share) == ("MX-JAL", 1)


def test_prospects_tell_who_will_end_short() -> None:
    """Expected shares at the end follow the shortage policy; below 98 % a booking is at risk."""
    oversold = market(
        booking(1800, "MX-JAL", name="first"),
        booking(1000, "MX-JAL", campaign_class=CampaignClass.STANDARD, name="second", settled=100),
    )
    first, second = oversold.prospects()
    assert (first.p50, first.at_risk) == (pytest.approx(1, abs=1e-3), False)
    assert (second.p50, second.at_risk) == (pytest.approx(0.7, abs=1e-2), True)
    assert first.p20 < first.p50 + 1e-9
    assert second.p20 < 0.2
