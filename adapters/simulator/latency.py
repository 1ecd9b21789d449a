"""Round-trip times in bounded memory."""

import math
from collections import Counter
from typing import Final

_STEP: Final = math.log(1.02)  # buckets 2 % apart: a quantile is right to 2 %


class LatencyHistogram:
    """Counts times in buckets 2 % apart."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self.count = 0

    def add(self, seconds: float, times: int = 1) -> None:
        """Count a time, in seconds; anything under a microsecond is one microsecond."""
        self._buckets[int(math.log(max(seconds, 1e-6) * 1e6) / _STEP)] += times
        self.count += times

    def quantile_ms(self, share: float) -> float | None:
        """Return the time in milliseconds that `share` of all stay under, None before the first."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return math.exp((bucket + 0.5) * _STEP) / 1e3
        return None
