"""Journals made by hand: entries, and a writer with small segments."""

from pathlib import Path

from adapters.files.journal_reader import JournalReader, boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from engine.journal import END_MARK, ENTRY, FORMAT, FRAME_HEADER, Cause, Kind
from inventory.books import Epoch

EPOCH = Epoch("relay-1", 0, 1)
FRAME = FRAME_HEADER.size + ENTRY.size + len(END_MARK)  # octets of a frame of one entry
SMALL = 9 * FRAME + 5  # octets a segment: nine such frames and a rest


def entry(kind: Kind, number: int, cause: int = Cause.NONE, *, campaign: int = 1) -> bytes:
    """Return one packed entry; tallies count for nobody."""
    if kind < Kind.NOTIFICATIONS:
        return ENTRY.pack(kind, cause, 0, campaign, 5, 33, 9, number)
    return ENTRY.pack(kind, cause, 0, 0, 0, 0, 9, number)


def make_writer(
    data_dir: Path,
    epoch: Epoch = EPOCH,
    *,
    octets: int = SMALL,
    sync: str = "interval",
    boot: str | None = None,
) -> JournalWriter:
    """Return a writer of a new epoch's journal."""
    return JournalWriter(
        epoch_folder(data_dir, epoch),
        {
            "node": epoch.node,
            "worker": epoch.worker,
            "epoch": epoch.number,
            "boot_id": boot or boot_id(),
            "sync": sync,
            "format": FORMAT,
        },
        octets,
        syncs=sync == "always",
    )


def write(journal: JournalWriter, *numbers: int, kind: Kind = Kind.INSERTED) -> None:
    """Write one frame a number, preparing segments in time."""
    for number in numbers:
        journal.prepare()
        assert journal.append(entry(kind, number))


def read(reader: JournalReader) -> list[int]:
    """Return the numbers of the entries that are new."""
    return [each.number for frame in reader.frames() for each in frame.entries]
