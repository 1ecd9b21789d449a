"""Caps, spacing and competitors over the table: what is allowed, counted, given back and forgotten."""

import mmap
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.files.cap_file import CAP_FILE, CapFileError, make_cap_file, open_cap_file
from engine.cap_rules import CapBook, CapPolicy
from engine.cap_table import BUCKET_OCTETS, BUCKET_WORDS, HEAD_OCTETS, NEWEST_AT, CapTable
from engine.caps import CapRules, Caps
from engine.people import WideHash
from engine.reasons import Reason
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows

KEY = WideHash(bytes(range(32)))
ZONES = ("America/Mexico_City", "America/Tijuana")
NOON = datetime(2026, 11, 23, 18, tzinfo=UTC).timestamp()  # a Monday, 12:00 in Mexico City, 10:00 in Tijuana
HOUR = 3600.0
DAY = 24 * HOUR
WHO = 5501234567
CARRIER = CapPolicy()


def campaign(number: int, **fields: object) -> PlannedCampaign:
    """Return a campaign with some rules, of brand b<number> unless said otherwise."""
    known: dict[str, object] = {"brand": f"b{number}", "category": "retail"}
    return PlannedCampaign(number, NOON - DAY, NOON + 3 * DAY, (), (), **(known | fields))  # type: ignore[arg-type]


def cap(count: int, per: str, scope: str) -> FrequencyCap:
    """Return a cap."""
    return FrequencyCap(count, Per(per), Scope(scope))


class NoLock:
    """What one worker alone needs of a lock."""

    def acquire(self) -> bool:
        """Take it."""
        return True

    def release(self) -> None:
        """Let go."""


class Asked:
    """A worker's caps over a table in a folder."""

    def __init__(self, folder: Path, *campaigns: PlannedCampaign, policy: CapPolicy = CARRIER) -> None:
        make_cap_file(folder, 1, KEY)
        self.use(open_cap_file(folder, KEY))
        self.book = CapBook(campaigns, policy)
        self.caps.limits = self.book.limits

    def use(self, table: CapTable) -> None:
        """Count in this table."""
        self.table = table
        self.caps = Caps(self.table, KEY, LocalWindows(ZONES), (0, 1))

    def show(self, number: int, now: float = NOON, who: int = WHO, place: int = 0) -> Reason | None:
        """Show an ad if that is allowed; return why not."""
        self.caps.at(now)
        rules = self.book.rules.get(number, CapRules((), ()))
        try:
            return (
                self.caps.admit(who, place)
                or self.caps.refuses(rules.limits)
                or self.caps.take(rules.counters)
            )
        finally:
            self.table.close()


def test_a_campaign_shows_one_subscriber_so_many_ads_a_day_and_no_more(tmp_path: Path) -> None:
    """The third ad of a day waits for the subscriber's midnight; another subscriber has her own count."""
    asked = Asked(tmp_path, campaign(1, caps=((2, "day", "campaign"),)))
    assert [asked.show(1) for _ in range(3)] == [None, None, Reason.FREQUENCY_CAP]
    assert asked.show(1, who=WHO + 1) is None
    before_midnight = NOON + 12 * HOUR - 60
    assert asked.show(1, before_midnight) is Reason.FREQUENCY_CAP
    assert asked.show(1, before_midnight + 60) is None


def test_the_day_ends_at_midnight_of_the_subscribers_zone(tmp_path: Path) -> None:
    """In Tijuana two hours later than in Mexico City."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1, place=1) is None
    assert asked.show(1, NOON + 13 * HOUR, place=1) is Reason.FREQUENCY_CAP
    assert asked.show(1, NOON + 14 * HOUR, place=1) is None


@pytest.mark.parametrize(("per", "after"), [("hour", HOUR), ("day", 12 * HOUR), ("week", 6.5 * DAY)])
def test_windows_are_those_of_the_calendar(tmp_path: Path, per: str, after: float) -> None:
    """An hour ends with the hour, a day at midnight, a week with Sunday."""
    asked = Asked(tmp_path, campaign(1, caps=((1, per, "campaign"),)))
    assert asked.show(1) is None
    assert asked.show(1, NOON + after - 60) is Reason.FREQUENCY_CAP
    assert asked.show(1, NOON + after) is None


def test_a_flight_is_one_window(tmp_path: Path) -> None:
    """A cap per flight holds to the campaign's end."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "flight", "campaign"),)))
    assert asked.show(1) is None
    assert asked.show(1, NOON + 3 * DAY - 60) is Reason.FREQUENCY_CAP


def test_scopes_count_the_campaign_its_brand_or_all(tmp_path: Path) -> None:
    """Another campaign of the brand counts for scope brand, any ad for scope global."""
    mine = campaign(1, caps=((1, "day", "brand"),), brand="sol")
    sister, stranger = campaign(2, brand="sol"), campaign(3, caps=((2, "day", "global"),))
    asked = Asked(tmp_path, mine, sister, stranger)
    assert asked.show(2) is None
    assert asked.show(1) is Reason.FREQUENCY_CAP
    assert asked.show(3) is None
    assert asked.show(3) is Reason.FREQUENCY_CAP
    assert asked.show(1, who=WHO + 1) is None


def test_the_carriers_cap_holds_for_every_campaign(tmp_path: Path) -> None:
    """`policy.frequency_caps` refuses before any campaign is asked."""
    policy = CapPolicy((cap(1, "day", "global"),))
    asked = Asked(tmp_path, campaign(1), campaign(2), policy=policy)
    assert asked.show(1) is None
    assert asked.caps.admit(WHO, 0) is Reason.FREQUENCY_CAP
    assert asked.show(2) is Reason.FREQUENCY_CAP


