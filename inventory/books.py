"""The books as a port: what the control process asks of whatever keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Protocol

from inventory.campaign import Campaign

POWER_LOSS = "power_loss"
"""The cause of what a lost journal may have inserted."""

PROCESS_DIED = "process_died"
"""The cause of insertions whose worker ended before the answer."""


def hour_of(now: datetime) -> int:
    """Return the whole hours since 1970-01-01T00 UTC of an aware instant."""
    return int(now.timestamp()) // 3600


@dataclass(frozen=True, slots=True)
class Epoch:
    """One life of one worker: the fencing token of its leases and the key of its journal."""

    node: str
    worker: int
    number: int


class Event(StrEnum):
    """What a journal entry says of an insertion.

    `late_accepted` and `late_rejected` correct an `unknown` that was counted before
    (the answer came after the timeout, on the same session).
    """

    INSERTED = "inserted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    LATE_ACCEPTED = "late_accepted"
    LATE_REJECTED = "late_rejected"


@dataclass(frozen=True, slots=True)
class CountKey:
    """The finest grain of the counts.

    `place` is municipality × 1000 + LADA as an integer (municipality 0 = decided by LADA);
    `hour` counts whole hours since 1970-01-01T00 UTC.
    """

    campaign: int
    creative_version: int
    place: int
    hour: int


class SupplyKey(NamedTuple):
    """A cell of supply: hour and place as in `CountKey`, room class (inventory.plan), narrow or wide room."""

    hour: int
    place: int
    room_class: int
    wide: bool


class Awaited(NamedTuple):
    """An accepted insertion that waits for its receipt; `number` is the hash of both ends (signed)."""

    number: int
    campaign: int
    creative_version: int
    place: int
    hour: int


class Received(NamedTuple):
    """A final receipt as it came: the hash that its insertion has, the route's number, state and mask."""

    number: int
    route: int
    state: int
    mask: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive journal frames of one epoch, folded; applied once, whatever is retried.

    `after` is the last frame sequence applied before it, `upto` the last one in it, so `upto` > `after`.
    `events` counts by (key, event, cause), cause "" where there is none;
    `notifications`, `consumed` and `refused` count by hour, `pass_through` by (hour, reason).
    `awaited` and `received` are what receipts are matched with; `supply` counts what could carry ads.
    `exposures` holds keyed hashes (engine.people) of whose ads were accepted, by campaign and hour.
    """

    epoch: Epoch
    after: int
    upto: int
    events: Mapping[tuple[CountKey, Event, str], int] = field(default_factory=dict)
    notifications: Mapping[int, int] = field(default_factory=dict)
    pass_through: Mapping[tuple[int, str], int] = field(default_factory=dict)
    consumed: Mapping[int, int] = field(default_factory=dict)
    refused: Mapping[int, int] = field(default_factory=dict)
    awaited: Sequence[Awaited] = ()
    received: Sequence[Received] = ()
    supply: Mapping[SupplyKey, int] = field(default_factory=dict)
    exposures: Mapping[tuple[int, int], Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaseRequest:
    """A worker asks for units of one campaign: it holds `held`, and spends at most `rate` a second."""

    campaign: int
    held: int
    rate: float


@dataclass(frozen=True, slots=True)
class LeaseTotals:
    """One epoch's lease of one campaign, as running totals (so that telling it twice does no harm).

    held by the worker + in flight = granted − returned − spent, where spent = accepted + unknown.
    """

    granted: int
    returned: int
    spent: int


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """An epoch that has not been closed, with how far its journal was applied."""

    epoch: Epoch
    boot_id: str
    applied: int


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """One campaign's row of `counts` (DESIGN contract: the sums are stated there and checked in tests)."""

    number: int
    id: str
    name: str
    quantity: int | None
    inserted: int
    accepted: int
    rejected: int
    unknown: int
    delivered: int
    failed: int
    returned: int
    settled: int
    leased: int

    def tally(self) -> dict[str, int]:
        """Return the counts by the names that documents give them."""
        return {
            "inserted": self.inserted,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "unknown": self.unknown,
            "in_flight": self.in_flight,
            "delivered": self.delivered,
            "failed": self.failed,
            "returned": self.returned,
        }

    def ledger(self) -> dict[str, int | None]:
        """Return the ledger's row by the names that documents give it."""
        return {"settled": self.settled, "leased": self.leased, "free": self.free}

    @property
    def in_flight(self) -> int:
        """Insertions whose fate is not known yet."""
        return self.inserted - self.accepted - self.rejected - self.unknown

    @property
    def free(self) -> int | None:
        """Units that nobody holds; None for a house campaign without a quantity."""
        return None if self.quantity is None else self.quantity - self.settled - self.leased


