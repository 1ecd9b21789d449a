"""A node's last minutes, second by second: notifications, ads, and how long they took."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.metrics.histogram import BOUNDS_S
from adapters.metrics.node_figures import WorkerMemory
from adapters.processes.messages import Seconds

KEPT_S = 300
_BUCKETS = len(BOUNDS_S) + 1


@dataclass(frozen=True, slots=True)
class Beat:
    """All workers' totals at one Unix second; the histograms' buckets are counts, not sums."""

    at: float
    notifications: int
    inserted: int
    ours: tuple[int, ...]
    answer: tuple[int, ...]


class Pulse:
    """Remembers a beat a second for KEPT_S."""

    def __init__(self) -> None:
        self._beats: deque[Beat] = deque(maxlen=KEPT_S)

    def take(self, workers: Sequence[WorkerMemory], at: float) -> None:
        """Take in what the workers told last, at a Unix second."""
        figures = [worker.figures for worker in workers]
        routes = [route for each in figures for route in each.routes.values()]
        inserted = sum(each.inserted for each in figures)
        others = sum(sum(each.passed.values()) + each.refused for each in figures)
        others += sum(route.consumed for route in routes)
        beat = Beat(
            at,
            inserted + others,
            inserted,
            _summed(route.ours for route in routes),
            _summed(route.answer for route in routes),
        )
        self._beats.append(beat)

    def rates(self) -> Sequence[tuple[float, float, float]]:
        """Return for each second kept: when, notifications a second, ads a second."""
        return [
            (
                later.at,
                max(0, later.notifications - former.notifications) / (later.at - former.at),
                max(0, later.inserted - former.inserted) / (later.at - former.at),
            )
            for former, later in pairwise(self._beats)
            if later.at > former.at
        ]

    def recently(self, seconds: int) -> tuple[float, float]:
        """Return notifications and ads a second, over the last `seconds`."""
        former, later = self._span(seconds)
        if former is None or later is None or later.at <= former.at:
            return 0.0, 0.0
        took = later.at - former.at
        return (
            max(0, later.notifications - former.notifications) / took,
            max(0, later.inserted - former.inserted) / took,
        )

    def latency(self, share: float, seconds: int) -> tuple[float | None, float | None]:
        """Return within how many seconds a `share` (0–1) passed the relay, and was answered by the SMSC.

        Upper bounds of histogram buckets; None when nothing was sampled.
        """
        former, later = self._span(seconds)
        if former is None or later is None:
            return None, None
        return (
            _quantile(former.ours, later.ours, share),
            _quantile(former.answer, later.answer, share),
        )

    def _span(self, seconds: int) -> tuple[Beat | None, Beat | None]:
        if not self._beats:
            return None, None
        later = self._beats[-1]
        within = (beat for beat in self._beats if beat.at >= later.at - seconds)
        return next(within), later


def _summed(histograms: Iterator[Seconds]) -> tuple[int, ...]:
    total = [0] * _BUCKETS
    for histogram in histograms:
        total = [a + b for a, b in zip(total, histogram.buckets, strict=True)]
    return tuple(total)


def _quantile(former: Sequence[int], later: Sequence[int], share: float) -> float | None:
    counts = [max(0, b - a) for a, b in zip(former, later, strict=True)]
    wanted = share * sum(counts)
    if not wanted:
        return None
    reached = 0
    for bound, count in zip((*BOUNDS_S, BOUNDS_S[-1]), counts, strict=True):
        reached += count
        if reached >= wanted:
            return bound
    return BOUNDS_S[-1]
