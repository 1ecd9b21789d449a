"""What every keeper of the books promises (inventory.books.Books)."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from inventory.books import (
    POWER_LOSS,
    Batch,
    CampaignCounts,
    CountKey,
    Epoch,
    EpochClosedError,
    Event,
    LeaseRequest,
    LeaseTotals,
    LedgerError,
    SequenceGapError,
)
from tests.contract.conftest import World

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600
EPOCH = Epoch("relay-1", 0, 1)
OTHER = Epoch("relay-2", 0, 1)


def grant(
    world: World, campaign: int, *, epoch: Epoch = EPOCH, held: int = 0, rate: float = 1
) -> LeaseTotals:
    """Open the epoch and lease units of one campaign."""
    world.run(world.books.open_epoch(epoch, "boot"))
    request = LeaseRequest(campaign, held, rate)
    return world.run(world.books.grant(epoch, [request], 30, 1, now=NOW))[campaign]


def events(campaign: int, **counts: int) -> dict[tuple[CountKey, Event, str], int]:
    """Return counts of events at one place and hour."""
    key = CountKey(campaign, 7, 14039033, HOUR)
    return {(key, Event(name), ""): n for name, n in counts.items()}


def settle(world: World, after: int, upto: int, campaign: int, **counts: int) -> bool:
    """Settle a batch of one campaign in which each insertion is a notification."""
    inserted = {HOUR: counts.get("inserted", 0)}
    batch = Batch(EPOCH, after, upto, events(campaign, **counts), notifications=inserted)
    return world.run(world.books.settle(batch))


def row(world: World, campaign: int) -> CampaignCounts:
    """Return one campaign's counts."""
    return next(one for one in world.run(world.books.counts()).campaigns if one.number == campaign)


def test_an_epoch_is_opened_once(world: World) -> None:
    """Opening an epoch twice leaves one open epoch, with nothing applied."""
    for _ in range(2):
        world.run(world.books.open_epoch(EPOCH, "boot"))
    [opened] = world.run(world.books.open_epochs("relay-1"))
    assert (opened.epoch, opened.boot_id, opened.applied) == (EPOCH, "boot", 0)
    assert world.run(world.books.open_epochs("relay-2")) == []


def test_a_grant_moves_units_from_free_to_leased(world: World) -> None:
    """The first lease reaches min(1000, free / 4) and leaves the rest free."""
    campaign = world.add_campaign(100_000)
    assert grant(world, campaign) == LeaseTotals(1000, 0, 0)
    assert (row(world, campaign).leased, row(world, campaign).free) == (1000, 99_000)


def test_a_later_grant_tops_up_what_is_held(world: World) -> None:
    """A second grant adds 1.5 horizons of the rate less what the worker holds."""
    campaign = world.add_campaign(100_000)
    grant(world, campaign)
    assert grant(world, campaign, held=10, rate=2).granted == 1000 + 90 - 10


def test_a_house_campaign_is_leased_without_limit(world: World) -> None:
    """A campaign without a quantity grants what the rate asks for and has no free units to tell."""
    campaign = world.add_campaign(None)
    assert grant(world, campaign, rate=1000).granted == 45_000
    assert row(world, campaign).free is None


@pytest.mark.parametrize("kwargs", [{"serving": False}, {"ends_at": NOW}])
def test_what_may_not_serve_is_not_leased(world: World, kwargs: dict[str, bool | datetime]) -> None:
    """A campaign that is paused or has ended grants nothing and is left out of the answer."""
    campaign = world.add_campaign(100, **kwargs)
    world.run(world.books.open_epoch(EPOCH, "boot"))
    assert not world.run(world.books.grant(EPOCH, [LeaseRequest(campaign, 0, 1)], 30, 1, now=NOW))
    assert row(world, campaign).leased == 0


