"""The books in memory: the same promises as PostgreSQL's, in plain integers."""

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from inventory.books import (
    POWER_LOSS,
    PROCESS_DIED,
    Batch,
    CampaignCounts,
    CountKey,
    Counts,
    Epoch,
    EpochClosedError,
    Event,
    LeaseRequest,
    LeaseTotals,
    LedgerError,
    OpenEpoch,
    SequenceGapError,
    hour_of,
)
from inventory.leases import top_up
from inventory.ledger import movements, written_off

FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass
class _Row:
    quantity: int | None
    ends_at: datetime
    serving: bool
    settled: int = 0
    leased: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def free(self) -> int | None:
        return None if self.quantity is None else self.quantity - self.settled - self.leased


@dataclass
class _Epoch:
    boot_id: str
    applied: int = 0
    closed: bool = False
    leases: dict[int, LeaseTotals] = field(default_factory=dict)
    in_flight: Counter[int] = field(default_factory=Counter)


@dataclass
class _State:
    rows: dict[int, _Row] = field(default_factory=dict)
    epochs: dict[Epoch, _Epoch] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    pass_through: Counter[str] = field(default_factory=Counter)


class FakeBooks:
    """Implements `inventory.books.Books` in memory."""

    def __init__(self) -> None:
        self._state = _State()

    def add_campaign(
        self, quantity: int | None, *, ends_at: datetime = FAR_FUTURE, serving: bool = True
    ) -> int:
        """Book a campaign and return its number."""
        number = len(self._state.rows) + 1
        self._state.rows[number] = _Row(quantity, ends_at, serving)
        return number

    async def open_epoch(self, epoch: Epoch, boot_id: str) -> None:
        """Register an epoch."""
        self._state.epochs.setdefault(epoch, _Epoch(boot_id))

    async def open_epochs(self, node: str) -> Sequence[OpenEpoch]:
        """Return the node's open epochs."""
        return [
            OpenEpoch(epoch, one.boot_id, one.applied)
            for epoch, one in self._state.epochs.items()
            if epoch.node == node and not one.closed
        ]

    async def grant(
        self, epoch: Epoch, requests: Sequence[LeaseRequest], horizon_s: float, holders: int, *, now: datetime
    ) -> Mapping[int, LeaseTotals]:
        """Lease units."""
        with self._change() as state:
            leases = _open(state, epoch).leases
            for request in requests:
                row = state.rows[request.campaign]
                if not row.serving or row.ends_at <= now:
                    continue
                first = request.campaign not in leases
                units = top_up(row.free, request.held, request.rate, horizon_s, holders, first=first)
                if units:
                    row.leased += units
                    held = leases.get(request.campaign, LeaseTotals(0, 0, 0))
                    leases[request.campaign] = replace(held, granted=held.granted + units)
            asked = {request.campaign for request in requests}
            return {number: totals for number, totals in leases.items() if number in asked}

    async def give_back(self, epoch: Epoch, returned: Mapping[int, int]) -> None:
        """Raise the returned totals."""
        with self._change() as state:
            leases = _open(state, epoch).leases
            for number, total in returned.items():
                if number in leases and total > leases[number].returned:
                    state.rows[number].leased -= total - leases[number].returned
                    leases[number] = replace(leases[number], returned=total)

    async def lease_totals(self, epoch: Epoch) -> Mapping[int, LeaseTotals]:
        """Return the epoch's leases."""
        return dict(self._state.epochs[epoch].leases) if epoch in self._state.epochs else {}

    async def settle(self, batch: Batch) -> bool:
        """Apply a batch once."""
        if batch.upto <= batch.after:
            raise ValueError("a batch that can't be told from its repetition")
        with self._change() as state:
            one = state.epochs.get(batch.epoch)
            if one is not None and batch.upto <= one.applied:
                return False
            if _open(state, batch.epoch).applied != batch.after:
                raise SequenceGapError
            one = _open(state, batch.epoch)
            one.applied = batch.upto
            _apply(state, one, batch)
            return True

    async def close_epoch(self, epoch: Epoch, *, lost: bool, now: datetime) -> None:
        """Close an epoch."""
        with self._change() as state:
            one = state.epochs.get(epoch)
            if one is None or one.closed:
                return
            events = {}
            for number, lease in one.leases.items():
                held = lease.granted - lease.returned - lease.spent
                key = CountKey(number, 0, 0, hour_of(now))
                found = written_off(held, one.in_flight[number], lost=lost)
                for event, count in found.items():
                    events[key, event, POWER_LOSS if lost else PROCESS_DIED] = count
                state.totals["notifications"] += found.get(Event.INSERTED, 0)
            _apply(state, one, Batch(epoch, one.applied, one.applied + 1, events))
            for number, lease in list(one.leases.items()):
                left = lease.granted - lease.returned - lease.spent
                state.rows[number].leased -= left
                one.leases[number] = replace(lease, returned=lease.returned + left)
            one.closed = True

    async def counts(self) -> Counts:
        """Return all counts."""
        state = self._state
        return Counts(
            notifications=state.totals["notifications"],
            consumed=state.totals["consumed"],
            refused=state.totals["refused"],
            pass_through=dict(state.pass_through),
            campaigns=[_campaign(number, row) for number, row in state.rows.items()],
        )

    @contextmanager
    def _change(self) -> Iterator[_State]:
        """Change a copy, and keep it when it is sound."""
        state = copy.deepcopy(self._state)
        yield state
        for row in state.rows.values():
            counts = row.counts
            in_flight = counts["inserted"] - counts["accepted"] - counts["rejected"] - counts["unknown"]
            if min(row.settled, row.leased, in_flight, counts["unknown"]) < 0 or (
                row.free is not None and row.free < 0
            ):
                raise LedgerError
        for one in state.epochs.values():
            if any(lease.returned + lease.spent > lease.granted for lease in one.leases.values()):
                raise LedgerError
        self._state = state


def _open(state: _State, epoch: Epoch) -> _Epoch:
    one = state.epochs.get(epoch)
    if one is None or one.closed:
        raise EpochClosedError
    return one


def _apply(state: _State, one: _Epoch, batch: Batch) -> None:
    for number, moved in movements(batch.events).items():
        if number not in state.rows:
            raise LedgerError
        row = state.rows[number]
        row.counts.update(
            inserted=moved.inserted, accepted=moved.accepted, rejected=moved.rejected, unknown=moved.unknown
        )
        row.leased -= moved.spent
        row.settled += moved.spent - moved.freed
        if moved.spent or moved.in_flight:
            lease = one.leases.get(number, LeaseTotals(0, 0, 0))
            one.leases[number] = replace(lease, spent=lease.spent + moved.spent)
            one.in_flight[number] += moved.in_flight
    for name, by_hour in (
        ("notifications", batch.notifications),
        ("consumed", batch.consumed),
        ("refused", batch.refused),
    ):
        state.totals[name] += sum(by_hour.values())
    for (_, reason), n in batch.pass_through.items():
        state.pass_through[reason] += n


def _campaign(number: int, row: _Row) -> CampaignCounts:
    counts = row.counts
    return CampaignCounts(
        number=number,
        id=str(number),
        name=f"campaign {number}",
        quantity=row.quantity,
        inserted=counts["inserted"],
        accepted=counts["accepted"],
        rejected=counts["rejected"],
        unknown=counts["unknown"],
        delivered=0,
        failed=0,
        returned=counts["rejected"],
        settled=row.settled,
        leased=row.leased,
    )
