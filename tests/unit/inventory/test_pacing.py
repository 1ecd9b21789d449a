"""How much should be spent by now."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.campaign import Campaign, CampaignClass, HoursWindow, Pacing
from inventory.pacing import NATIONAL_CURVE, Pace, Quiet, is_within, lag
from segments.clock import pinned_zone
from tests.unit.inventory.bookings import ALL_WEEK, NOON, campaign

MEXICO = pinned_zone("America/Mexico_City")
TIJUANA = pinned_zone("America/Tijuana")
QUIET: Quiet = (1260, 540)


def pace(booked: Campaign, quiet: Quiet = None) -> Pace:
    """Return a pace on Mexico City's clock."""
    return Pace(booked, MEXICO, quiet)


def local(day: int, hour: int, minute: int = 0) -> float:
    """Return a UTC second from Mexico City's clock in November 2026."""
    return datetime(2026, 11, day, hour, minute, tzinfo=MEXICO).timestamp()


def between(curve: Pace, start: float, end: float) -> float:
    """Return the share of the flight that lies between two instants."""
    return curve.elapsed(end) - curve.elapsed(start)


def test_the_curve_is_a_days() -> None:
    """The stand-in curve has 24 hours that sum to one."""
    assert len(NATIONAL_CURVE) == 24
    assert sum(NATIONAL_CURVE) == pytest.approx(1)


def test_the_curve_runs_from_0_to_1() -> None:
    """Nothing before the start, everything from the end on."""
    booked = campaign()
    curve = pace(booked)
    start, end = booked.starts_at.timestamp(), booked.ends_at.timestamp()
    assert [curve.elapsed(at) for at in (start - 1e6, start - 1, start)] == [0, 0, 0]
    assert [curve.elapsed(at) for at in (end, end + 1, end + 1e6)] == [1, 1, 1]
    assert 0 < curve.elapsed(start + 1) < 1e-4
    assert 1 - 1e-4 < curve.elapsed(end - 1) < 1


def test_a_whole_day_follows_the_national_curve() -> None:
    """Each hour has its share of the day's calls."""
    curve = pace(
        campaign(starts_at=datetime(2026, 11, 24, 6, tzinfo=UTC), ends_at=NOON + timedelta(hours=12))
    )
    shares = [between(curve, local(24, hour), local(24, hour) + 3600) for hour in range(24)]
    assert shares == pytest.approx(NATIONAL_CURVE, abs=1e-9)


def test_quiet_hours_stand_still() -> None:
    """From 21:00 to 09:00 nothing falls due."""
    curve = pace(campaign(), QUIET)
    assert between(curve, local(24, 21), local(25, 9)) == 0
    assert between(curve, local(24, 20, 45), local(24, 21)) > 0
    assert between(curve, local(25, 9), local(25, 9, 15)) > 0


def test_campaign_hours_stand_still_outside() -> None:
    """A campaign of two mornings has spent half by 11:00 of the first."""
    curve = pace(campaign(hours=(HoursWindow(ALL_WEEK, 540, 660),)))
    assert between(curve, local(23, 12), local(24, 9)) == 0
    assert between(curve, local(24, 9), local(25, 9)) == pytest.approx(0.5)


def test_hours_of_some_days() -> None:
    """A window wraps midnight into the day after, and other days stand still."""
    tuesdays = HoursWindow(frozenset({1}), 1320, 120)  # Tuesday 22:00 to Wednesday 02:00
    curve = pace(campaign(hours=(tuesdays,)))
    assert between(curve, local(24, 22), local(25, 2)) == pytest.approx(1)
    assert between(curve, local(23, 22), local(24, 22)) == 0


def test_hours_that_rule_out_everything_fall_back_to_plain_time() -> None:
    """A flight inside quiet hours is paced by the clock, so that it can be spent at all."""
    start = datetime(2026, 11, 24, 23, tzinfo=MEXICO)
    curve = pace(campaign(starts_at=start, ends_at=start + timedelta(hours=2)), QUIET)
    assert curve.elapsed(start.timestamp() + 1800) == pytest.approx(0.25)


