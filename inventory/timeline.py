"""Time cut into slots in which no campaign opens or closes in any time zone."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from inventory.campaign import HoursWindow
from inventory.pacing import Quiet
from inventory.supply import HOUR_S
from segments.clock import MINUTES_PER_DAY, pinned_zone

_WEEK = 7 * MINUTES_PER_DAY
_MINUTE_S = 60
# 1970-01-01 was a Thursday.
_EPOCH_MINUTE = 3 * MINUTES_PER_DAY

Schedule = tuple[HoursWindow, ...]
Instants = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Timeline:
    """The slots from `first` to `last` (UTC seconds), for the local clocks of `timezones`.

    `bounds` holds slots + 1 instants: the whole hours, `cuts` (starts and ends of flights), and
    every instant at which one of the schedules or quiet hours (minutes of the day) begins or ends
    on the clock of one of the zones. So a slot lies in one hour, and is wholly in or out of a schedule.
    """

    __slots__ = ("_minutes", "_quiet", "bounds")

    def __init__(
        self,
        first: float,
        last: float,
        timezones: Sequence[str],
        schedules: Iterable[Schedule],
        quiet: Quiet,
        cuts: Iterable[float] = (),
    ) -> None:
        if not first < last:
            raise ValueError(f"a timeline from {first} to {last} holds no time")
        hours = np.arange(first // HOUR_S * HOUR_S, last + HOUR_S, HOUR_S)
        offsets = np.array([_offsets(name, hours) for name in timezones])
        turns = {minute for schedule in schedules for each in schedule for minute in (each.start, each.end)}
        turns |= set(quiet or ())
        instants = [hours, np.fromiter(cuts, float), *_turns(first, last, sorted(turns), offsets)]
        every = np.unique(np.concatenate(instants))
        self.bounds: Instants = np.concatenate(([first], every[(every > first) & (every < last)], [last]))
        middle = (self.bounds[:-1] + self.bounds[1:]) / 2
        offset = offsets[:, (middle // HOUR_S - hours[0] // HOUR_S).astype(np.intp)]
        local = (middle + offset) // _MINUTE_S + _EPOCH_MINUTE
        self._minutes = (local % _WEEK).astype(np.intp)
        self._quiet = quiet

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def at(self, now: float) -> int:
        """Return the slot of an instant; the first or the last one for an instant outside."""
        slot = int(np.searchsorted(self.bounds, now, side="right")) - 1
        return min(max(slot, 0), len(self) - 1)

    def allowed(self, schedule: Schedule) -> Mask:
        """Return which slots lie in a schedule and outside quiet hours: shape (zones, slots)."""
        week = np.full(_WEEK, fill_value=not schedule)
        for window in schedule:
            for day in window.days:
                start = day * MINUTES_PER_DAY
                _paint(week, start + window.start, start + window.end, window.start, window.end, value=True)
        if self._quiet is not None:
            for start in range(0, _WEEK, MINUTES_PER_DAY):
                _paint(week, start + self._quiet[0], start + self._quiet[1], *self._quiet, value=False)
        allowed: Mask = week[self._minutes]
        return allowed

    def within(self, opens: float, closes: float) -> Mask:
        """Return which slots lie in a flight, half open."""
        return (self.bounds[:-1] >= opens) & (self.bounds[1:] <= closes)


def _paint(week: Mask, at: int, until: int, start: int, end: int, *, value: bool) -> None:
    """Set the minutes of a daily window that may wrap midnight, and the end of the week."""
    if start > end:
        until += MINUTES_PER_DAY
    week[at : min(until, _WEEK)] = value
    if until > _WEEK:
        week[: until - _WEEK] = value


def _offsets(name: str, hours: Instants) -> list[float]:
    """Return a zone's offset from UTC in seconds at each whole hour."""
    return [_offset(name, hour) for hour in hours.tolist()]


@lru_cache(maxsize=1 << 14)
def _offset(name: str, hour: float) -> float:
    offset = datetime.fromtimestamp(hour, pinned_zone(name)).utcoffset()
    return 0.0 if offset is None else offset.total_seconds()


def _turns(first: float, last: float, minutes: Sequence[int], offsets: NDArray[np.float64]) -> list[Instants]:
    """Return the instants at which a local clock shows one of the minutes of the day."""
    day_s = MINUTES_PER_DAY * _MINUTE_S
    days = np.arange(first // day_s - 1, last // day_s + 2) * day_s
    return [
        days + minute * _MINUTE_S - offset for offset in np.unique(offsets).tolist() for minute in minutes
    ]
