"""Silence: regions whose traffic stays away, noticed in a minute or so instead of by the next allotment."""

from dataclasses import replace

import numpy as np

from inventory.contest import Indexes
from inventory.supply import HOUR_S, Counts, Supply
from inventory.timeline import Mask

# A region is judged once so much was due of it, over so many seconds: chance alone leaves it no such gap.
JUDGED_DUE = 30.0
JUDGED_S = 60.0
# Below this part of what was due it is silent, from the other part on it is back; between, it stays so.
SILENT_PART = 0.2
BACK_PART = 0.5
# A look after a longer pause begins anew.
LONGEST_GAP_S = 300.0


class Silence:
    """Which regions are silent; `region_of_place` leads from places to them."""

    def __init__(self, region_of_place: Indexes) -> None:
        self._region_of_place = region_of_place
        regions = int(region_of_place.max(initial=-1)) + 1
        self.silent: Mask = np.zeros(regions, dtype=np.bool_)
        self._came = np.zeros(regions)
        self._due = np.zeros(regions)
        self._seconds = np.zeros(regions)
        self._last: tuple[int, float, Counts] | None = None

    def look(self, hour: int, at: float, came: Counts, due: Counts) -> bool:
        """Tell whether a region fell silent, or came back.

        `came` is what was counted of an hour until `at` (UTC seconds), `due` what is expected of all of
        it, by place. While nothing comes from anywhere it is counting that may be late: no region is judged.
        """
        counted = self._by_region(came)
        last, self._last = self._last, (hour, at, counted)
        if last is None or last[0] != hour or not 0 < at - last[1] <= LONGEST_GAP_S:
            self._forget(np.ones_like(self.silent))
            return False
        fresh = np.maximum(0.0, counted - last[2])
        if not fresh.any():
            return False
        seconds = at - last[1]
        self._came += fresh
        self._due += self._by_region(due) * (seconds / HOUR_S)
        self._seconds += seconds
        judged = (self._due >= JUDGED_DUE) & (self._seconds >= JUDGED_S)
        part = self._came / np.maximum(self._due, 1e-9)
        former = self.silent.copy()
        self.silent = np.where(judged, (part < SILENT_PART) | (former & (part < BACK_PART)), former)
        self._forget(judged)
        return bool(np.any(self.silent != former))

    def lowered(self, expected: Supply, hour: int) -> Supply:
        """Return what is expected when silent regions stay so until the hour that runs is over."""
        row = hour - expected.first_hour
        if not self.silent.any() or not 0 <= row < expected.hours:
            return expected
        by_hour = expected.by_hour.copy()
        by_hour[row, self.silent[self._region_of_place]] = 0.0
        return replace(expected, by_hour=by_hour)

    def _by_region(self, counts: Counts) -> Counts:
        counted = np.bincount(self._region_of_place, weights=counts, minlength=len(self.silent))
        return counted.astype(np.float64, copy=False)

    def _forget(self, regions: Mask) -> None:
        for each in (self._came, self._due, self._seconds):
            each[regions] = 0.0
