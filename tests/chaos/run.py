"""A run of chaos: bursts of faults under steady traffic, the books after each, a table at the end."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.disk import LossyDisk
from tests.chaos.judge import SILENCE_S, Judge, Violation
from tests.chaos.kinds import Kind
from tests.chaos.world import World
from tests.node.harness import campaign

BURSTS = (1, 1, 1, 2, 2, 3)
RECOVERED_ADS = 20
RECOVERY_S = 60.0
POLL_S = 0.02
# A booking that is spent within a few bursts comes every so many.
SMALL_EVERY = 6
SMALL = 1500
ENDLESS = 1_000_000_000


@dataclass(slots=True)
class Row:
    """What happened to one kind of fault; times in seconds, the worst of all bursts that it was in."""

    faults: int = 0
    answers: float = 0.0
    ads: float = 0.0
    verdicts: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(slots=True)
class Report:
    """What a run found."""

    seed: int
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    faults: int = 0
    bursts: int = 0
    violation: str = ""
    summary: dict[str, object] = field(default_factory=dict)


class Run:
    """One run; whatever is random comes from its seed, whatever is timing from the machine."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        rate: float,
        say: Callable[[str], None],
        disk: LossyDisk | None = None,
    ) -> None:
        self._world = World(directory, rate, seed, disk)
        self._judge = Judge(self._world)
        self._say = say
        self._report = Report(seed)
        self._gap = 0.0
        self._during = "start"

    async def go(self, kinds: Sequence[Kind], minutes: float) -> Report:
        """Inflict the faults, in this order, until all are through or the time is up."""
        world, report = self._world, self._report
        ends = time.monotonic() + minutes * 60
        left = list(kinds)
        try:
            await world.start()
            await self._book_first()
            await self._judge.judge(lossy=False)
            while left and time.monotonic() < ends:
                await self._burst(_take(left, world.chance.choice(BURSTS)))
            await self._rest()
        except (Violation, AssertionError, TimeoutError) as broken:
            report.violation = f"burst {report.bursts} ({self._during}): {type(broken).__name__}: {broken}"
        finally:
            report.summary = self._summary()
            await world.stop()
        return report

    async def _book_first(self) -> None:
        await self._book_endless()
        await self._book(("luna", "Luna llena en tu tienda. Marca 5512345678", None, "house"))
        await self._book_small()

    async def _book_endless(self) -> None:
        """Book what always has an ad; anew when its text was stopped for being refused."""
        number = len(self._judge.texts)
        await self._book((f"sol {number}", f"Compra en tienda sol {number}", ENDLESS, "standard"))

    async def _book_small(self) -> None:
        """Book what is spent to its last unit within a few bursts."""
        number = len(self._judge.texts)
        await self._book((f"mar {number}", f"Mar azul {number}", SMALL, "guaranteed"))

    async def _book(self, what: tuple[str, str, int | None, str]) -> None:
        name, text, quantity, class_ = what
        document = campaign(name, text, quantity, **{"class": class_})
        self._world.smsc.register_ads(text)
        self._judge.texts[name] = text
        await self._world.book(document)

    async def _burst(self, burst: Sequence[Kind]) -> None:
        """Inflict some faults at once, wait until ads flow again, let all come home, judge."""
        world, report = self._world, self._report
        report.bursts += 1
        names = self._during = " + ".join(kind.name for kind in burst)
        world.flow(on=True)
        await asyncio.sleep(world.chance.uniform(0.3, 1.0))
        gap = asyncio.create_task(self._longest_gap())
        await asyncio.gather(*(self._inflict(kind) for kind in burst))
        if any(kind.harms for kind in burst):
            await self._book_endless()
        bypasses = any(kind.bypasses for kind in burst)
        ads = await self._until_it_flows(names, wanted=0 if bypasses else RECOVERED_ADS)
        gap.cancel()
        await asyncio.gather(gap, return_exceptions=True)
        await self._judge.rest()
        verdict = await self._judge.judge(lossy=bypasses or any(kind.lossy for kind in burst))
        if bypasses and verdict != "bypass":
            raise Violation(f"no worker came back in bypass after {names}: the books are {verdict}")
        report.faults += len(burst)
        for kind in burst:
            row = report.rows[kind.name]
            row.faults += 1
            row.ads = max(row.ads, ads)
            row.answers = max(row.answers, self._gap)
            row.verdicts[verdict] += 1
        self._say(f"{report.faults:4} {verdict:8} {self._gap:5.2f} s {ads:5.2f} s  {names}")
        await self._between(verdict)

    async def _inflict(self, kind: Kind) -> None:
        await asyncio.sleep(self._world.chance.uniform(0, 0.4))
        await kind.act(self._world)

    async def _longest_gap(self) -> None:
        """Note the longest time without an answer at any platform."""
        self._gap = 0.0
        seen, at = self._world.answered, time.monotonic()
        while True:
            await asyncio.sleep(POLL_S)
            now = time.monotonic()
            if (answered := self._world.answered) != seen:
                seen, at = answered, now
            self._gap = max(self._gap, now - at)

    async def _until_it_flows(self, names: str, wanted: int) -> float:
        """Return how long it took until every platform was answered and so many ads were accepted.

        None may be wanted beside a worker in bypass: it may be the one that all platforms have come back to.
        """
        world, began = self._world, time.monotonic()
        ads = world.smsc.ads_accepted + wanted
        answers = [stream.answered + 1 for stream in world.streams]
        while world.smsc.ads_accepted < ads or any(
            stream.answered < wanted for stream, wanted in zip(world.streams, answers, strict=True)
        ):
            if time.monotonic() - began > SILENCE_S:
                for stream in world.streams:
                    stream.give_up_on_silence()
            if time.monotonic() - began > RECOVERY_S:
                gates = [worker["gate"] for worker in world.node.status()]
                raise Violation(f"no ads or answers {RECOVERY_S:g} s after {names}; gates {gates}")
            await asyncio.sleep(POLL_S)
        return time.monotonic() - began

    async def _between(self, verdict: str) -> None:
        """Make the next burst possible: leave bypass, or avoid it; book what can be spent to its end."""
        if verdict == "bypass" or self._world.tired:
            await self._world.drain()
            await self._world.restart()
        if self._report.bursts % SMALL_EVERY == 0:
            await self._book_small()

    async def _rest(self) -> None:
        """End the run: drain, and see that nothing is leased or open any more."""
        await self._judge.rest()
        status = await self._world.node.stop()
        if status != 0:
            raise Violation(f"the last drain ended with status {status}")

    def _summary(self) -> dict[str, object]:
        world, judge = self._world, self._judge
        return {
            "notifications sent": world.ledger.submits,
            "answered": world.answered,
            "ads at the SMSC": world.smsc.ads_received,
            "ads accepted": world.smsc.ads_accepted,
            "links lost by platforms": world.link_losses,
            "bare retries": world.ledger.bare,
            "power losses": world.power_losses,
            "journals cut": world.journals_cut,
            "frames lost": world.frames_lost,
            "journals of which the books knew more": judge.known_more,
            "bursts judged to the unit": judge.exact,
            "campaigns": len(judge.texts),
        }


def deck(kinds: Sequence[Kind], faults: int, seed: int) -> list[Kind]:
    """Return so many faults in random order, every kind as often as any other (± 1)."""
    chance = Random(seed)
    cards: list[Kind] = []
    while len(cards) < faults:
        cards += chance.sample(kinds, len(kinds))
    return cards[:faults]


def _take(left: list[Kind], most: int) -> list[Kind]:
    """Take the next faults off the deck, at most one of which ends the node, and no kind twice."""
    burst: list[Kind] = []
    while left and len(burst) < most:
        following = left[0]
        if following in burst or (following.whole and any(kind.whole for kind in burst)):
            break
        burst.append(left.pop(0))
    return burst