def test_a_closed_epoch_gets_nothing(world: World) -> None:
    """Grants and returns of an epoch that was closed, or never opened, are refused."""
    campaign = world.add_campaign(100)
    grant(world, campaign)
    world.run(world.books.close_epoch(EPOCH, lost=False, now=NOW))
    for epoch in (EPOCH, OTHER):
        with pytest.raises(EpochClosedError):
            world.run(world.books.grant(epoch, [LeaseRequest(campaign, 0, 1)], 30, 1, now=NOW))
        with pytest.raises(EpochClosedError):
            world.run(world.books.give_back(epoch, {campaign: 1}))
    assert row(world, campaign).leased == 0


def test_outcomes_move_units_from_leased_to_settled(world: World) -> None:
    """Accepted and unknown are spent, rejected stays with the worker, in flight stays leased."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    assert settle(world, 0, 3, campaign, inserted=8, accepted=3, rejected=2, unknown=1)
    counts = row(world, campaign)
    assert (counts.inserted, counts.accepted, counts.rejected, counts.unknown) == (8, 3, 2, 1)
    assert (counts.in_flight, counts.returned, counts.delivered, counts.failed) == (2, 2, 0, 0)
    assert (counts.settled, counts.leased, counts.free) == (4, 6, 30)
    assert world.run(world.books.lease_totals(EPOCH)) == {campaign: LeaseTotals(10, 0, 4)}


def test_a_batch_is_applied_once(world: World) -> None:
    """A repeated batch says False and changes nothing, at once or later, before and after closing."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    batch = Batch(EPOCH, 0, 5, events(campaign, inserted=3, accepted=3), {HOUR: 3})

    async def at_once() -> list[bool]:
        return await asyncio.gather(*(world.books.settle(batch) for _ in range(5)))

    assert sorted(world.run(at_once())) == [False] * 4 + [True]
    assert world.run(world.books.settle(batch)) is False
    world.run(world.books.close_epoch(EPOCH, lost=False, now=NOW))
    assert world.run(world.books.settle(batch)) is False
    assert row(world, campaign).accepted == 3


def test_missing_frames_are_refused(world: World) -> None:
    """A batch that does not begin where the last one ended is refused, and so is one without frames."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 5, campaign, inserted=1)
    for after, upto in ((6, 9), (4, 9)):
        with pytest.raises(SequenceGapError):
            settle(world, after, upto, campaign, inserted=1)
    with pytest.raises(ValueError, match="batch"):
        settle(world, 5, 5, campaign, inserted=1)
    assert row(world, campaign).inserted == 1


def test_new_frames_of_a_closed_epoch_are_refused(world: World) -> None:
    """After closing, a batch that was not applied before is refused."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    world.run(world.books.close_epoch(EPOCH, lost=False, now=NOW))
    with pytest.raises(EpochClosedError):
        settle(world, 0, 1, campaign, inserted=1)


def test_late_answers_correct_unknown(world: World) -> None:
    """A late acceptance moves no unit; a late refusal sets its unit free again."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 1, campaign, inserted=5, unknown=5)
    settle(world, 1, 2, campaign, late_accepted=2, late_rejected=1)
    counts = row(world, campaign)
    assert (counts.accepted, counts.rejected, counts.unknown, counts.in_flight) == (2, 1, 2, 0)
    assert (counts.settled, counts.leased, counts.free) == (4, 5, 31)


def test_returns_are_running_totals(world: World) -> None:
    """Telling the same returned total twice, or a lower one, changes nothing."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    for total in (4, 4, 3):
        world.run(world.books.give_back(EPOCH, {campaign: total, campaign + 1: 9}))
        assert (row(world, campaign).leased, row(world, campaign).free) == (6, 34)