def test_a_flight_of_a_minute() -> None:
    """The shortest flights run evenly."""
    curve = pace(campaign(starts_at=NOON, ends_at=NOON + timedelta(minutes=1)))
    assert [curve.elapsed(NOON.timestamp() + second) for second in (0, 15, 30, 60)] == pytest.approx(
        [0, 0.25, 0.5, 1]
    )


def test_a_flight_of_a_year() -> None:
    """Each day of a year has its 365th part, by the end of the day."""
    start = datetime(2026, 1, 1, tzinfo=MEXICO)
    curve = pace(campaign(starts_at=start, ends_at=start + timedelta(days=365)), QUIET)
    for day in range(366):
        assert curve.elapsed(start.timestamp() + 86_400 * day) == pytest.approx(day / 365, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "hours"),
    [
        pytest.param(datetime(2026, 3, 8, tzinfo=TIJUANA), 23, id="spring forward"),
        pytest.param(datetime(2026, 11, 1, tzinfo=TIJUANA), 25, id="fall back"),
        pytest.param(datetime(2026, 11, 2, tzinfo=TIJUANA), 24, id="a plain day"),
    ],
)
def test_the_northern_border_changes_its_clock(start: datetime, hours: int) -> None:
    """On the border's clock the morning begins at 9 also on a day of 23 or 25 hours."""
    end = start.timestamp() + 3600 * hours
    nine = end - 3600 * 15
    booked = campaign(starts_at=start, ends_at=datetime.fromtimestamp(end, UTC))
    curve = Pace(booked, TIJUANA, QUIET)
    assert curve.elapsed(nine) == 0
    assert curve.elapsed(nine + 900) > 0
    assert curve.elapsed(end - 3600 * 3) == pytest.approx(1)


def test_even_lags_by_its_curve() -> None:
    """Half-way through, half the quantity is due."""
    booked = campaign(starts_at=NOON, ends_at=NOON + timedelta(minutes=1))
    half = NOON.timestamp() + 30
    assert lag(booked, 0, pace(booked), half) == pytest.approx(500)
    assert lag(booked, 600, pace(booked), half) == pytest.approx(-100)


def test_asap_lags_by_all_that_is_left() -> None:
    """As early as traffic allows: from the start on, the rest is due."""
    booked = campaign(starts_at=NOON, pacing=Pacing.ASAP)
    curve = pace(booked)
    assert lag(booked, 300, curve, NOON.timestamp()) == 700
    assert lag(booked, 1000, curve, NOON.timestamp()) == 0


def test_house_always_lags_a_little() -> None:
    """Without a quantity there is always one more."""
    booked = campaign(starts_at=NOON, quantity=None, campaign_class=CampaignClass.HOUSE)
    assert lag(booked, 10**6, pace(booked), NOON.timestamp()) == 1


@pytest.mark.parametrize(
    ("pacing", "quantity"), [(Pacing.EVEN, 1000), (Pacing.ASAP, 1000), (Pacing.EVEN, None)]
)
def test_nothing_lags_before_its_start(pacing: Pacing, quantity: int | None) -> None:
    """What is shipped ahead takes nobody's place before it opens."""
    booked = campaign(starts_at=NOON, pacing=pacing, quantity=quantity)
    assert lag(booked, 0, pace(booked), NOON.timestamp() - 0.001) == 0


@pytest.mark.parametrize(
    ("start", "end", "inside", "outside"),
    [(540, 600, (540, 599), (539, 600)), (1260, 540, (1260, 1439, 0, 539), (540, 1259))],
)
def test_windows_are_half_open(
    start: int, end: int, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    """A window of the day holds its first minute and not its last."""
    assert all(is_within(minute, start, end) for minute in inside)
    assert not any(is_within(minute, start, end) for minute in outside)
