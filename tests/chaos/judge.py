"""The verdict after a burst of faults: nothing lost, nothing twice, nothing over-delivered."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg

from adapters.cli.counts import document
from adapters.files.journal_reader import unsettled
from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import DATABASE_AWAY, open_pool
from adapters.postgres.server import join
from tests.chaos.world import WORKERS, World
from tests.node.harness import check_books
from tests.node.load import BUGS

HOME_S = 40.0
SETTLED_S = 40.0
POLL_S = 0.05
_AWAY: tuple[type[BaseException], ...] = (*DATABASE_AWAY, asyncpg.PostgresError)
# A platform that is owed answers for so long binds anew; the latest late answer comes before.
SILENCE_S = 4.0


class Violation(Exception):  # noqa: N818  # what it is: the rule that does not hold
    """A promise that was broken, with the evidence."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Sums at an instant of rest, to be compared with the next one."""

    links: int
    connections: int
    workers: frozenset[int]
    notifications: int
    submits: int
    campaigns: Mapping[str, tuple[int, int, int, int]]
    seen: Mapping[str, tuple[int, int]]
    power_losses: int


class Judge:
    """Reads what the node says, and what platforms and SMSC saw."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.texts: dict[str, str] = {}
        self.before: Standing | None = None
        self.exact = 0
        self.known_more = 0
        self._epochs = 0
        self._refusals_in_doubt = 0
        self._refusals_before = 0

    async def rest(self) -> None:
        """Let everything that was sent come home. Raises `Violation` when it does not."""
        world = self._world
        world.flow(on=False)
        ends = time.monotonic() + HOME_S
        silent_at = time.monotonic() + SILENCE_S
        while not all(stream.ready for stream in world.streams):
            if time.monotonic() > silent_at:
                for stream in world.streams:
                    stream.give_up_on_silence()
            if time.monotonic() > ends:
                waiting = [
                    (stream.waiting, stream.platform.connected, list(stream.platform.unanswered)[:3])
                    for stream in world.streams
                ]
                raise Violation(f"notifications without an answer after {HOME_S:g} s: {waiting}")
            await asyncio.sleep(POLL_S)

    async def judge(self, *, lossy: bool) -> str:
        """Judge everything since the last time; return what was found. Raises `Violation`.

        `lossy` says that power was lost: frames may be missing, so that counts are bounded, not exact.
        """
        world = self._world
        now, counts = await self._settled(lossy=lossy)
        found = world.ledger.close()
        if faults := [*world.ledger.faults, *(line for each in world.streams for line in each.held_back)]:
            raise Violation("; ".join(faults[:5]))
        if lossy:
            self._refusals_in_doubt += world.ledger.refused_ads - self._refusals_before
        self._refusals_before = world.ledger.refused_ads
        self._bounds(counts)
        bypassed = self._log()
        before, self.before = self.before, now
        if before is None:
            return "begun"
        if not (lossy or bypassed):
            self._notifications(now.notifications - before.notifications, found["arrived"], now, before)
        if bypassed:
            return "bypass"
        if lossy or not _undisturbed(before, now):
            return "bounded"
        self._equal(before, now)
        self.exact += 1
        return "exact"

    async def _settled(self, *, lossy: bool) -> tuple[Standing, dict[str, Any]]:
        """Return the books once nothing is open in them; when all is known, once they have everything."""
        ends = time.monotonic() + SETTLED_S
        while True:
            counts = await self._read()
            if counts is not None:
                check_books(counts)
                now = self._standing(counts)
                in_flight = any(each["in_flight"] for each in counts["campaigns"])
                waiting = counts["unsettled"] or in_flight or self._epochs != WORKERS
                if not waiting and self._complete(now, lossy=lossy):
                    return now, counts
            if time.monotonic() > ends:
                if counts is None:
                    raise Violation(f"no database after {SETTLED_S:g} s")
                if not waiting:
                    return now, counts  # what is wrong is for the verdict to say
                raise Violation(f"not settled after {SETTLED_S:g} s: {self._epochs} open epochs, {counts}")
            await asyncio.sleep(POLL_S)

    def _complete(self, now: Standing, *, lossy: bool) -> bool:
        """Tell whether nothing more is to be expected; a disk that was full may still owe counts."""
        before = self.before
        if before is None or lossy:
            return True
        arrived = sum(bool(sent.seen) for sent in self._world.ledger.sent.values())
        return now.notifications - before.notifications >= arrived

    async def _read(self) -> dict[str, Any] | None:
        data = self._world.node.directory / "data"
        try:
            dsn = await join(data)
            if dsn is None:
                return None
            async with asyncio.timeout(5), await open_pool(dsn, max_size=1) as pool:
                books = PostgresBooks(pool)
                await self._weak_spot(pool)
                epochs = await books.open_epochs("relay-1")
                # before the counts, so that they hold all that is not said to be waiting
                waiting = unsettled(data, {each.epoch: each.applied for each in epochs})
                counts = await books.counts()
        except _AWAY:
            return None
        self._epochs = len(epochs)
        return document(counts, waiting)

    async def _weak_spot(self, pool: Any) -> None:
        """Count the journals of which the books knew more than the power loss had left."""
        for cut in self._world.cuts:
            applied = await pool.fetchval("SELECT applied FROM epochs WHERE epoch = $1", cut.epoch)
            self.known_more += applied is not None and applied > cut.last + 1
        self._world.cuts.clear()

    def _standing(self, counts: dict[str, Any]) -> Standing:
        world = self._world
        names = ("inserted", "accepted", "rejected", "unknown")
        tally = world.smsc.tally.counts
        return Standing(
            world.link_losses,
            world.smsc.connections,
            world.worker_pids(),
            counts["notifications"],
            world.ledger.submits,
            {each["name"]: tuple(each[name] for name in names) for each in counts["campaigns"]},
            {name: (tally[text].received, tally[text].accepted) for name, text in self.texts.items()},
            world.power_losses,
        )

    def _bounds(self, counts: dict[str, Any]) -> None:
        """What holds whatever happened."""
        received = booked = 0
        for each in counts["campaigns"]:
            seen = self._world.smsc.tally.counts[self.texts[each["name"]]]
            evidence = f"{each}, the SMSC received {seen.received} and accepted {seen.accepted}"
            if (
                each["quantity"] is not None
                and max(seen.accepted, each["ledger"]["settled"]) > each["quantity"]
            ):
                raise Violation(f"over-delivered: {evidence}")
            if not each["accepted"] <= seen.accepted <= each["accepted"] + each["unknown"]:
                raise Violation(f"accepted <= answered ESME_ROK <= accepted + unknown: {evidence}")
            if each["in_flight"] or each["accepted"] > each["inserted"]:
                raise Violation(f"in flight at rest: {evidence}")
            most = each["accepted"] + each["rejected"] + each["unknown"]
            received, booked = received + seen.received, booked + most
            if seen.received > most + self._refusals_in_doubt:
                raise Violation(f"received <= accepted + rejected + unknown: {evidence}")
        if received > booked + self._refusals_in_doubt:
            raise Violation(f"the SMSC received {received} ads, the books know {booked}")

    def _notifications(self, counted: int, arrived: int, now: Standing, before: Standing) -> None:
        """Each submit at the SMSC was counted, and nothing that no platform sent."""
        submits = now.submits - before.submits
        if not arrived <= counted <= submits:
            raise Violation(f"{arrived} submits at the SMSC, {counted} counted, {submits} sent")

    @staticmethod
    def _equal(before: Standing, now: Standing) -> None:
        """Nothing was killed and no link lost: the books equal what the SMSC saw, to the unit."""
        for name, counts in now.campaigns.items():
            inserted, accepted, rejected, unknown = (
                a - b for a, b in zip(counts, before.campaigns.get(name, (0, 0, 0, 0)), strict=True)
            )
            had, had_accepted = before.seen.get(name, (0, 0))
            received, ok = now.seen[name][0] - had, now.seen[name][1] - had_accepted
            if (inserted, accepted, rejected, unknown) != (received, ok, received - ok, 0):
                raise Violation(
                    f"equality of {name}: {inserted} inserted, {accepted} accepted, {rejected} rejected, "
                    f"{unknown} unknown in the books; the SMSC received {received} and accepted {ok}"
                )

    def _log(self) -> bool:
        """Look for alarms that only a bug can cause; tell whether a worker came back in bypass."""
        entries, foreign = self._world.new_log()
        if foreign:
            raise Violation(f"the log holds lines of nobody: {foreign[:20]}")
        if bugs := [each for each in entries if each["event"] in BUGS]:
            raise Violation(f"an alarm that no fault may cause: {bugs[:3]}")
        return any(each["event"] == "alarm_worker_died" and each["bypass"] for each in entries)


def _undisturbed(before: Standing, now: Standing) -> bool:
    """Tell whether no worker and no link died between two standings."""
    return (before.links, before.connections, before.workers) == (now.links, now.connections, now.workers)