@pytest.mark.parametrize("spent", [{"accepted": 11}, {"late_rejected": 1}])
def test_more_than_was_leased_is_not_spent(world: World, spent: dict[str, int]) -> None:
    """A batch that the ledger can't hold is refused as a whole."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    grant(world, campaign, epoch=OTHER)
    with pytest.raises(LedgerError):
        settle(world, 0, 1, campaign, inserted=20, **spent)
    with pytest.raises(LedgerError):
        world.run(world.books.give_back(EPOCH, {campaign: 11}))
    counts = world.run(world.books.counts())
    assert counts.notifications == 0
    assert (row(world, campaign).inserted, row(world, campaign).settled) == (0, 0)
    assert world.run(world.books.open_epochs("relay-1"))[0].applied == 0


def test_unknown_campaigns_are_not_counted(world: World) -> None:
    """Events of a campaign that was never booked are refused as a whole."""
    world.run(world.books.open_epoch(EPOCH, "boot"))
    with pytest.raises(LedgerError):
        settle(world, 0, 1, 4711, inserted=1)


def test_closing_sets_free_what_is_held(world: World) -> None:
    """A complete journal's epoch closes once, and its units are free again."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 1, campaign, inserted=2, accepted=2)
    for lost in (False, True):
        world.run(world.books.close_epoch(EPOCH, lost=lost, now=NOW))
        counts = row(world, campaign)
        assert (counts.settled, counts.leased, counts.free, counts.unknown) == (2, 0, 38, 0)
    assert world.run(world.books.open_epochs("relay-1")) == []


def test_a_lost_journal_is_spent(world: World) -> None:
    """What a lost journal may have inserted is counted as notifications, inserted and unknown, once."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 1, campaign, inserted=3, accepted=2)

    async def at_once() -> None:
        closings = (world.books.close_epoch(EPOCH, lost=True, now=NOW) for _ in range(3))
        await asyncio.gather(*closings)

    # The open insertion was settled as unknown before the epoch is closed, as the port demands.
    settle(world, 1, 2, campaign, unknown=1)
    world.run(at_once())
    counts = world.run(world.books.counts())
    [one] = counts.campaigns
    assert (one.inserted, one.accepted, one.unknown, one.in_flight) == (10, 2, 8, 0)
    assert (one.settled, one.leased, one.free) == (10, 0, 30)
    assert counts.notifications == one.inserted


@pytest.mark.parametrize("lost", [True, False])
def test_what_a_cut_journal_tells_no_more_ends_once(world: World, lost: bool) -> None:
    """The books knew more than the journal kept: what is in flight to them is unknown, once, and spent."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 9, campaign, inserted=6, accepted=2, rejected=1)
    for _ in range(2):
        world.run(world.books.close_epoch(EPOCH, lost=lost, now=NOW))
    counts = world.run(world.books.counts())
    [one] = counts.campaigns
    unseen = 5 if lost else 0  # of ten leased units two were accepted, three are in flight
    assert (one.inserted, one.accepted, one.rejected, one.unknown) == (6 + unseen, 2, 1, 3 + unseen)
    assert (one.in_flight, one.leased, one.settled, one.free) == (0, 0, 5 + unseen, 35 - unseen)
    assert counts.notifications == one.inserted


