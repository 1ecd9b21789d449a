"""Lives of workers made by hand: leased, inserted, answered, cut off."""

import asyncio
from pathlib import Path

from adapters.files.journal_reader import epoch_folder
from adapters.files.journal_writer import segment_path
from engine.journal import END_MARK, ENTRY, FRAME_HEADER, Kind
from inventory.books import Books, CampaignCounts, Epoch, LeaseRequest
from tests.contract.fake_books import FAR_FUTURE, FakeBooks
from tests.unit.files.journals import EPOCH, make_writer, write

NOW = FAR_FUTURE.replace(year=2026)


async def lease(books: Books, epoch: Epoch = EPOCH) -> None:
    """Hand the epoch its first 250 units of the campaign."""
    await books.open_epoch(epoch, "boot")
    await books.grant(epoch, [LeaseRequest(1, 0, 0.0)], 30, 1, now=NOW)


def live(data_dir: Path, *, epoch: Epoch = EPOCH, sync: str = "interval", boot: str | None = None) -> None:
    """Let a worker live and die: 12 insertions, 5 accepted, 2 rejected, 1 unknown, 4 in flight."""
    journal = make_writer(data_dir, epoch, sync=sync, boot=boot)
    write(journal, *range(1, 13))
    write(journal, 1, 2, 3, 4, 5, kind=Kind.ACCEPTED)
    write(journal, 6, 7, kind=Kind.REJECTED)
    write(journal, 8, kind=Kind.UNKNOWN)
    write(journal, 12, kind=Kind.NOTIFICATIONS)
    journal.close()


def row(books: FakeBooks) -> CampaignCounts:
    """Return the campaign's counts."""
    return asyncio.run(books.counts()).campaigns[0]


def tear(data_dir: Path, index: int, epoch: Epoch = EPOCH) -> None:
    """Lose the end of a segment: all after its third frame."""
    path = segment_path(epoch_folder(data_dir, epoch), index)
    whole = path.read_bytes()
    kept = 3 * (FRAME_HEADER.size + ENTRY.size + len(END_MARK))
    path.write_bytes(whole[:kept] + bytes(len(whole) - kept))
