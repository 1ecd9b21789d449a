"""Control's duty towards the plan: made from the campaigns that serve, written, told to the workers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from adapters.files.reference_data import load_geography, load_numbering
from adapters.postgres.blackouts import PostgresBlackouts
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import Pool
from adapters.processes.allotting import Allotting, Expecting
from adapters.processes.cap_keeping import CapKeeping
from adapters.processes.child import Spec
from adapters.processes.messages import NewPlan
from adapters.processes.plan_file import newest_plan_version, write_plan
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.assembly import cap_policy
from engine.composition import septets_of
from engine.settings import QuietHours, Settings
from inventory.books import ServingCampaign
from inventory.cells import Ground
from inventory.planner import Planner
from inventory.thinning import CappedSupply
from segments.clock import pinned_zone
from segments.numbering import Numbering
from segments.targets import Target, compile_target


class Replanning:
    """Plans of one node."""

    def __init__(self, spec: Spec, lines: WorkerLines, expecting: Expecting) -> None:
        self._data_dir = spec.data_dir
        self._lines = lines
        self._newest: NewPlan | None = None
        self._version = newest_plan_version(spec.data_dir)
        numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
        self._compiled = compiler_of(numbering)
        self._quiet = _hours(spec.settings.policy.quiet_hours)
        self._planner = planner_of(spec.settings, numbering)
        every_s = spec.settings.planner.every_seconds
        self._caps = CapKeeping(spec.settings, spec.data_dir)
        self._allotting = Allotting(self._planner, numbering, expecting, every_s)

    @property
    def planned(self) -> bool:
        """Tell whether there is a plan."""
        return self._newest is not None

    def take_settings(self, settings: Settings) -> None:
        """Plan by these settings from the next plan on."""
        self._quiet = _hours(settings.policy.quiet_hours)

    def tell(self, line: WorkerLine) -> None:
        """Tell a worker the newest plan, if there is one."""
        if self._newest is not None:
            line.say(self._newest)

    async def allot(self, pool: Pool) -> None:
        """Make allotments that the plans follow, until cancelled."""
        await self._allotting.run(pool)

    async def plan(self, campaigns: PostgresCampaigns, blackouts: PostgresBlackouts, now: datetime) -> None:
        """Plan, tell every worker, and ask them for the units that others lack."""
        serving = await campaigns.serving(now)
        self._planner.keep_quiet(self._quiet)
        changed = self._planner.obey(await blackouts.standing(now, self._compiled), now.timestamp())
        if self._allotting.look(serving, changed=changed):
            self._caps.hear(serving)
        await self._caps.look()
        # In a thread, so that leases, settlement and requests go on meanwhile.
        path, short = await asyncio.to_thread(self._make, serving, now.timestamp())
        self._newest = NewPlan(path=str(path))
        self._lines.broadcast(self._newest)
        self._lines.recall(short)

    def _make(self, serving: Sequence[ServingCampaign], now: float) -> tuple[Path, list[int]]:
        """Write a plan; return its path, and the campaigns of which workers hold all that is left."""
        self._version = max(self._version + 1, time.time_ns())  # the clock may jump back
        path = write_plan(self._data_dir, self._planner.plan(self._version, serving, now))
        return path, [each.campaign.number for each in serving if each.leased and each.free == 0]


def planner_of(settings: Settings, numbering: Numbering) -> Planner:
    """Return a planner by these settings."""
    policy = settings.policy
    return Planner(
        numbering.digest,
        Ground(numbering.timezones, numbering.zone_of, _hours(policy.quiet_hours)),
        compiler_of(numbering),
        septets_of,
        pinned_zone(policy.default_timezone),
        supply_factor=settings.planner.supply_factor,
        every_s=settings.planner.every_seconds,
        reduced=CappedSupply(cap_policy(settings).caps),
    )


def compiler_of(numbering: Numbering) -> Callable[[Target], frozenset[int]]:
    """Return what gives the places (dense indexes) of a target; it remembers them."""
    geography = load_geography()

    @lru_cache(maxsize=1024)
    def compiled(target: Target) -> frozenset[int]:
        return compile_target(target, numbering, geography)

    return compiled


def _hours(quiet: QuietHours | None) -> tuple[int, int] | None:
    return None if quiet is None else (quiet.start, quiet.end)