@pytest.mark.parametrize("lost", [True, False])
def test_a_unit_that_came_back_proves_a_refusal(world: World, lost: bool) -> None:
    """A worker returned units of refused insertions, and the frame that says so is lost: nothing is spent."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    settle(world, 0, 1, campaign, inserted=10)
    world.run(world.books.give_back(EPOCH, {campaign: 4}))
    world.run(world.books.close_epoch(EPOCH, lost=lost, now=NOW))
    one = row(world, campaign)
    assert (one.inserted, one.unknown, one.rejected, one.in_flight) == (10, 6, 4, 0)
    assert (one.settled, one.leased, one.free) == (6, 0, 34)


def test_notifications_are_counted_by_what_became_of_them(world: World) -> None:
    """Inserted, pass-through, consumed and refused add up to notifications over hours and batches."""
    campaign = world.add_campaign(40)
    grant(world, campaign)
    for after in (0, 1):
        batch = Batch(
            EPOCH,
            after,
            after + 1,
            events(campaign, inserted=2),
            notifications={HOUR: 9, HOUR + 1: 3},
            pass_through={(HOUR, "no_room"): 3, (HOUR + 1, "no_room"): 1, (HOUR, "quiet_hours"): 1},
            consumed={HOUR: 2},
            refused={HOUR + 1: 3},
        )
        world.run(world.books.settle(batch))
    counts = world.run(world.books.counts())
    assert (counts.notifications, counts.consumed, counts.refused) == (24, 4, 6)
    assert counts.pass_through == {"no_room": 8, "quiet_hours": 2}


def test_a_booking_is_spent_to_its_last_unit(world: World) -> None:
    """Two workers that ask whenever they hold nothing spend exactly the quantity."""
    campaign = world.add_campaign(57)
    held = {EPOCH: 0, OTHER: 0}
    applied = dict.fromkeys(held, 0)
    for epoch in held:
        world.run(world.books.open_epoch(epoch, "boot"))
    for step in range(200):
        epoch = (EPOCH, OTHER)[step % 2]
        if not held[epoch]:
            request = LeaseRequest(campaign, 0, 0.1)
            before = world.run(world.books.lease_totals(epoch)).get(campaign, LeaseTotals(0, 0, 0))
            after = world.run(world.books.grant(epoch, [request], 30, 2, now=NOW))
            held[epoch] += after[campaign].granted - before.granted
        if held[epoch]:
            batch = Batch(epoch, applied[epoch], applied[epoch] + 1, events(campaign, inserted=1, accepted=1))
            assert world.run(world.books.settle(batch))
            applied[epoch] += 1
            held[epoch] -= 1
        if row(world, campaign).free == 0 and not any(held.values()):
            break
    assert (row(world, campaign).settled, row(world, campaign).leased) == (57, 0)


def test_nodes_that_work_at_the_same_time_keep_the_sums(world: World) -> None:
    """Grants, batches, returns and closings of several nodes at once neither deadlock nor lose a unit."""
    campaigns = [world.add_campaign(500) for _ in range(4)]

    async def node(number: int) -> None:
        epoch = Epoch(f"relay-{number}", 0, 1)
        await world.books.open_epoch(epoch, "boot")
        order = campaigns if number % 2 else campaigns[::-1]
        for step in range(4):
            requests = [LeaseRequest(campaign, 0, 0.1) for campaign in order]
            await world.books.grant(epoch, requests, 30, 4, now=NOW)
            found = {}
            for campaign in order:
                found |= events(campaign, inserted=2, accepted=1, rejected=1)
            await world.books.settle(Batch(epoch, step, step + 1, found, {HOUR: 2 * len(order)}))
            await world.books.give_back(epoch, dict.fromkeys(order, step + 1))
        await world.books.close_epoch(epoch, lost=number == 0, now=NOW + timedelta(hours=1))

    async def all_nodes() -> None:
        await asyncio.gather(*(node(number) for number in range(4)))

    world.run(all_nodes())
    counts = world.run(world.books.counts())
    assert counts.notifications == sum(one.inserted for one in counts.campaigns)
    for one in counts.campaigns:
        assert (one.accepted, one.rejected, one.leased) == (16, 16, 0)
        assert one.settled == one.accepted + one.unknown
        assert one.in_flight == 0


def test_the_cause_of_a_loss_is_named() -> None:
    """Reports may rely on the cause's name."""
    assert POWER_LOSS == "power_loss"


def test_a_worker_can_not_spend_another_ones_lease(world: World) -> None:
    """An epoch that never leased a campaign spends nothing of what another epoch holds."""
    campaign = world.add_campaign(40)
    grant(world, campaign, epoch=OTHER)
    world.run(world.books.open_epoch(EPOCH, "boot"))
    with pytest.raises(LedgerError):
        settle(world, 0, 1, campaign, inserted=1, accepted=1)
    assert (row(world, campaign).leased, row(world, campaign).inserted) == (10, 0)
