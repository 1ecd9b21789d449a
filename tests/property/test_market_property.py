"""What a kept market promises beside bookings of now is what a market of them would promise too."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from inventory.booking import Booking
from inventory.campaign import CampaignClass, HoursWindow
from tests.examples import tried
from tests.unit.inventory.markets import booking, market

ALL_WEEK = frozenset(range(7))


@st.composite
def bookings(draw: st.DrawFn, name: str) -> Booking:
    """Return a booking of some states, days, hours, room and class."""
    start = draw(st.integers(0, 20))
    return booking(
        draw(st.integers(1, 4000)),
        *draw(st.sets(st.sampled_from(("MX-JAL", "MX-CMX")))),
        hours=draw(st.sampled_from(((), (HoursWindow(ALL_WEEK, start * 60, start * 60 + 200),)))),
        campaign_class=draw(st.sampled_from(CampaignClass)),
        days=draw(st.sampled_from(((0, 1), (0, 2), (0.5, 1.25)))),
        size=draw(st.sampled_from((30, 75))),
        name=name,
        settled=draw(st.integers(0, 20)),
    )


@given(st.data(), st.sampled_from(("p20", "p50")))
@tried(25)
def test_a_kept_market_promises_nothing_that_a_new_one_would_not(data: st.DataObject, sell_on: str) -> None:
    """Whatever was booked, changed or given up since; and the same where nothing was."""
    before = [data.draw(bookings(f"kept {each}")) for each in range(data.draw(st.integers(0, 4)))]
    gone = data.draw(st.integers(0, len(before)))
    new = [data.draw(bookings(f"new {each}")) for each in range(data.draw(st.integers(0, 2)))]
    changed = [replace(each, quantity=each.quantity * 2) for each in before[: data.draw(st.integers(0, 1))]]
    now = [*changed, *before[len(changed) : gone], *new]
    wish = replace(data.draw(bookings("wish")), settled=0)
    kept = market(*before, sell_on=sell_on)
    known = kept.promises(wish, now)
    if known is not None:
        assert known == market(*now, sell_on=sell_on).fits(wish)
    assert kept.promises(wish, before) == kept.fits(wish)
