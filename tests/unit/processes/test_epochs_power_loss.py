"""Journals of a machine that went down: what may be missing is spent, and nothing is counted twice."""

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.files.journal_reader import find_epochs
from adapters.processes.epochs import Epochs
from engine.journal import Kind
from tests.contract.fake_books import FakeBooks
from tests.unit.files.journals import EPOCH, make_writer, write
from tests.unit.processes.lives import lease, live, row, tear


@pytest.mark.parametrize(("sync", "lost"), [("interval", True), ("os", True), ("always", False)])
def test_a_power_loss_may_have_taken_the_tail(
    data_dir: Path, memory: FakeBooks, sync: str, lost: bool
) -> None:
    """Under another boot all that is still leased is unknown, unless every frame was on the disk first."""
    asyncio.run(lease(memory))
    live(data_dir, sync=sync, boot="the boot before")
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    counts = row(memory)
    assert (counts.accepted, counts.rejected, counts.leased) == (5, 2, 0)
    assert counts.unknown == (250 - 5 if lost else 5)
    assert counts.free == 1000 - 5 - counts.unknown


def test_a_hole_in_the_tail_of_a_power_loss_ends_the_journal(data_dir: Path, memory: FakeBooks) -> None:
    """The disk may have kept a later segment without the end of the one before: lost, said, closed."""
    asyncio.run(lease(memory))
    live(data_dir, boot="the boot before")
    tear(data_dir, 1)
    with capture_logs() as logs:
        asyncio.run(Epochs("relay-1", data_dir).look(memory))
    assert [each["event"] for each in logs] == ["alarm_journal_cut", "epoch_closed"]
    counts = row(memory)
    assert (counts.accepted, counts.unknown, counts.leased) == (0, 250, 0)
    assert find_epochs(data_dir) == []


def test_under_always_a_hole_after_a_power_loss_ends_the_journal_too(
    data_dir: Path, memory: FakeBooks
) -> None:
    """Nothing behind the hole had left: it is closed, and what was not inserted is free again."""
    asyncio.run(lease(memory))
    live(data_dir, sync="always", boot="the boot before")
    tear(data_dir, 1)
    with capture_logs() as logs:
        asyncio.run(Epochs("relay-1", data_dir).look(memory))
    assert [each["event"] for each in logs] == ["alarm_journal_cut", "epoch_closed"]
    assert (row(memory).inserted, row(memory).unknown, row(memory).leased) == (3, 3, 0)
    assert row(memory).free == 1000 - 3


@pytest.mark.parametrize("sync", ["interval", "always"])
def test_books_that_know_more_than_the_cut_journal_count_nothing_twice(
    data_dir: Path, memory: FakeBooks, sync: str
) -> None:
    """Control had settled frames that the power loss took: each insertion ends once, none is in flight."""
    asyncio.run(lease(memory))
    journal = make_writer(data_dir, sync=sync, boot="the boot before")
    write(journal, *range(1, 13))
    write(journal, *range(1, 6), kind=Kind.ACCEPTED)
    epochs = Epochs("relay-1", data_dir)

    async def settle_all() -> None:
        await epochs.look(memory)
        await epochs.settle(memory)

    asyncio.run(settle_all())
    assert (row(memory).inserted, row(memory).accepted) == (12, 5)
    journal.close()
    tear(data_dir, 1)
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    counts = row(memory)
    lost = 250 - 12 if sync == "interval" else 0
    assert (counts.inserted, counts.accepted, counts.unknown) == (12 + lost, 5, 7 + lost)
    assert (counts.in_flight, counts.leased, counts.settled) == (0, 0, 12 + lost)
    assert find_epochs(data_dir) == []


@pytest.mark.parametrize("boot", ["the boot before", None])
def test_units_that_came_back_prove_refusals_that_the_journal_lacks(
    data_dir: Path, memory: FakeBooks, boot: str | None
) -> None:
    """Of twelve open insertions seven gave their units back: five are unknown, and nothing is held up."""
    asyncio.run(lease(memory))
    journal = make_writer(data_dir, boot=boot)
    write(journal, *range(1, 13))
    journal.close()
    asyncio.run(memory.give_back(EPOCH, {1: 250 - 5}))
    asyncio.run(Epochs("relay-1", data_dir).look(memory))
    counts = row(memory)
    assert (counts.inserted, counts.unknown, counts.rejected) == (12, 5, 7)
    assert (counts.in_flight, counts.leased, counts.settled, counts.free) == (0, 0, 5, 995)
    assert find_epochs(data_dir) == []
