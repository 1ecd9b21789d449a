"""The calendar: local days, hours of the week and Mexican holidays, for runs of UTC hours."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo

import holidays
import numpy as np
from numpy.typing import NDArray

Hours = NDArray[np.int64]

HOURS_PER_DAY = 24
HOURS_PER_WEEK = 168
SUNDAY = 6
_HOUR_S = 3600
# 1970-01-01, the day of hour 0, was a Thursday.
_FIRST_WEEKDAY = 3


def local_hours(first_hour: int, hours: int, zone: tzinfo) -> Hours:
    """Return the hours since 1970-01-01T00 that a zone's clocks show at the start of each UTC hour.

    Asked of the zone once a day; hour by hour on the days when its clocks are changed.
    """
    utc = np.arange(first_hour, first_hour + hours, dtype=np.int64)
    days = np.arange(first_hour // HOURS_PER_DAY, (first_hour + hours) // HOURS_PER_DAY + 2)
    offsets = np.array([_offset(int(day) * HOURS_PER_DAY, zone) for day in days])
    day = utc // HOURS_PER_DAY - first_hour // HOURS_PER_DAY
    shift = offsets[day]
    for row in np.flatnonzero(offsets[day] != offsets[day + 1]):
        shift[row] = _offset(int(utc[row]), zone)
    return np.asarray(utc + shift, dtype=np.int64)


def _offset(hour: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(hour * _HOUR_S, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / _HOUR_S)


def hour_of_week(local: Hours) -> Hours:
    """Return 0 (Monday 00:00) to 167 for local hours."""
    return (local // HOURS_PER_DAY + _FIRST_WEEKDAY) % 7 * HOURS_PER_DAY + local % HOURS_PER_DAY


def span(days: Hours) -> tuple[int, int]:
    """Return the first of some days and the one after the last; (0, 0) of none."""
    return (int(days.min()), int(days.max()) + 1) if days.size else (0, 0)


class Holidays:
    """Mexico's statutory holidays (Ley Federal del Trabajo, art. 74, by the library `holidays`)."""

    def __init__(self) -> None:
        self._names: dict[int, Mapping[date, str]] = {}

    def on(self, days: Sequence[int]) -> Sequence[str]:
        """Return the name of the holiday, or "", for days counted from 1970-01-01."""
        return [self._name(date.fromordinal(_EPOCH + day)) for day in days]

    def _name(self, day: date) -> str:
        if day.year not in self._names:
            self._names[day.year] = dict(holidays.country_holidays("MX", years=day.year, language="en_US"))
        return self._names[day.year].get(day, "")


_EPOCH = date(1970, 1, 1).toordinal()
