"""Clocks: the subscriber's local minute of the week, one per time zone."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
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
