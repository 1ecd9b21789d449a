"""Journals on their way into the books: each counted once, whatever is interrupted."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.files.journal_reader import epoch_folder, find_epochs
from adapters.files.journal_writer import EPOCH_FILE, segment_path
from adapters.processes import epochs as epochs_module
from adapters.processes.epochs import Epochs
from engine.journal import FORMAT, Kind
from inventory.books import (
    POWER_LOSS,
    Batch,
    Counts,
    Epoch,
    LeaseRequest,
    LeaseTotals,
    OpenEpoch,
)
from tests.contract.fake_books import FakeBooks
from tests.unit.files.journals import EPOCH, make_writer, write
from tests.unit.processes.lives import lease, live, row, tear


class Killed(BaseException):
    """Control is killed at this instant."""


class FatefulBooks:
    """Books that count the calls, and kill control before or after the n-th, or lose its answer."""

    def __init__(self, books: FakeBooks) -> None:
        self.books = books
        self.calls = 0
        self.kill_at: int | None = None
        self.after = False
        self.fate: BaseException = Killed()

    def plan(self, kill_at: int, *, after: bool, fate: BaseException) -> None:
        """Say at which call to strike, before or after it has done its work."""
        self.kill_at, self.after, self.fate = self.calls + kill_at, after, fate

    def _strike(self, *, after: bool) -> None:
        if not after:
            self.calls += 1
        if self.calls == self.kill_at and after is self.after:
            self.kill_at = None
            raise self.fate

    async def open_epoch(self, epoch: Epoch, boot_id: str) -> None:
        """Pass on."""
        self._strike(after=False)
        await self.books.open_epoch(epoch, boot_id)
        self._strike(after=True)

    async def open_epochs(self, node: str) -> Sequence[OpenEpoch]:
        """Pass on."""
        self._strike(after=False)
        found = await self.books.open_epochs(node)
        self._strike(after=True)
        return found

    async def settle(self, batch: Batch) -> bool:
        """Pass on."""
        self._strike(after=False)
        applied = await self.books.settle(batch)
        self._strike(after=True)
        return applied

    async def close_epoch(self, epoch: Epoch, *, lost: bool, now: datetime) -> None:
        """Pass on."""
        self._strike(after=False)
        await self.books.close_epoch(epoch, lost=lost, now=now)
        self._strike(after=True)

    async def grant(
        self, epoch: Epoch, requests: Sequence[LeaseRequest], horizon_s: float, holders: int, *, now: datetime
    ) -> Mapping[int, LeaseTotals]:
        """Pass on."""
        return await self.books.grant(epoch, requests, horizon_s, holders, now=now)

    async def give_back(self, epoch: Epoch, returned: Mapping[int, int]) -> None:
        """Pass on."""
        await self.books.give_back(epoch, returned)

    async def lease_totals(self, epoch: Epoch) -> Mapping[int, LeaseTotals]:
        """Pass on."""
        return await self.books.lease_totals(epoch)

    async def counts(self) -> Counts:
        """Pass on."""
        return await self.books.counts()


def check_closed(books: FakeBooks, data_dir: Path) -> None:
    """See that the life was counted once, its lease is back, and nothing of it is left."""
    counts = row(books)
    assert (counts.inserted, counts.accepted, counts.rejected, counts.unknown) == (12, 5, 2, 5)
    assert (counts.settled, counts.leased, counts.free) == (10, 0, 990)
    assert asyncio.run(books.counts()).notifications == 12
    assert asyncio.run(books.open_epochs("relay-1")) == []
    assert find_epochs(data_dir) == []


def test_a_dead_workers_journal_is_settled_and_closed(data_dir: Path, memory: FakeBooks) -> None:
    """Its outcomes are counted, its open insertions are unknown, the rest of its lease is free again."""
    asyncio.run(lease(memory))
    live(data_dir)
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    check_closed(memory, data_dir)


def test_a_living_workers_journal_is_settled_as_it_grows(data_dir: Path, memory: FakeBooks) -> None:
    """Each settlement brings what is new; what is in flight stays open and leased."""

    async def follow() -> None:
        await lease(memory)
        journal = make_writer(data_dir)
        epochs = Epochs("relay-1", data_dir)
        await epochs.look(memory)
        for number in range(1, 40):
            write(journal, number)
            await epochs.settle(memory)
            if number > 3:
                write(journal, number - 3, kind=Kind.ACCEPTED)
            await epochs.look(memory)
        await epochs.settle(memory)
        counts = (await memory.counts()).campaigns[0]
        assert (counts.inserted, counts.accepted, counts.in_flight) == (39, 36, 3)
        assert (counts.settled, counts.leased) == (36, 250 - 36)
        assert len(list(journal.directory.glob("*.segment"))) <= 3
        journal.close()
        await epochs.look(memory)

    asyncio.run(follow())
    assert (row(memory).accepted, row(memory).unknown, row(memory).leased) == (36, 3, 0)


async def run_until_done(
    books: FatefulBooks, data_dir: Path, kill_at: int, *, after: bool, fate: BaseException
) -> bool:
    """Run control until every epoch is closed; tell whether it was struck on the way."""
    books.plan(kill_at, after=after, fate=fate)
    epochs = Epochs("relay-1", data_dir)
    struck = False
    for _ in range(20):
        try:
            await epochs.look(books)
            await epochs.settle(books)
        except Killed:
            struck = True
            epochs = Epochs("relay-1", data_dir)  # the next control process knows nothing
        except ConnectionError:
            struck = True  # the same one goes on when the database is back
        if not find_epochs(data_dir):
            return struck
    raise AssertionError("never done")


@pytest.mark.parametrize("fate", [Killed(), ConnectionError("the answer is lost")], ids=["killed", "away"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_every_instant_of_closing_may_be_the_last(
    data_dir: Path, memory: FakeBooks, monkeypatch: pytest.MonkeyPatch, fate: BaseException, after: bool
) -> None:
    """Control is killed, or the database goes, before and after each call: the life is counted once."""
    monkeypatch.setattr(epochs_module, "FRAMES_A_BATCH", 6)
    asyncio.run(lease(memory))
    blank = memory._state
    kill_at = 0
    struck = True
    while struck:
        kill_at += 1
        memory._state = blank
        live(data_dir)
        books = FatefulBooks(memory)
        struck = asyncio.run(run_until_done(books, data_dir, kill_at, after=after, fate=fate))
        check_closed(memory, data_dir)
    assert kill_at > 7  # to find, to settle four times, to close what is open, to close


@pytest.mark.parametrize("removed", range(8))
def test_a_removal_cut_short_counts_nothing_again(
    data_dir: Path, memory: FakeBooks, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """Control is killed while it removes a closed epoch's files: the next one only removes the rest."""
    asyncio.run(lease(memory))
    live(data_dir)
    unlink = Path.unlink
    done: list[Path] = []

    def cut_short(path: Path) -> None:
        if len(done) == removed:
            raise Killed
        done.append(path)
        unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", cut_short)
        try:
            asyncio.run(Epochs("relay-1", data_dir).look(memory))
        except Killed:
            assert find_epochs(data_dir)
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    check_closed(memory, data_dir)


