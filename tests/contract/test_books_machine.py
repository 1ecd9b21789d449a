"""The books under any interleaving of grants, batches, repetitions, returns and closings."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventory.books import Batch, CountKey, Epoch, Event, LeaseRequest, LeaseTotals
from tests.contract.conftest import MemoryWorld, World
from tests.examples import tried

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600
SMALL = st.integers(1, 20)
SHARES = st.tuples(SMALL, *[st.integers(0, 9)] * 3)


@dataclass
class Worker:
    """What one worker knows: units in hand, insertions in flight, unknown ones that may still be answered."""

    epoch: Epoch
    applied: int = 0
    returned: Counter[int] = field(default_factory=Counter)
    held: Counter[int] = field(default_factory=Counter)
    in_flight: Counter[int] = field(default_factory=Counter)
    unknown: Counter[int] = field(default_factory=Counter)
    last: Batch | None = None


class BooksMachine(RuleBasedStateMachine):
    """Workers that behave, on books that are watched after every step."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.workers: list[Worker] = []
        self.campaigns: list[int] = []
        self.epochs = 0

    @initialize(quantities=st.lists(st.one_of(st.none(), st.integers(1, 60)), min_size=1, max_size=3))
    def book(self, quantities: list[int | None]) -> None:
        """Book campaigns of a few units, or without limit."""
        self.world.reset()
        self.campaigns = [self.world.add_campaign(quantity) for quantity in quantities]
        self.start_worker()

    @precondition(lambda self: len(self.workers) < 3)
    @rule()
    def start_worker(self) -> None:
        """Start a worker in a new epoch."""
        self.epochs += 1
        worker = Worker(Epoch("relay-1", len(self.workers), self.epochs))
        self.world.run(self.world.books.open_epoch(worker.epoch, "boot"))
        self.workers.append(worker)
        self._grant(worker, 1)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), rate=st.floats(0, 2))
    def grant(self, data: st.DataObject, rate: float) -> None:
        """Ask for units of every campaign."""
        self._grant(data.draw(st.sampled_from(self.workers)), rate)

    def _grant(self, worker: Worker, rate: float) -> None:
        books = self.world.books
        before = self.world.run(books.lease_totals(worker.epoch))
        requests = [LeaseRequest(number, worker.held[number], rate) for number in self.campaigns]
        after = self.world.run(books.grant(worker.epoch, requests, 30, len(self.workers), now=NOW))
        for number, totals in after.items():
            worker.held[number] += totals.granted - before.get(number, LeaseTotals(0, 0, 0)).granted

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def work(self, data: st.DataObject) -> None:
        """Insert what a worker holds, hear answers, and settle its journal."""
        worker = data.draw(st.sampled_from(self.workers))
        for number in self.campaigns:
            inserted, *shares = data.draw(SHARES)
            inserted = min(inserted, worker.held[number])
            in_flight = worker.in_flight[number] + inserted
            answered = [in_flight * share // max(9, sum(shares)) for share in shares]
            accepted, rejected, unknown = answered
            worker.held[number] += rejected - inserted
            worker.in_flight[number] = in_flight - sum(answered)
            worker.unknown[number] += unknown
            found = {
                Event.INSERTED: inserted,
                Event.ACCEPTED: accepted,
                Event.REJECTED: rejected,
                Event.UNKNOWN: unknown,
            }
            self._settle(worker, number, found)

    @precondition(lambda self: any(worker.unknown.total() for worker in self.workers))
    @rule(data=st.data(), units=SMALL, event=st.sampled_from([Event.LATE_ACCEPTED, Event.LATE_REJECTED]))
    def answer_late(self, data: st.DataObject, units: int, event: Event) -> None:
        """Hear an answer to insertions that were counted as unknown."""
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.unknown.total()]))
        number = data.draw(st.sampled_from([number for number, n in worker.unknown.items() if n]))
        units = min(units, worker.unknown[number])
        worker.unknown[number] -= units
        self._settle(worker, number, {event: units})

    def _settle(self, worker: Worker, number: int, found: dict[Event, int]) -> None:
        key = CountKey(number, 1, 33, HOUR)
        batch = Batch(
            worker.epoch,
            worker.applied,
            worker.applied + 3,
            {(key, event, ""): n for event, n in found.items() if n},
            notifications={HOUR: found.get(Event.INSERTED, 0) + 1},
            pass_through={(HOUR, "no_room"): 1},
        )
        assert self.world.run(self.world.books.settle(batch)) is True
        worker.applied = batch.upto
        worker.last = batch

    @precondition(lambda self: any(worker.last for worker in self.workers))
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Send a batch again whose answer was lost."""
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.last]))
        assert self.world.run(self.world.books.settle(worker.last)) is False

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), units=SMALL)
    def give_back(self, data: st.DataObject, units: int) -> None:
        """Let go of some units."""
        worker = data.draw(st.sampled_from(self.workers))
        number = data.draw(st.sampled_from(self.campaigns))
        units = min(units, worker.held[number])
        worker.held[number] -= units
        worker.returned[number] += units
        self.world.run(self.world.books.give_back(worker.epoch, dict(worker.returned)))

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), lost=st.booleans(), told=st.booleans())
    def close(self, data: st.DataObject, lost: bool, told: bool) -> None:
        """Close a dead worker's epoch, twice; its journal tells of the open insertions, or has lost them."""
        worker = data.draw(st.sampled_from(self.workers))
        for number, n in worker.in_flight.items():
            if n and told:
                self._settle(worker, number, {Event.UNKNOWN: n})
        for _ in range(2):
            self.world.run(self.world.books.close_epoch(worker.epoch, lost=lost, now=NOW))
        self.workers.remove(worker)

    @invariant()
    def sums_hold(self) -> None:
        """Each equation of the contract holds, and nothing is over-delivered."""
        counts = self.world.run(self.world.books.counts())
        outside = sum(counts.pass_through.values()) + counts.consumed + counts.refused
        assert counts.notifications == sum(one.inserted for one in counts.campaigns) + outside
        leases = [self.world.run(self.world.books.lease_totals(worker.epoch)) for worker in self.workers]
        for one in counts.campaigns:
            assert one.settled == one.accepted + one.unknown
            assert one.returned == one.rejected
            assert one.in_flight == sum(worker.in_flight[one.number] for worker in self.workers)
            assert 0 <= one.in_flight <= one.leased
            held = [totals[one.number] for totals in leases if one.number in totals]
            assert one.leased == sum(lease.granted - lease.returned - lease.spent for lease in held)
            if one.quantity is not None:
                assert one.free is not None
                assert one.free >= 0


def test_sums_hold(world: World) -> None:
    """Whatever workers do in whatever order, the sums hold after every step."""
    examples, steps = (30, 30) if isinstance(world, MemoryWorld) else (10, 20)
    run_state_machine_as_test(
        lambda: BooksMachine(world),
        settings=tried(examples, stateful_step_count=steps),
    )
