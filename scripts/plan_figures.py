"""Print what plans cost on this machine, each figure beside its bar: allotments, a plan a second, a swap.

A random book as in `posdata simulate allocation`: 300 campaigns with 100,000 edges (pairs of a cell and a
campaign that may use it), then `--campaigns` of them. A swap is what a worker does when it hears of a plan:
the longest turn of its loop is what a message may wait for, the whole is its CPU.
"""

import argparse
import asyncio
import gc
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.files.reference_data import load_numbering
from adapters.processes.child import Spec
from adapters.processes.messages import NewPlan
from adapters.processes.orders import Orders
from adapters.processes.plan_file import write_plan
from adapters.processes.replanning import planner_of
from adapters.processes.worker import GC_THRESHOLDS
from adapters.processes.worker_core import make_core
from adapters.simulator.allocation.country import load_country
from adapters.simulator.allocation.random_book import random_book
from adapters.simulator.allocation.traffic import expected
from engine.settings import Settings
from inventory.allotment import Outlook
from inventory.books import ServingCampaign
from inventory.campaign import CreativeVersion
from inventory.cells import CellMap
from inventory.planner import Planner
from inventory.supply import HOUR_S, Supply

# Tuesday 2026-11-24, 12:00 in Mexico City.
NOON_HOUR = int(datetime(2026, 11, 24, 18, tzinfo=UTC).timestamp()) // HOUR_S
NOW = NOON_HOUR * float(HOUR_S)
SIZED, SIZED_HOURS, SIZED_EDGES = 300, 2, 100_000
SOLD = 0.9
REPEATS = 7


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that `work` takes in this thread."""
    began = time.thread_time()
    work()
    return 1e3 * (time.thread_time() - began)


def say(name: str, measured: Sequence[float], bar: float | None = None) -> None:
    """Print a figure: the median of what was measured, and the most."""
    middle = statistics.median(measured)
    asked = "" if bar is None else f"< {bar:g}{'  over' if middle >= bar else ''}"
    print(f"{name:<62}{middle:>9.2f} ms {max(measured):>9.2f} {asked:>14}", flush=True)


class Scene:
    """A book at noon, its forecast, and a planner that follows an allotment."""

    def __init__(self, campaigns: int, hours: int) -> None:
        country = load_country()
        whole = expected(country, NOON_HOUR - 12, 24, 1_000_000)
        drafts = random_book(country, whole, campaigns, SOLD, random.Random(1))
        book = [
            replace(each.campaign, creatives=(CreativeVersion(number, text(number, each.size)),))
            for number, each in enumerate(drafts, 1)
        ]
        self.serving = [
            ServingCampaign(each, (each.quantity or 0) * (each.number % 3) // 9, 0) for each in book
        ]
        coming = Supply(NOON_HOUR, whole.by_hour[12 : 12 + hours], whole.room_mix)
        self.outlook = Outlook(NOW, Supply(NOON_HOUR - 12, whole.by_hour[:12], whole.room_mix), coming)
        self.planner = planner_of(Settings(), load_numbering())

    def edges(self) -> int:
        """Return how many pairs of a cell and a campaign there are."""
        allotment = self.planner.allot(self.serving, self.outlook)
        cells: CellMap | None = None if allotment is None else allotment.cells
        return 0 if cells is None else len(cells.campaign)

    def changed(self, campaign: int) -> None:
        """Give one campaign another text."""
        each = self.serving[campaign]
        [creative] = each.campaign.creatives
        edited = replace(creative, number=creative.number + 100_000, text=creative.text[:-1] + "!")
        self.serving[campaign] = replace(
            each, campaign=replace(each.campaign, creatives=(edited,), version=each.campaign.version + 1)
        )


def text(number: int, length: int) -> str:
    """Return a text that no other campaign has."""
    return f"Oferta {number} en tienda sol, hoy con descuento ".ljust(length, "x")[:length]


def allotments(scene: Scene, bar: float) -> None:
    """Measure allotments: the first, those after an edit, and those in between."""

    def first() -> Planner:
        planner = planner_of(Settings(), load_numbering())
        planner.allot(scene.serving, scene.outlook)
        return planner

    say("  allotment, a node's first: no target was looked up before", [timed(first) for _ in range(3)])
    scene.planner.follow(scene.planner.allot(scene.serving, scene.outlook))
    edited = []
    for number in range(3):
        scene.changed(number)
        edited.append(timed(lambda: scene.planner.follow(scene.planner.allot(scene.serving, scene.outlook))))
    say("  allotment, after an edit: cells are worked out anew", edited, bar)
    again = [timed(lambda: scene.planner.allot(scene.serving, scene.outlook)) for _ in range(REPEATS)]
    say("  allotment, of the same bookings again", again, bar)


def plans(scene: Scene, folder: Path) -> None:
    """Measure what control does each second."""
    version = time.time_ns()

    def work() -> Path:
        nonlocal version
        version += 1
        return write_plan(folder, scene.planner.plan(version, scene.serving, NOW + 1))

    scene.planner.follow(scene.planner.allot(scene.serving, scene.outlook))
    work()
    say("  plan and its file, each second (in a thread)", [timed(work) for _ in range(REPEATS)])
    after = []
    for number in range(3):
        scene.changed(number)
        scene.planner.follow(scene.planner.allot(scene.serving, scene.outlook))
        after.append(timed(work))
    say("  plan and its file, after an edit and its allotment", after)


async def swaps(scene: Scene, folder: Path) -> None:
    """Measure a worker that hears of plans: unchanged ones, and those after an edit."""
    settings = Settings.model_validate({"node": {"data_dir": str(folder)}})
    core = make_core(Spec(role="worker", settings=settings, supervisor_fd=-1, control_socket=""))
    orders = Orders(core, lambda _: True)
    version = time.time_ns()

    async def swap() -> tuple[float, float]:
        """Return the CPU of the longest turn, and of all."""
        nonlocal version
        version += 1
        path = write_plan(folder, scene.planner.plan(version, scene.serving, NOW + 1))
        former = [inserter.decision for inserter in core.inserters.values()]
        whole, turns = time.process_time(), []
        orders.heard(NewPlan(path=str(path)))
        while [inserter.decision for inserter in core.inserters.values()] == former:
            began = time.thread_time()
            await asyncio.sleep(0)
            turns.append(1e3 * (time.thread_time() - began))
        return max(turns), 1e3 * (time.process_time() - whole)

    def tell(name: str, measured: Sequence[tuple[float, float]]) -> None:
        say(f"  swap, {name}: the longest turn", [each[0] for each in measured], 5)
        say(f"  swap, {name}: the whole", [each[1] for each in measured])

    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    tell("the first plan", [await swap()])
    tell("catalogue as before", [await swap() for _ in range(REPEATS)])
    after = []
    for number in range(REPEATS):
        scene.changed(number)
        scene.planner.follow(scene.planner.allot(scene.serving, scene.outlook))
        after.append(await swap())
    tell("one text edited", after)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--campaigns", type=int, default=5000, help="the large book (5000)")
    given = parser.parse_args()
    print(f"{'CPU':<62}{'median':>12} {'most':>9} {'asked':>14}")
    for campaigns, hours, bar in ((SIZED, SIZED_HOURS, 100), (given.campaigns, 12, 2000)):
        scene = Scene(campaigns, hours)
        edges = scene.edges()
        if campaigns == SIZED and edges < SIZED_EDGES:
            raise SystemExit(f"plan figures: only {edges:,} edges")
        print(f"{campaigns:,} campaigns, {edges:,} edges")
        allotments(scene, bar)
        with tempfile.TemporaryDirectory(prefix="posdata-plans-") as name:
            plans(scene, Path(name))
            asyncio.run(swaps(scene, Path(name)))


if __name__ == "__main__":
    main()
