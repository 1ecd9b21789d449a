"""Caps, spacing and competitors, in a node's table and in the nodes' store: the same promises."""

import pytest

from engine.cap_rules import CapBook, CapPolicy
from engine.reasons import Reason
from tests.contract.cap_cases import DAY, HOUR, KEY, NOON, WHO, Asked, Worker, campaign, cap


def test_a_campaign_shows_one_subscriber_so_many_ads_a_day_and_no_more(worker: Worker) -> None:
    """The third ad of a day waits for the subscriber's midnight; another subscriber has her own count."""
    asked = Asked(worker(), campaign(1, caps=((2, "day", "campaign"),)))
    assert [asked.show(1) for _ in range(3)] == [None, None, Reason.FREQUENCY_CAP]
    assert asked.show(1, who=WHO + 1) is None
    before_midnight = NOON + 12 * HOUR - 60
    assert asked.show(1, before_midnight) is Reason.FREQUENCY_CAP
    assert asked.show(1, before_midnight + 60) is None


def test_the_day_ends_at_midnight_of_the_subscribers_zone(worker: Worker) -> None:
    """In Tijuana two hours later than in Mexico City."""
    asked = Asked(worker(), campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1, place=1) is None
    assert asked.show(1, NOON + 13 * HOUR, place=1) is Reason.FREQUENCY_CAP
    assert asked.show(1, NOON + 14 * HOUR, place=1) is None


@pytest.mark.parametrize(("per", "after"), [("hour", HOUR), ("day", 12 * HOUR), ("week", 6.5 * DAY)])
def test_windows_are_those_of_the_calendar(worker: Worker, per: str, after: float) -> None:
    """An hour ends with the hour, a day at midnight, a week with Sunday."""
    asked = Asked(worker(), campaign(1, caps=((1, per, "campaign"),)))
    assert asked.show(1) is None
    assert asked.show(1, NOON + after - 60) is Reason.FREQUENCY_CAP
    assert asked.show(1, NOON + after) is None


def test_a_flight_is_one_window(worker: Worker) -> None:
    """A cap per flight holds to the campaign's end."""
    asked = Asked(worker(), campaign(1, caps=((1, "flight", "campaign"),)))
    assert asked.show(1) is None
    assert asked.show(1, NOON + 3 * DAY - 60) is Reason.FREQUENCY_CAP


def test_scopes_count_the_campaign_its_brand_or_all(worker: Worker) -> None:
    """Another campaign of the brand counts for scope brand, any ad for scope global."""
    mine = campaign(1, caps=((1, "day", "brand"),), brand="sol")
    sister, stranger = campaign(2, brand="sol"), campaign(3, caps=((2, "day", "global"),))
    asked = Asked(worker(), mine, sister, stranger)
    assert asked.show(2) is None
    assert asked.show(1) is Reason.FREQUENCY_CAP
    assert asked.show(3) is None
    assert asked.show(3) is Reason.FREQUENCY_CAP
    assert asked.show(1, who=WHO + 1) is None


def test_the_carriers_cap_holds_for_every_campaign(worker: Worker) -> None:
    """`policy.frequency_caps` refuses before any campaign is asked."""
    policy = CapPolicy((cap(1, "day", "global"),))
    asked = Asked(worker(), campaign(1), campaign(2), policy=policy)
    assert asked.show(1) is None
    assert asked.show(2) is Reason.FREQUENCY_CAP


def test_spacing_keeps_a_campaign_away_from_any_ad(worker: Worker) -> None:
    """At least so many minutes, and whatever campaign the last ad was of."""
    asked = Asked(worker(), campaign(1, spacing_minutes=90), campaign(2))
    assert asked.show(2) is None
    assert asked.show(1, NOON + 90 * 60) is Reason.SPACING
    assert asked.show(1, NOON + 91 * 60) is None
    assert asked.show(2, NOON + 91 * 60) is None


def test_a_campaign_keeps_away_from_competitors(worker: Worker) -> None:
    """From brands and from categories, but its own brand's ads are none of a competitor."""
    mine = campaign(1, exclude_brands=("luna", "category:bank"), category="bank", brand="sol")
    luna, bank = campaign(2, brand="luna"), campaign(3, category="bank")
    sister = campaign(4, category="bank", brand="sol")
    asked = Asked(worker(), mine, luna, bank, sister, policy=CapPolicy(competitor_minutes=60))
    assert asked.show(4) is None
    assert asked.show(1) is None
    assert asked.show(2) is None
    assert asked.show(1) is Reason.COMPETITOR
    assert asked.show(1, NOON + 61 * 60) is None
    assert asked.show(3, NOON + 62 * 60) is None
    assert asked.show(1, NOON + 63 * 60) is Reason.COMPETITOR


def test_nothing_is_counted_for_campaigns_that_nobody_asks_about(worker: Worker) -> None:
    """Without caps anywhere there are no rules at all, and without limits of its own no limit is asked."""
    assert not CapBook([campaign(1), campaign(2)], CapPolicy()).rules
    asked = Asked(worker(), campaign(1, caps=((1, "day", "campaign"),)), campaign(2))
    assert set(asked.book.rules) == {1}


def test_a_refused_ad_gives_back_what_it_counted(worker: Worker) -> None:
    """With the next read, once, and only in the window that it was counted in."""
    asked = Asked(worker(), campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1) is None
    claim = asked.caps.claim
    assert claim is not None
    assert asked.show(1) is Reason.FREQUENCY_CAP
    claim.give_back()
    assert asked.show(1) is None
    claim.give_back()
    asked.store.tidy()
    assert asked.show(1, NOON + DAY) is None
    claim.give_back()
    assert asked.show(1, NOON + DAY) is Reason.FREQUENCY_CAP


def test_whom_another_worker_is_choosing_for_gets_no_ad_meanwhile(worker: Worker) -> None:
    """`cap_busy` without waiting, and with the next read it is over."""
    asked, other = Asked(worker(), campaign(1, caps=((1, "day", "campaign"),))), worker()
    other.prepare([KEY.of(WHO)])
    assert other.open(KEY.of(WHO))
    assert asked.show(1) is Reason.CAP_BUSY
    other.close()
    assert asked.show(1) is None


def test_counts_outlive_a_worker_and_are_shared(worker: Worker) -> None:
    """Two workers that map the file count as one."""
    rules = campaign(1, caps=((2, "day", "campaign"),))
    first, second = Asked(worker(), rules), Asked(worker(), rules)
    assert first.show(1) is None
    assert second.show(1) is None
    assert first.show(1) is second.show(1) is Reason.FREQUENCY_CAP
    assert Asked(worker(), rules).show(1) is Reason.FREQUENCY_CAP


def test_a_clock_that_jumps_back_gets_no_ad(worker: Worker) -> None:
    """What was over by the later clock may be forgotten: nothing capped is shown until it is later again."""
    asked = Asked(worker(), campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1, NOON + 600) is None
    assert asked.show(1, NOON, who=WHO + 1) is Reason.CAP_BUSY
    assert asked.store.trouble == "clock"
    assert asked.show(1, NOON + 600, who=WHO + 1) is None
