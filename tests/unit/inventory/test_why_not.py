"""Why not: what became of a campaign's traffic adds up, and nothing is claimed that it could not use."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inventory.campaign import CampaignClass, HoursWindow
from inventory.why_not import Traffic, losses, open_shares

HOUR = 3600.0
FIRST = 493_368  # 2026-04-14T00 UTC, a Tuesday
ALWAYS = (0.0, FIRST * HOUR * 2)


def traffic(supply: int, fitting: int, inserted: int, others: tuple[int, int, int]) -> Traffic:
    """Return one hour at one place."""
    return Traffic(
        np.array([[float(supply)]]),
        np.array([[float(fitting)]]),
        np.array([[float(inserted)]]),
        np.array([[[float(each)]] for each in others]),
    )


def test_traffic_is_split_by_what_stood_in_the_way() -> None:
    """Half the hour closed, a quarter of the rest too narrow, some its own, some others', the rest bare."""
    [hour] = losses(traffic(400, 300, 40, (30, 20, 0)), np.array([[0.5]]), FIRST)
    assert (hour.supply, hour.outside, hour.no_room, hour.inserted, hour.bare) == (400, 200, 50, 40, 60)
    assert hour.others == {
        CampaignClass.GUARANTEED: 30,
        CampaignClass.STANDARD: 20,
        CampaignClass.HOUSE: 0,
    }


def test_what_a_blackout_cost_is_told_apart() -> None:
    """Of the open half of an hour a third was blacked out; room and the rest are looked at beside it."""
    [hour] = losses(traffic(600, 300, 40, (0, 0, 0)), np.array([[0.5]]), FIRST, np.array([[1 / 3]]))
    assert (hour.outside, hour.blackout, hour.no_room, hour.inserted, hour.bare) == (300, 100, 100, 40, 60)
    gap = [((FIRST + 0.5) * HOUR, (FIRST + 2) * HOUR)]
    [share] = open_shares(("UTC",), (), None, ALWAYS, FIRST, (FIRST + 1) * HOUR, gap)
    assert share.tolist() == [0.5]


def test_others_took_no_more_than_it_could_have_used() -> None:
    """What others inserted where it had no room is no loss of its own."""
    [hour] = losses(traffic(100, 30, 10, (60, 20, 0)), np.array([[1.0]]), FIRST)
    assert (hour.no_room, hour.bare) == (70, 0)
    assert hour.others[CampaignClass.GUARANTEED] == 15
    assert hour.others[CampaignClass.STANDARD] == 5


COUNT = st.integers(0, 1000)


@given(COUNT, COUNT, COUNT, st.tuples(COUNT, COUNT, COUNT), st.floats(0, 1), st.floats(0, 1))
def test_the_parts_add_up_whatever_was_counted(
    supply: int, fitting: int, inserted: int, others: tuple[int, int, int], share: float, lit: float
) -> None:
    """Also where an insertion was settled before its notification was: nothing is negative."""
    [hour] = losses(
        traffic(supply, fitting, inserted, others), np.array([[share]]), FIRST, np.array([[lit * share]])
    )
    parts = [hour.outside, hour.blackout, hour.no_room, hour.inserted, hour.bare, *hour.others.values()]
    assert min(parts) >= 0
    assert sum(parts) == hour.supply == max(supply, inserted)


def test_an_hour_is_open_for_the_share_that_hours_quiet_and_flight_leave() -> None:
    """On each zone's clock; of the running hour what is over counts as the whole."""
    window = (HoursWindow(frozenset(range(7)), 9 * 60 + 30, 20 * 60),)
    until = (FIRST + 20.5) * HOUR
    shares = open_shares(("UTC", "America/Mexico_City"), window, (19 * 60, 8 * 60), ALWAYS, FIRST, until)
    assert shares.shape == (2, 21)
    assert shares[0, [8, 9, 10, 18, 19, 20]].tolist() == [0, 0.5, 1, 1, 0, 0]
    assert shares[1, [14, 15, 16, 20]].tolist() == [0, 0.5, 1, 1]
    flight = ((FIRST + 10.25) * HOUR, (FIRST + 12) * HOUR)
    [share] = open_shares(("UTC",), (), None, flight, FIRST, until)
    assert share[[9, 10, 11, 12]].tolist() == [0, 0.75, 1, 0]