def test_segments_dropped_before_a_kill_are_no_loss(data_dir: Path, memory: FakeBooks) -> None:
    """A new control process begins with the segments that are left, and knows what is open."""

    async def follow() -> None:
        await lease(memory)
        journal = make_writer(data_dir)
        epochs = Epochs("relay-1", data_dir)
        for number in range(1, 30):
            write(journal, number)
            write(journal, number, kind=Kind.ACCEPTED)
        write(journal, 30, 31)
        await epochs.look(memory)
        await epochs.settle(memory)
        assert not segment_path(journal.directory, 1).exists()
        again = Epochs("relay-1", data_dir)
        await again.look(memory)
        write(journal, 30, kind=Kind.ACCEPTED)
        await again.settle(memory)
        journal.close()
        await again.look(memory)

    asyncio.run(follow())
    assert (row(memory).inserted, row(memory).accepted, row(memory).unknown) == (31, 30, 1)


# -- one bad epoch --------------------------------------------------------------------------------


def test_a_journal_of_another_format_is_held(data_dir: Path, memory: FakeBooks) -> None:
    """A program that can't read it leaves it where it is, with its units leased, and says so once."""
    asyncio.run(lease(memory))
    live(data_dir)
    record = epoch_folder(data_dir, EPOCH) / EPOCH_FILE
    record.write_text(json.dumps(json.loads(record.read_text()) | {"format": FORMAT + 1}))
    epochs = Epochs("relay-1", data_dir)
    with capture_logs() as logs:
        for _ in range(2):
            asyncio.run(epochs.look(memory))
    assert [each["event"] for each in logs] == ["alarm_settlement_refused"]
    assert (row(memory).inserted, row(memory).leased) == (0, 250)
    assert len(find_epochs(data_dir)) == 1


