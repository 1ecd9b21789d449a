"""A worker takes plans over."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from adapters.files.reference_data import load_numbering
from adapters.processes import plan_taking
from adapters.processes.capping import Capping
from adapters.processes.plan_file import write_plan
from adapters.processes.plan_taking import PlanTaking
from adapters.processes.worker_core import Core
from engine.breaker import Breaker
from engine.decision import Decision
from engine.leasebook import LeaseBook
from engine.settings import Settings
from engine.subject import Subject
from inventory.plan import PlannedCampaign
from tests.unit.engine.hand_made_plans import Cell, plan_of, planned

MANY = tuple(planned(number, f"Compra {number}") for number in range(1, 200))


class Route:
    """What a plan is told to."""

    def __init__(self) -> None:
        self.decision: Decision | None = None
        self.caps = None

    def at(self, now: float) -> None:
        """Hear the time."""


class Worker:
    """The parts of a worker that a plan concerns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.route = Route()
        self.breaker = Breaker()
        self.faults: list[Exception] = []
        numbering = load_numbering()
        core: Any = SimpleNamespace(
            settings=Settings(),
            numbering=numbering,
            book=LeaseBook(30),
            breaker=self.breaker,
            inserters={"route": self.route},
            figures=SimpleNamespace(plan_at=0.0),
            faults=SimpleNamespace(alarm=self.faults.append),
            capping=Capping(Settings(), folder, numbering, []),
            subject=Subject(),
        )
        self.plans = PlanTaking(cast("Core", core), lambda: None)
        self._places = len(numbering.places)
        self._digest = numbering.digest
        self._version = 0

    def write(self, *catalogue: PlannedCampaign) -> Path:
        """Write the next plan of a catalogue."""
        self._version += 1
        plan = plan_of(catalogue, [Cell({0: 1.0})], [0] * self._places)
        return write_plan(self.folder, replace(plan, version=self._version, numbering=self._digest))

    async def take(self, path: Path) -> None:
        """Hear of a plan, and wait until nothing is left to do."""
        self.plans.hear(path)
        await self.rest()

    async def rest(self) -> None:
        """Wait until nothing is left to do."""
        while self.plans.is_busy:
            await asyncio.sleep(0)

    def texts(self) -> dict[int, list[int]]:
        """Return the versions in force by campaign."""
        assert self.route.decision is not None
        return {
            offer.number: [each.version for each in offer.creatives] for offer in self.route.decision._offers
        }


@pytest.fixture
def worker(data_dir: Path) -> Worker:
    """Return a worker without a plan."""
    return Worker(data_dir)


async def test_only_what_changed_is_made_anew(worker: Worker) -> None:
    """After an edit the offers of all other campaigns are the same, and so are their tallies."""
    await worker.take(worker.write(*MANY))
    before = {offer.number: offer for offer in worker.route.decision._offers} if worker.route.decision else {}
    edited = planned(7, "Compra hoy")
    await worker.take(worker.write(*(edited if each.number == 7 else each for each in MANY)))
    assert worker.route.decision is not None
    after = {offer.number: offer for offer in worker.route.decision._offers}
    assert [number for number in after if after[number] is not before[number]] == [7]
    assert worker.plans.serving == set(before)
    assert not worker.faults


async def test_others_have_their_turn_while_a_plan_is_prepared(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new catalogue is prepared piece by piece, and is in force at once when it is whole."""
    monkeypatch.setattr(plan_taking, "SLICE_S", 0.0)
    await worker.take(worker.write(*MANY[:1]))
    first = worker.route.decision
    worker.plans.hear(worker.write(*MANY))
    seen = []
    while worker.plans.is_busy:
        seen.append(worker.route.decision)
        await asyncio.sleep(0)
    assert len(seen) > 4
    assert set(seen[:-1]) == {first}
    assert set(worker.texts()) == {each.number for each in MANY}


async def test_of_several_plans_the_last_is_taken(worker: Worker) -> None:
    """What came while another one was read is passed over when there is a newer one."""
    for each in MANY[:3]:
        worker.plans.hear(worker.write(each))
    await worker.rest()
    assert set(worker.texts()) == {3}


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(b"POSDATA")], ids=["gone", "cut"]
)
async def test_a_bad_plan_leaves_the_former_in_force(worker: Worker, spoil: Callable[[Path], None]) -> None:
    """Nothing is raised, nothing changes, and the next good one is taken."""
    await worker.take(worker.write(*MANY[:1]))
    bad = worker.write(*MANY[:2])
    spoil(bad)
    await worker.take(bad)
    assert set(worker.texts()) == {1}
    await worker.take(worker.write(*MANY[:3]))
    assert set(worker.texts()) == {1, 2, 3}


async def test_harm_found_while_a_plan_is_prepared_is_left_out_of_it(worker: Worker) -> None:
    """A text that was stopped meanwhile does not come back with the plan, and its campaign is textless."""
    await worker.take(worker.write(planned(1, "Uno", "Dos")))
    worker.plans.hear(worker.write(planned(1, "Uno", "Dos"), planned(2, "Tres")))
    worker.breaker.hear(frozenset({11, 20}))
    worker.plans.leave_out_harmful()
    assert worker.texts() == {1: [10]}
    await worker.rest()
    assert worker.texts() == {1: [10], 2: []}
    assert worker.plans.textless == {2}