@dataclass(frozen=True, slots=True)
class Counts:
    """The whole books at one instant (one snapshot)."""

    notifications: int
    consumed: int
    refused: int
    pass_through: Mapping[str, int]
    campaigns: Sequence[CampaignCounts]


@dataclass(frozen=True, slots=True)
class ServingCampaign:
    """A campaign that may be served, with what was spent of it and what workers hold."""

    campaign: Campaign
    settled: int
    leased: int

    @property
    def quantity(self) -> int | None:
        """The units booked; None for a house campaign without a limit."""
        return self.campaign.quantity

    @property
    def free(self) -> int | None:
        """Units that nobody holds; None without a limit."""
        return None if self.quantity is None else self.quantity - self.settled - self.leased


class Books(Protocol):
    """Where counts, ledger, leases and epochs are kept."""

    async def open_epoch(self, epoch: Epoch, boot_id: str) -> None:
        """Register an epoch; doing it twice changes nothing."""

    async def open_epochs(self, node: str) -> Sequence[OpenEpoch]:
        """Return the node's epochs that are not closed, oldest first."""

    async def grant(
        self, epoch: Epoch, requests: Sequence[LeaseRequest], horizon_s: float, holders: int, *, now: datetime
    ) -> Mapping[int, LeaseTotals]:
        """Lease units (inventory.leases.top_up says how many) and return the campaigns' totals.

        Takes nothing from a campaign that may not serve or that ended by `now`; a campaign that
        the epoch never leased is left out. Raises `EpochClosedError` for an epoch that is not open.
        """

    async def give_back(self, epoch: Epoch, returned: Mapping[int, int]) -> None:
        """Raise the returned totals of campaigns to `returned`; units go back to free.

        A total that is no higher changes nothing. Raises `EpochClosedError` for an epoch that is not open,
        `LedgerError` for units that it does not hold.
        """

    async def lease_totals(self, epoch: Epoch) -> Mapping[int, LeaseTotals]:
        """Return the epoch's leases by campaign number."""

    async def settle(self, batch: Batch) -> bool:
        """Apply a batch in one transaction; False when it was applied before (also in a closed epoch).

        Raises `SequenceGapError` when `after` is not what was applied last,
        `EpochClosedError` for an epoch that is not open, `LedgerError` for units that it never leased.
        """

    async def close_epoch(self, epoch: Epoch, *, lost: bool, now: datetime) -> None:
        """Close an epoch whose journal was read to its end.

        Insertions of which the books know no outcome end here (inventory.ledger.written_off); the
        journal may have lost what the books had read. What is still held goes back to free; when
        `lost` (insertions may be missing too) it is booked as notifications of the hour of `now`,
        inserted and unknown, with cause `POWER_LOSS`, and stays spent. Doing it twice changes nothing.
        """

    async def counts(self) -> Counts:
        """Return all counts as of one instant."""


class EpochClosedError(Exception):
    """The epoch is not open: its worker must stop inserting and start a new epoch."""


class SequenceGapError(Exception):
    """Frames are missing before this batch: read the journal again from what was applied."""


class LedgerError(Exception):
    """More would be spent or returned than was leased: nothing was applied, the worker is at fault."""