def test_a_hole_without_a_power_loss_is_held(data_dir: Path, memory: FakeBooks) -> None:
    """What lies before it is counted; the rest stays leased and on the disk, and is alarmed once."""
    asyncio.run(lease(memory))
    live(data_dir)
    tear(data_dir, 1)
    epochs = Epochs("relay-1", data_dir)
    with capture_logs() as logs:
        for _ in range(3):
            asyncio.run(epochs.look(memory))
            asyncio.run(epochs.settle(memory))
    assert [each["event"] for each in logs] == ["alarm_settlement_refused"]
    assert (row(memory).inserted, row(memory).leased) == (3, 250)
    assert len(find_epochs(data_dir)) == 1


def test_one_bad_epoch_holds_up_no_other(data_dir: Path, memory: FakeBooks) -> None:
    """A hole, or counts that the ledger refuses, in one journal: the others are settled and closed."""
    unleased = Epoch("relay-1", 0, 0)
    live(data_dir, epoch=unleased)
    asyncio.run(lease(memory))
    live(data_dir)
    living = Epoch("relay-1", 1, 7)
    journal = make_writer(data_dir, living)
    asyncio.run(lease(memory, living))
    write(journal, 1)
    epochs = Epochs("relay-1", data_dir)
    with capture_logs() as logs:
        for _ in range(3):
            asyncio.run(epochs.look(memory))
            asyncio.run(epochs.settle(memory))
    assert Counter(each["event"] for each in logs) == {"alarm_settlement_refused": 1, "epoch_closed": 1}
    assert row(memory).inserted == 12 + 1
    assert [folder.epoch for folder in find_epochs(data_dir)] == [unleased, living]
    journal.close()


def test_a_journal_that_is_gone_is_lost(data_dir: Path, memory: FakeBooks) -> None:
    """An epoch without a folder: what it held is spent, until an operator says otherwise."""
    asyncio.run(lease(memory))
    epochs = Epochs("relay-1", data_dir)
    with capture_logs() as logs:
        asyncio.run(epochs.look(memory))
        asyncio.run(epochs.look(memory))
    assert [each["event"] for each in logs] == ["alarm_journal_missing"]
    assert (row(memory).unknown, row(memory).leased) == (250, 0)
    assert POWER_LOSS


def test_a_renamed_nodes_journals_are_settled(data_dir: Path, memory: FakeBooks) -> None:
    """What a node left under its former name is found by the journal, and closed under that name."""
    former = Epoch("relay-0", 0, 1)
    asyncio.run(lease(memory, former))
    live(data_dir, epoch=former)
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    check_closed(memory, data_dir)
    assert asyncio.run(memory.open_epochs("relay-0")) == []


def test_every_living_journal_is_synced(data_dir: Path, memory: FakeBooks) -> None:
    """Control brings all of them to the disk."""
    journals = [make_writer(data_dir, Epoch("relay-1", worker, 1)) for worker in range(2)]
    epochs = Epochs("relay-1", data_dir)
    asyncio.run(epochs.look(memory))
    assert len(epochs.living) == 2
    epochs.sync()
    for journal in journals:
        journal.close()
    asyncio.run(epochs.look(memory))
    assert epochs.living == []
    epochs.sync()
