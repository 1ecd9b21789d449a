"""Local clocks: what the subscriber's clock shows at an instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest

from adapters.files.reference_data import load_numbering
from segments.clock import MINUTES_PER_DAY, LocalClock, pinned_zone

TUESDAY, WEDNESDAY = 1, 2


def shows(timezone: str, instant: str) -> tuple[int, str]:
    """Return the weekday and the time HH:MM that a zone's clock shows at an ISO instant in UTC."""
    (minute_of_week,) = LocalClock([timezone]).at(datetime.fromisoformat(instant + "+00:00").timestamp())
    weekday, minute = divmod(minute_of_week, MINUTES_PER_DAY)
    return weekday, f"{minute // 60:02}:{minute % 60:02}"


@pytest.mark.parametrize(
    ("timezone", "winter", "summer"),
    [
        ("America/Mexico_City", "22:30", "22:30"),
        ("America/Monterrey", "22:30", "22:30"),
        ("America/Merida", "22:30", "22:30"),
        ("America/Bahia_Banderas", "22:30", "22:30"),
        ("America/Chihuahua", "22:30", "22:30"),
        ("America/Cancun", "23:30", "23:30"),
        ("America/Hermosillo", "21:30", "21:30"),
        ("America/Mazatlan", "21:30", "21:30"),
        ("America/Tijuana", "20:30", "21:30"),
        ("America/Ciudad_Juarez", "21:30", "22:30"),
        ("America/Ojinaga", "22:30", "23:30"),
        ("America/Matamoros", "22:30", "23:30"),
    ],
)
def test_only_the_northern_border_keeps_summer_time(timezone: str, winter: str, summer: str) -> None:
    """Since October 2022 clocks stay put in Mexico but for the border, which follows the United States."""
    assert shows(timezone, "2027-01-13T04:30") == (TUESDAY, winter)
    assert shows(timezone, "2027-07-14T04:30") == (TUESDAY, summer)


def test_the_week_begins_on_monday_at_midnight() -> None:
    """Minute 0 is Monday 00:00 on the subscriber's clock."""
    assert shows("America/Mexico_City", "2026-11-23T06:00") == (0, "00:00")
    assert shows("America/Mexico_City", "2026-11-23T05:59") == (6, "23:59")
    assert shows("America/Mexico_City", "2026-11-25T12:34") == (WEDNESDAY, "06:34")


def test_the_clock_moves_on_the_minute_and_over_a_change_of_hour() -> None:
    """Seconds are cut off; on 14 March 2027 Tijuana's clock goes from 01:59 to 03:00."""
    clock = LocalClock(["America/Tijuana", "America/Cancun"])
    change = datetime(2027, 3, 14, 10, tzinfo=UTC)
    before = clock.at((change - timedelta(seconds=0.5)).timestamp())
    assert clock.at((change - timedelta(seconds=59)).timestamp()) is before
    after = clock.at(change.timestamp())
    assert [minute % MINUTES_PER_DAY for minute in before] == [119, 299]
    assert [minute % MINUTES_PER_DAY for minute in after] == [180, 300]
    assert clock.at((change - timedelta(seconds=0.5)).timestamp()) == before


def test_every_time_zone_of_the_data_has_a_clock() -> None:
    """The pinned tzdata knows each zone that a place may lie in; none is more than 8 h from UTC."""
    numbering = load_numbering()
    assert len(LocalClock(numbering.timezones).at(0.0)) == len(numbering.timezones)
    for name in numbering.timezones:
        offset = pinned_zone(name).utcoffset(datetime(2027, 1, 1, tzinfo=UTC).replace(tzinfo=None))
        assert offset is not None
        assert timedelta(hours=-8) <= offset <= timedelta(hours=-5)


@pytest.mark.parametrize("name", ["America/Nowhere", "America", ""])
def test_an_unknown_time_zone_is_refused(name: str) -> None:
    """A name that tzdata lacks, or a mere folder of it, is an error."""
    with pytest.raises(ZoneInfoNotFoundError):
        pinned_zone(name)