def test_spacing_keeps_a_campaign_away_from_any_ad(tmp_path: Path) -> None:
    """At least so many minutes, and whatever campaign the last ad was of."""
    asked = Asked(tmp_path, campaign(1, spacing_minutes=90), campaign(2))
    assert asked.show(2) is None
    assert asked.show(1, NOON + 90 * 60) is Reason.SPACING
    assert asked.show(1, NOON + 91 * 60) is None
    assert asked.show(2, NOON + 91 * 60) is None


def test_a_campaign_keeps_away_from_competitors(tmp_path: Path) -> None:
    """From brands and from categories, but its own brand's ads are none of a competitor."""
    mine = campaign(1, exclude_brands=("luna", "category:bank"), category="bank", brand="sol")
    luna, bank = campaign(2, brand="luna"), campaign(3, category="bank")
    sister = campaign(4, category="bank", brand="sol")
    asked = Asked(tmp_path, mine, luna, bank, sister, policy=CapPolicy(competitor_minutes=60))
    assert asked.show(4) is None
    assert asked.show(1) is None
    assert asked.show(2) is None
    assert asked.show(1) is Reason.COMPETITOR
    assert asked.show(1, NOON + 61 * 60) is None
    assert asked.show(3, NOON + 62 * 60) is None
    assert asked.show(1, NOON + 63 * 60) is Reason.COMPETITOR


def test_nothing_is_counted_for_campaigns_that_nobody_asks_about(tmp_path: Path) -> None:
    """Without caps anywhere there are no rules at all, and without limits of its own no limit is asked."""
    assert not CapBook([campaign(1), campaign(2)], CapPolicy()).rules
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)), campaign(2))
    assert set(asked.book.rules) == {1}


def test_a_refused_ad_gives_back_what_it_counted(tmp_path: Path) -> None:
    """With the next read, once, and only in the window that it was counted in."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1) is None
    claim = asked.caps.claim
    assert claim is not None
    assert asked.show(1) is Reason.FREQUENCY_CAP
    claim.give_back()
    assert asked.show(1) is None
    claim.give_back()
    asked.table.tidy()
    assert asked.show(1, NOON + DAY) is None
    claim.give_back()
    assert asked.show(1, NOON + DAY) is Reason.FREQUENCY_CAP


def test_a_busy_table_is_asked_three_times_a_read_and_then_no_ad(tmp_path: Path) -> None:
    """Another worker holds the lock: `cap_busy`, and the next read begins anew."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    other = open_cap_file(tmp_path, KEY)
    assert other.open(1)
    assert asked.show(1) is Reason.CAP_BUSY
    other.close()
    assert asked.show(1) is None


def test_counts_outlive_a_worker_and_are_shared(tmp_path: Path) -> None:
    """Two workers that map the file count as one."""
    rules = campaign(1, caps=((2, "day", "campaign"),))
    first, second = Asked(tmp_path, rules), Asked(tmp_path, rules)
    assert first.show(1) is None
    assert second.show(1) is None
    assert first.show(1) is second.show(1) is Reason.FREQUENCY_CAP
    assert Asked(tmp_path, rules).show(1) is Reason.FREQUENCY_CAP


def test_a_clock_that_jumps_back_gets_no_ad(tmp_path: Path) -> None:
    """What was over by the later clock may be forgotten: nothing capped is shown until it is later again."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    assert asked.show(1, NOON + 60) is None
    assert asked.show(1, NOON, who=WHO + 1) is Reason.CAP_BUSY
    assert asked.table.trouble == "clock"
    assert asked.show(1, NOON + 60, who=WHO + 1) is None


def test_a_full_table_gives_no_ad_and_makes_room_when_windows_end(tmp_path: Path) -> None:
    """`cap_full` with an alarm; the words of yesterday are room for today's."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    buckets = 64
    octets = mmap.mmap(-1, HEAD_OCTETS + buckets * BUCKET_OCTETS)
    asked.use(CapTable(octets, memoryview(octets).cast("q"), buckets, NoLock()))
    reasons = {}
    who = WHO
    while Reason.CAP_FULL not in reasons:
        who += 1
        reasons[asked.show(1, who=who)] = who
    assert asked.table.trouble == "full"
    assert set(reasons) == {None, Reason.CAP_FULL}
    assert who - WHO > 0.7 * buckets * (BUCKET_WORDS - 1)
    assert asked.show(1, NOON + DAY, who=who) is None


def test_a_table_of_another_key_is_none(tmp_path: Path) -> None:
    """Control begins it anew and says so; a worker with the wrong key uses none."""
    assert make_cap_file(tmp_path, 1, KEY) is False
    assert make_cap_file(tmp_path, 2, KEY) is False
    assert (tmp_path / CAP_FILE).stat().st_size <= 1 << 20
    other = WideHash(b"another key of thirty-two octets")
    with pytest.raises(CapFileError, match="no table of this key"):
        open_cap_file(tmp_path, other)
    assert make_cap_file(tmp_path, 1, other) is True
    assert isinstance(open_cap_file(tmp_path, other), CapTable)
    with pytest.raises(CapFileError):
        open_cap_file(tmp_path / "nowhere", KEY)


def test_the_table_holds_no_number(tmp_path: Path) -> None:
    """Only hashes under a key: the ten digits are nowhere in the file, in any form of them."""
    asked = Asked(tmp_path, campaign(1, caps=((1, "day", "campaign"),)))
    asked.show(1)
    octets = (tmp_path / CAP_FILE).read_bytes()
    for form in (str(WHO).encode(), WHO.to_bytes(5, "little"), WHO.to_bytes(5, "big")):
        assert form not in octets
    assert octets[NEWEST_AT * 8 : NEWEST_AT * 8 + 8] != bytes(8)
