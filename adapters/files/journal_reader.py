"""The other side of the journal: epochs found on disk, frames read as they come, segments dropped."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from adapters.files.journal_writer import EPOCH_FILE, LOCK_FILE, SEGMENT_SUFFIX, segment_path
from engine.journal import FORMAT, MAX_FRAME_OCTETS, Frame, Kind, read_frame, read_frames
from inventory.books import Epoch

JOURNAL_FOLDER = "journal"
LEADS_FOLDER = "leads"

_IS_INSERTED = Kind.INSERTED.value.__eq__

# What one look reads: more than a read's frame, less than what would be felt 50 times a second.
CHUNK_OCTETS = 256 * 1024


@dataclass(frozen=True, slots=True)
class EpochFolder:
    """One epoch's directory: which epoch, which boot of the machine, which sync policy, which format."""

    path: Path
    epoch: Epoch
    boot_id: str
    sync: str
    format: int = FORMAT

    def is_alive(self) -> bool:
        """Tell whether its worker still holds the lock."""
        try:
            descriptor = os.open(self.path / LOCK_FILE, os.O_RDWR)
        except FileNotFoundError:
            return False  # a removal that was cut short
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def remove(self) -> None:
        """Delete the folder, its epoch record last, so that a removal cut short is found again."""
        record = self.path / EPOCH_FILE
        for path in self.path.iterdir():
            if path != record:
                path.unlink()
        record.unlink()
        self.path.rmdir()


def boot_id() -> str:
    """Return what tells one boot of the machine from another."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def epoch_folder(data_dir: Path, epoch: Epoch, folder: str = JOURNAL_FOLDER) -> Path:
    """Return where an epoch's journal lies; its lead journal in LEADS_FOLDER."""
    return data_dir / folder / f"{epoch.worker}" / f"{epoch.number:020d}"


def find_epochs(data_dir: Path, folder: str = JOURNAL_FOLDER) -> list[EpochFolder]:
    """Return the epochs on disk, oldest first; a folder without a whole epoch record never held a frame."""
    found = []
    for record in (data_dir / folder).glob(f"*/*/{EPOCH_FILE}"):
        try:
            fields = json.loads(record.read_bytes())
        except FileNotFoundError:
            continue  # it was removed between the two looks
        epoch = Epoch(fields["node"], fields["worker"], fields["epoch"])
        found.append(
            EpochFolder(record.parent, epoch, fields["boot_id"], fields["sync"], fields.get("format", 0))
        )
    return sorted(found, key=lambda folder: folder.epoch.number)


class JournalFormatError(Exception):
    """The journal was written in another format: settle it with the version of the program that wrote it."""


class JournalGapError(Exception):
    """A frame is missing between two segments: look at the folder with `posdata journal verify`."""


@dataclass(frozen=True, slots=True)
class _DoneSegment:
    path: Path
    last_sequence: int
    last_insertion: int


class JournalReader:
    """Reads one epoch's frames in order while they are written, and drops segments that nobody needs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._index = self._sync_from = min(_segment_indexes(directory), default=1)
        self._descriptor: int | None = None
        self._at = 0
        self._last_sequence = 0
        self._last_insertion = 0
        self._done: list[_DoneSegment] = []

    @property
    def is_whole(self) -> bool:
        """Tell whether no segment was dropped yet."""
        return self._sync_from == 1

    def frames(self) -> Iterator[Frame]:
        """Yield the frames written since the last one yielded.

        Raises `JournalGapError` when nothing is left before a missing frame.
        """
        before = self._last_sequence
        while True:
            yield from self._rest_of_segment()
            following = self._first_of_next()
            if following is None:
                return
            yield from self._rest_of_segment()  # what came before the writer turned to the next one
            if following.sequence == self._last_sequence + 1:
                self._advance()
            elif self._last_sequence != before:
                return
            else:
                raise JournalGapError(
                    f"{self._directory}: frame {following.sequence} follows {self._last_sequence}"
                )

    def sync(self) -> None:
        """Bring what was written to the disk (the writer never waits for it); may run in a thread.

        Goes by the segments that are there, not by what was read: the books may be away meanwhile.
        """
        last = self._sync_from
        while segment_path(self._directory, last + 1).exists():
            last += 1
        for index in range(self._sync_from, last + 1):
            try:
                descriptor = os.open(segment_path(self._directory, index), os.O_RDONLY)
            except FileNotFoundError:
                continue  # not made yet, or dropped
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        self._sync_from = max(self._sync_from, last - 1)  # the last one is prepared, not always written

    def drop(self, applied: int, oldest_open: int) -> None:
        """Delete segments whose frames are applied and whose insertions have all ended.

        `applied` is the last frame sequence in the books, `oldest_open` the lowest number of an
        insertion without an outcome.
        """
        keep: list[_DoneSegment] = []
        for segment in self._done:
            if segment.last_sequence <= applied and segment.last_insertion < oldest_open and not keep:
                segment.path.unlink()
            else:
                keep.append(segment)
        self._done = keep

    def close(self) -> None:
        """Close the segment that is open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int | None:
        if self._descriptor is None:
            with suppress(FileNotFoundError):  # the worker has made its folder, not yet its first segment
                self._descriptor = os.open(segment_path(self._directory, self._index), os.O_RDONLY)
        return self._descriptor

    def _rest_of_segment(self) -> Iterator[Frame]:
        descriptor = self._open()
        if descriptor is None:
            return
        while True:
            base = self._at
            for frame in read_frames(_read_at(descriptor, base)):
                self._at = base + frame.end
                self._last_sequence = frame.sequence
                self._last_insertion = max(
                    self._last_insertion,
                    max(compress(frame.numbers, map(_IS_INSERTED, frame.kinds)), default=0),
                )
                yield frame
            if self._at == base:
                return

    def _first_of_next(self) -> Frame | None:
        try:
            descriptor = os.open(segment_path(self._directory, self._index + 1), os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            return read_frame(_read_at(descriptor, 0), 0)
        finally:
            os.close(descriptor)

    def _advance(self) -> None:
        path = segment_path(self._directory, self._index)
        self._done.append(_DoneSegment(path, self._last_sequence, self._last_insertion))
        self.close()
        self._index += 1
        self._at = 0


def _segment_indexes(directory: Path) -> list[int]:
    return [int(path.stem) for path in directory.glob(f"*{SEGMENT_SUFFIX}")]


def _read_at(descriptor: int, at: int) -> bytes:
    """Return a chunk that holds at least the whole frame at `at`, if there is one."""
    octets = os.pread(descriptor, CHUNK_OCTETS, at)
    length = int.from_bytes(octets[:4], "little")
    if CHUNK_OCTETS < length <= MAX_FRAME_OCTETS:
        return os.pread(descriptor, length, at)
    return octets


def unsettled(data_dir: Path, applied: Mapping[Epoch, int]) -> int:
    """Return how many journal entries under `data_dir` are not in the books yet.

    `applied` gives the last frame sequence in the books by epoch; epochs it does not name count whole.
    """
    total = 0
    for folder in find_epochs(data_dir):
        reader = JournalReader(folder.path)
        after = applied.get(folder.epoch, 0)
        total += sum(len(frame.kinds) for frame in reader.frames() if frame.sequence > after)
        reader.close()
    return total
