"""How much of a booking should be spent by now: the campaign's own curve over the hours it may use."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from functools import cache
from itertools import pairwise

from inventory.campaign import Campaign, HoursWindow, Pacing

# Share of a day's missed calls by local hour, 0–23: a stand-in until the forecast has seen traffic.
NATIONAL_CURVE = (
    0.012, 0.007, 0.004, 0.003, 0.004, 0.008, 0.017, 0.032, 0.045, 0.053, 0.059, 0.063,
    0.065, 0.066, 0.064, 0.061, 0.060, 0.062, 0.066, 0.068, 0.063, 0.051, 0.038, 0.029,
)  # fmt: skip

_STEP_S = 900
_MINUTE_S = 60

Quiet = tuple[int, int] | None


class Pace:
    """The share of a campaign's usable traffic that has gone by, from its start to any instant.

    Steps of 15 minutes weighted by the national curve, on one clock (`zone`), without the hours the
    campaign or the carrier (`quiet`, minutes of the day) rules out, and without `gaps` (UTC seconds) in which
    it is served nowhere. A campaign of which that leaves nothing falls back to plain time.
    """

    __slots__ = ("_starts", "_upto")

    def __init__(
        self, campaign: Campaign, zone: tzinfo, quiet: Quiet, gaps: Sequence[tuple[float, float]] = ()
    ) -> None:
        start, end = campaign.starts_at.timestamp(), campaign.ends_at.timestamp()
        self._starts = _steps(start, end)
        usable = _usable(campaign.hours, quiet)
        weights = [
            _weight(at, until, zone, usable) * _outside(at, until, gaps) for at, until in _pairs(self._starts)
        ]
        if not any(weights):
            weights = [until - at for at, until in _pairs(self._starts)]
        self._upto = [0.0]
        for weight in weights:
            self._upto.append(self._upto[-1] + weight)

    def elapsed(self, now: float) -> float:
        """Return the share in [0, 1] that lies before `now` (UTC seconds)."""
        step = bisect_right(self._starts, now) - 1
        if step < 0:
            return 0.0
        if step >= len(self._starts) - 1:
            return 1.0
        at, until = self._starts[step], self._starts[step + 1]
        within = (now - at) / (until - at)
        return (self._upto[step] + within * (self._upto[step + 1] - self._upto[step])) / self._upto[-1]


def lag(campaign: Campaign, settled: int, pace: Pace, now: float) -> float:
    """Return how many units the campaign is behind its pace; above 0 means that it may be served.

    From its start on `asap` lags by all that is left, `house` without a quantity always by one.
    """
    if now < campaign.starts_at.timestamp():
        return 0.0
    if campaign.quantity is None:
        return 1.0
    if campaign.pacing is Pacing.ASAP:
        return float(campaign.quantity - settled)
    return campaign.quantity * pace.elapsed(now) - settled


def _steps(start: float, end: float) -> list[float]:
    """Return instants from start to end: both, and every quarter of an hour between them."""
    first = start - start % _STEP_S + _STEP_S
    between = [first + index * _STEP_S for index in range(max(0, int((end - first) // _STEP_S) + 1))]
    return [start, *(at for at in between if at < end), end]


def _pairs(instants: Sequence[float]) -> list[tuple[float, float]]:
    return list(pairwise(instants))


def _usable(hours: Sequence[HoursWindow], quiet: Quiet) -> Callable[[int, int], bool]:
    @cache  # a week has 672 quarters of an hour, a flight up to 35,000
    def usable(weekday: int, minute: int) -> bool:
        if quiet is not None and is_within(minute, *quiet):
            return False
        return not hours or any(window.allows(weekday, minute) for window in hours)

    return usable


def is_within(minute: int, start: int, end: int) -> bool:
    """Tell whether a minute of the day lies in a half-open window that may wrap midnight."""
    if start <= end:
        return start <= minute < end
    return minute >= start or minute < end


def _weight(at: float, until: float, zone: tzinfo, usable: Callable[[int, int], bool]) -> float:
    local = datetime.fromtimestamp(at, zone)
    if not usable(local.weekday(), local.hour * _MINUTE_S + local.minute):
        return 0.0
    return NATIONAL_CURVE[local.hour] * (until - at)


def _outside(at: float, until: float, gaps: Sequence[tuple[float, float]]) -> float:
    """Return which share (0–1) of a step lies outside the gaps."""
    inside = sum(max(0.0, min(until, ends) - max(at, begins)) for begins, ends in gaps)
    return max(0.0, 1.0 - inside / (until - at))
