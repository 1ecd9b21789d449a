"""Control's duty towards allotments: made every few minutes and when bookings change, beside the plans."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from operator import is_
from typing import Protocol

import numpy as np
import structlog

from adapters.postgres.pool import DATABASE_FAULTS, Pool
from adapters.postgres.supply import read_by_hour
from adapters.postgres.webhooks import record_at_risk
from inventory.allotment import Outlook
from inventory.books import ServingCampaign, hour_of
from inventory.campaign import Campaign
from inventory.planner import LOOK_BACK_S, Planner
from inventory.roster import identity
from inventory.silence import Silence
from inventory.supply import HOUR_S, Supply
from segments.numbering import Numbering

# Settlement may still add to hours that ended so long ago.
_OPEN_HOURS = 2
# Changes that come in a row are answered together.
CALM_S = 1.0
# How often it is looked for silent regions, and how soon after an allotment one may ask for the next.
LOOK_S = 20.0
LEAST_S = 60.0
# How soon it is looked again whether there is a forecast to plan on.
WAIT_S = 10.0

log = structlog.get_logger()


class Expecting(Protocol):
    """What the forecast tells: adapters.processes.forecasting.Forecasting."""

    @property
    def is_warm(self) -> bool:
        """Tell whether there is a forecast that rests on what was counted."""

    async def supply(self, pool: Pool, now: datetime) -> Supply | None:
        """Return the forecast corrected by what was counted today."""


class Allotting:
    """Allotments of one node; while the forecast is cold there are none, and the deficit rule serves."""

    def __init__(self, planner: Planner, numbering: Numbering, expecting: Expecting, every_s: float) -> None:
        self._planner = planner
        self._numbering = numbering
        self._expecting = expecting
        self._every_s = every_s
        self._serving: Sequence[ServingCampaign] = ()
        self._campaigns: list[Campaign] = []
        self._changed = asyncio.Event()
        self._came: Supply | None = None
        self._expected: Supply | None = None
        states = sorted({place.state for place in numbering.places})
        self._states = states
        self._silence = Silence(np.array([states.index(place.state) for place in numbering.places]))

    def look(self, serving: Sequence[ServingCampaign], *, changed: bool = False) -> bool:
        """Hear which campaigns serve now or later, each second; tell whether any has come, gone or changed.

        That asks for an allotment at once. `changed` tells that something else did: blackouts.
        """
        known, self._serving = self._campaigns, serving
        self._campaigns = [each.campaign for each in serving]
        same = _are_the_same(known, self._campaigns)
        if changed or not same:
            self._changed.set()
        return not same

    async def run(self, pool: Pool) -> None:
        """Allot every `planner.every_seconds` and on changes, until cancelled."""
        while True:
            made = False
            self._changed.clear()
            try:
                made = await self._allot(pool, datetime.now(UTC))
            except DATABASE_FAULTS:
                raise
            except Exception as error:  # leases, settlement and plans go on, by the deficit rule in the end
                log.error("alarm_allotment_failed", exc_info=error)
            await asyncio.sleep(CALM_S)
            await self._wait(pool, self._every_s if made else WAIT_S)

    async def _wait(self, pool: Pool, seconds: float) -> None:
        """Wait so long, until bookings change, or until a region has fallen silent or come back."""
        begun, heard = time.monotonic(), False
        while not self._changed.is_set() and (left := begun + seconds - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(LOOK_S, left)):
                    await self._changed.wait()
            heard = await self._regions_changed(pool, datetime.now(UTC)) or heard
            if heard and time.monotonic() - begun >= LEAST_S:
                return

    async def _regions_changed(self, pool: Pool, now: datetime) -> bool:
        expected, hour = self._expected, hour_of(now)
        if expected is None or not 0 <= hour - expected.first_hour < expected.hours:
            return False
        [came] = await read_by_hour(pool, self._numbering, hour, hour)
        due = expected.by_hour[hour - expected.first_hour]
        if not self._silence.look(hour, now.timestamp(), came, due):
            return False
        silent = [
            state for state, is_silent in zip(self._states, self._silence.silent, strict=True) if is_silent
        ]
        log.warning("regions_silent", states=silent)
        return True

    async def _allot(self, pool: Pool, now: datetime) -> bool:
        """Make an allotment and follow it; False where the forecast does not allow it yet."""
        expected = await self._expecting.supply(pool, now) if self._expecting.is_warm else None
        if expected is None:
            self._planner.follow(None)
            return False
        begun = time.monotonic()
        came = await self._read_came(pool, now, expected)
        self._expected = expected
        outlook = Outlook(now.timestamp(), came, self._silence.lowered(expected, hour_of(now)))
        # In a thread, so that leases and settlement go on meanwhile.
        allotment = await asyncio.to_thread(self._planner.allot, self._serving, outlook)
        self._planner.follow(allotment)
        log.info(
            "allotted",
            campaigns=0 if allotment is None else len(allotment.versions),
            tight=0 if allotment is None else int(allotment.tight.sum()),
            seconds=round(time.monotonic() - begun, 2),
        )
        if allotment is not None:
            tight = [allotment.versions[position][0] for position in np.flatnonzero(allotment.tight)]
            await record_at_risk(pool, tight, now)
        return True

    async def _read_came(self, pool: Pool, now: datetime, expected: Supply) -> Supply:
        """Return what was counted since the planner looks back; hours that are over are read once."""
        hour = hour_of(now)
        first = hour - int(LOOK_BACK_S // HOUR_S)
        by_hour = np.zeros((hour + 1 - first, len(self._numbering.places)))
        fresh = first
        known = self._came
        if known is not None and first <= known.first_hour + known.hours - 1 <= hour:
            fresh = max(first, known.first_hour + known.hours - 1 - _OPEN_HOURS)
            kept = known.by_hour[first - known.first_hour : fresh - known.first_hour]
            by_hour[: fresh - first] = kept
        by_hour[fresh - first :] = await read_by_hour(pool, self._numbering, fresh, hour)
        self._came = Supply(first, by_hour, expected.room_mix)
        return self._came


def _are_the_same(known: Sequence[Campaign], campaigns: Sequence[Campaign]) -> bool:
    """Tell whether there are the same versions of the same campaigns: mostly they are the same objects."""
    if len(known) == len(campaigns) and all(map(is_, known, campaigns)):
        return True
    return {identity(each) for each in known} == {identity(each) for each in campaigns}
