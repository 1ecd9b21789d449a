"""A worker's duty towards plans: read beside the relay, prepared in slices, switched to at once."""

import asyncio
import random
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from adapters.processes.plan_file import read_plan
from adapters.processes.worker_core import Core
from engine.assembly import darkness_by_category, make_decision, make_offer
from engine.cap_rules import CapBook, CapPolicy
from engine.decision import Darkness, Offer
from inventory.plan import Plan, PlanError, PlannedCampaign

# A message waits for no more of a plan's preparation than this.
SLICE_S = 0.001
# Offers that are looked at before the clock is.
_AT_ONCE = 32

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Offering:
    """What a catalogue comes to: offers slot by slot, those newly made, their caps; blackouts by category."""

    digest: str = ""
    offers: Sequence[Offer] = ()
    fresh: Sequence[Offer] = ()
    caps: CapBook = field(default_factory=lambda: CapBook((), CapPolicy()))
    dark: Mapping[str, list[Darkness]] = field(default_factory=dict)
    serving: frozenset[int] = frozenset()


class PlanTaking:
    """One worker's plans. `switched` is called when offers or their texts have changed."""

    def __init__(self, core: Core, switched: Callable[[], None]) -> None:
        self._core = core
        self._switched = switched
        self._offering = Offering()
        self._newest: Path | None = None
        self._taking: asyncio.Task[None] | None = None
        self.textless: frozenset[int] = frozenset()

    @property
    def serving(self) -> frozenset[int]:
        """The campaigns in the plan that is in force."""
        return self._offering.serving

    @property
    def is_busy(self) -> bool:
        """Tell whether a plan is being taken over."""
        return self._taking is not None

    def hear(self, path: Path) -> None:
        """Take over a plan; of those that come meanwhile, the last. A bad one leaves the former in force."""
        self._newest = path
        if self._taking is None:
            self._taking = asyncio.ensure_future(self._take_all())

    def leave_out_harmful(self) -> None:
        """Choose without the texts that do harm from now on."""
        harmful = self._core.breaker.harmful
        for offer in self._offering.offers:
            offer.leave_out(harmful)
        self._find_textless()

    async def _take_all(self) -> None:
        try:
            while (path := self._newest) is not None:
                self._newest = None
                try:
                    await self._take(path)
                except Exception as error:  # noqa: BLE001  # the relay goes on as it did
                    self._core.faults.alarm(error)
        finally:
            self._taking = None

    async def _take(self, path: Path) -> None:
        try:
            plan = await asyncio.to_thread(read_plan, path)
        except (OSError, PlanError) as error:
            log.error("alarm_plan_unreadable", path=str(path), error=str(error))
            return
        if plan.numbering != self._core.numbering.digest:
            log.error("alarm_plan_for_other_numbering", path=str(path))
            return
        offering = self._offering
        if plan.catalogue_digest != offering.digest:
            offering = await _in_slices(self._prepare(plan))
        self._switch(plan, offering)

    def _prepare(self, plan: Plan) -> Generator[None, None, Offering]:
        """Return the offers of a new catalogue: those of campaigns that did not change are the same."""
        catalogue: list[PlannedCampaign] = []
        for piece in plan.catalogue_pieces():
            catalogue += piece
            yield
        caps = yield from self._core.capping.prepare(catalogue)
        known = {offer.number: offer for offer in self._offering.offers}
        offers: list[Offer] = []
        fresh: list[Offer] = []
        for planned in catalogue:
            offer = known.get(planned.number)
            if offer is None or offer.planned is not planned:
                offer = make_offer(planned, self._core.book, self._core.breaker, self._core.settings)
                fresh.append(offer)
            offers.append(offer)
            if not len(offers) % _AT_ONCE:
                yield
        numbers = frozenset(each.number for each in offers)
        dark = darkness_by_category(plan.blackouts(), {each.category for each in catalogue})
        return Offering(plan.catalogue_digest, offers, fresh, caps, dark, numbers)

    def _switch(self, plan: Plan, offering: Offering) -> None:
        """Choose by this plan from now on."""
        core = self._core
        decision = make_decision(
            plan, offering.offers, core.settings, core.numbering, random.random, core.subject
        )
        if offering is not self._offering:
            self._adopt(offering)
        core.figures.plan_at = time.monotonic()
        now = time.time()
        for inserter in core.inserters.values():
            inserter.decision = decision
            inserter.at(now)

    def _adopt(self, offering: Offering) -> None:
        former, self._offering = self._offering, offering
        harmful = self._core.breaker.harmful
        for offer in offering.fresh:
            offer.leave_out(harmful)
        self._core.capping.take(offering.caps)
        if former.caps.rules or offering.caps.rules or former.dark or offering.dark:
            for offer in offering.offers:
                offer.caps = offering.caps.rules.get(offer.number)
                offer.dark = offering.dark.get(offer.planned.category)
        self._find_textless()

    def _find_textless(self) -> None:
        self.textless = frozenset(offer.number for offer in self._offering.offers if not offer.creatives)
        self._switched()


async def _in_slices(work: Generator[None, None, Offering]) -> Offering:
    """Do work between messages, for no more than SLICE_S at a time."""
    until = time.perf_counter() + SLICE_S
    while True:
        try:
            next(work)
        except StopIteration as end:
            made: Offering = end.value
            return made
        if time.perf_counter() >= until:
            await asyncio.sleep(0)
            until = time.perf_counter() + SLICE_S
