"""What caps leave of a supply: the share in closed form, and how planner and market use it."""

from dataclasses import replace
from math import isclose

import pytest

from inventory.campaign import CampaignClass
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.thinning import NOTIFICATIONS_A_DAY, CappedSupply, usable_share
from tests.unit.inventory.bookings import campaign, serving
from tests.unit.inventory.markets import booking, market

DAY_S = 86_400.0


def cap(count: int, per: str) -> FrequencyCap:
    """Return a cap of the campaign's own ads."""
    return FrequencyCap(count, Per(per), Scope.CAMPAIGN)


def test_without_rules_everything_can_be_used() -> None:
    """No cap and no spacing take nothing."""
    assert usable_share((), None, 30 * DAY_S) == 1.0


@pytest.mark.parametrize("count", [1, 2, 5])
def test_the_share_is_what_the_first_ads_of_each_subscriber_are(count: int) -> None:
    """Of a geometric number of notifications with the declared mean, those up to the cap."""
    again = 1 - 1 / NOTIFICATIONS_A_DAY
    usable = sum(min(k, count) * again ** (k - 1) * (1 - again) for k in range(1, 400))
    assert isclose(usable_share([cap(count, "day")], None, 7 * DAY_S), usable / NOTIFICATIONS_A_DAY)


def test_longer_windows_and_lower_caps_leave_less() -> None:
    """An hour leaves more than a day, a day than a week, a week than a flight of a month."""
    shares = [usable_share([cap(1, per)], None, 30 * DAY_S) for per in ("hour", "day", "week", "flight")]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == len(shares)
    assert usable_share([cap(2, "day")], None, DAY_S) > usable_share([cap(1, "day")], None, DAY_S)


def test_the_tightest_rule_counts() -> None:
    """Spacing is one ad in so many minutes; of several rules the one that leaves least."""
    day = usable_share([cap(1, "day")], None, 7 * DAY_S)
    assert usable_share([cap(1, "day"), cap(3, "day")], 60, 7 * DAY_S) == day
    assert isclose(usable_share((), 1440, 7 * DAY_S), day)


@pytest.mark.parametrize("each", [CampaignClass.GUARANTEED, CampaignClass.STANDARD])
def test_availability_offers_no_more_than_can_be_used(each: CampaignClass) -> None:
    """A booking with a cap is offered that share of what it reaches, and promised no more."""
    free, capped = booking(1, campaign_class=each), replace(booking(1, campaign_class=each), usable=0.5)
    nobody = market()
    whole, half = nobody.ask(free), nobody.ask(capped)
    assert half.available == pytest.approx(whole.available / 2, abs=1)
    assert nobody.fits(replace(capped, quantity=half.available))
    assert not nobody.fits(replace(capped, quantity=half.available + 2))
    assert nobody.promises(replace(capped, quantity=half.available + 2), ()) is False
    assert nobody.fits(replace(free, quantity=half.available + 2))


def test_the_planner_is_told_by_campaign() -> None:
    """Its own rules and the carrier's, whichever leave less; nothing is lost where there are none."""
    free = serving(campaign(1))
    capped = replace(free, campaign=replace(free.campaign, frequency_caps=(cap(1, "day"),)))
    lost = CappedSupply().lost([free, capped])
    assert lost.tolist() == pytest.approx([0.0, 1 - usable_share([cap(1, "day")], None, 7 * DAY_S)])
    assert (CappedSupply((cap(1, "week"),)).lost([free, capped]) > lost).all()
