"""Clocks: the subscriber's local minute of the week, one per time zone."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTES_PER_DAY = 1440


@cache
def pinned_zone(name: str) -> tzinfo:
    """Return an IANA time zone from the pinned tzdata package. Raises `ZoneInfoNotFoundError`.

    `ZoneInfo(name)` would ask the operating system first, whose rules may predate October 2022,
    when Mexico gave up daylight saving time but for its northern border.
    """
    source = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    if not source.is_file():
        raise ZoneInfoNotFoundError(f"no time zone {name!r} in tzdata")
    with source.open("rb") as stream:
        return ZoneInfo.from_file(stream, key=name)


class LocalClock:
    """What the clocks on the wall show in a list of IANA time zones."""

    __slots__ = ("_local", "_minute", "_zones")

    def __init__(self, timezones: Sequence[str]) -> None:
        self._zones = [pinned_zone(name) for name in timezones]
        self._minute: int | None = None
        self._local: tuple[int, ...] = ()

    def at(self, utc: float) -> tuple[int, ...]:
        """Return the local minute of the week (0 = Monday 00:00) per time zone at a Unix time in seconds.

        `divmod(minute, MINUTES_PER_DAY)` gives the weekday (0 = Monday) and the minute of the day.
        The answer is kept until the next minute begins.
        """
        minute = int(utc // 60)
        if minute != self._minute:
            self._local = tuple(_minute_of_week(minute, zone) for zone in self._zones)
            self._minute = minute
        return self._local


def _minute_of_week(minute: int, zone: tzinfo) -> int:
    local = datetime.fromtimestamp(minute * 60, zone)
    return local.weekday() * MINUTES_PER_DAY + local.hour * 60 + local.minute


class LocalWindows:
    """When the hour, the day and the week end that run on the wall clocks of a list of IANA time zones."""

    __slots__ = ("_ends", "_until", "_zones")

    def __init__(self, timezones: Sequence[str]) -> None:
        self._zones = [pinned_zone(name) for name in timezones]
        self._until = (0, 0)
        self._ends: tuple[tuple[int, int, int], ...] = ()

    def at(self, minute: int) -> tuple[tuple[int, int, int], ...]:
        """Return by time zone when the windows end that hold a UTC minute (since 1970), in such minutes.

        Weeks end with Sunday. A day on which the clocks change has 23 or 25 hours.
        """
        first, last = self._until
        if not first <= minute < last:
            self._ends = tuple(_window_ends(minute, zone) for zone in self._zones)
            self._until = minute, min(hour for hour, _, _ in self._ends)
        return self._ends


def _window_ends(minute: int, zone: tzinfo) -> tuple[int, int, int]:
    local = datetime.fromtimestamp(minute * 60, zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0, tzinfo=None)
    day, week = (
        int((midnight + timedelta(days=days)).replace(tzinfo=zone).timestamp()) // 60
        for days in (1, 7 - local.weekday())
    )
    return minute - local.minute + 60, day, week
