"""Journals on disk looked at from outside: frames, what is missing or damaged, what is open, the sums."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from adapters.files.journal_reader import EpochFolder
from adapters.files.journal_writer import EPOCH_FILE, SEGMENT_SUFFIX
from engine.journal import END_MARK, FRAME_HEADER, MAX_FRAME_OCTETS, Entry, Frame, Kind, read_frame
from inventory.books import Epoch

# How many sequences behind a hole are looked for: a page of the disk holds fewer frames.
_LOOK_BEHIND = 256

_OUTCOMES = frozenset((Kind.ACCEPTED, Kind.REJECTED, Kind.UNKNOWN))
# A living worker writes and control drops while we read: what looks wrong is looked at again.
_LOOKS = 3


@dataclass(frozen=True, slots=True)
class JournalFault:
    """One thing wrong with a journal: which file (empty for the epoch as a whole), where in it, what."""

    file: str
    offset: int
    message: str


@dataclass(slots=True)
class EpochReport:
    """What one epoch's journal holds, and what is wrong with it.

    `by_kind` sums insertions, outcomes and receipts by one, tallies by their count; `by_campaign` likewise,
    insertions and outcomes only. `open_insertions` holds those without an outcome, `dropped` says
    that the first segments were deleted because the books have them.
    """

    path: Path
    epoch: Epoch
    boot_id: str
    sync: str
    alive: bool
    segments: int = 0
    frames: int = 0
    entries: int = 0
    first: int = 0
    last: int = 0
    dropped: bool = False
    open_insertions: dict[int, int] = field(default_factory=dict)
    by_kind: Counter[str] = field(default_factory=Counter)
    by_campaign: dict[int, Counter[str]] = field(default_factory=dict)
    faults: list[JournalFault] = field(default_factory=list)

    def blame(self, file: str, offset: int, message: str) -> None:
        """Note a fault."""
        self.faults.append(JournalFault(file, offset, message))


def check_journals(directory: Path) -> Sequence[EpochReport]:
    """Return a report for every epoch at or under a directory, oldest first."""
    records = sorted(directory.rglob(EPOCH_FILE), key=lambda record: record.parent.name)
    return [report for record in records if (report := _settled_look(record)) is not None]


def _settled_look(record: Path) -> EpochReport | None:
    """Return an epoch's report; None when control closed and removed it meanwhile."""
    for look in range(_LOOKS):
        try:
            report = _check_epoch(record)
        except FileNotFoundError:
            continue
        if not report.faults or not report.alive or look == _LOOKS - 1:
            return report
    return None


def _check_epoch(record: Path) -> EpochReport:
    folder = record.parent
    try:
        fields = json.loads(record.read_bytes())
        epoch = Epoch(fields["node"], fields["worker"], fields["epoch"])
        boot, sync = str(fields["boot_id"]), str(fields["sync"])
    except (ValueError, KeyError, TypeError):
        report = EpochReport(folder, Epoch("", 0, 0), "", "", alive=False)
        report.blame(EPOCH_FILE, 0, "is no epoch record")
        return report
    report = EpochReport(folder, epoch, boot, sync, EpochFolder(folder, epoch, boot, sync).is_alive())
    _check_segments(report)
    return report


def _check_segments(report: EpochReport) -> None:
    paths = sorted(report.path.glob(f"*{SEGMENT_SUFFIX}"))
    indexes = [int(path.stem) for path in paths]
    report.segments = len(paths)
    report.dropped = bool(indexes) and indexes[0] > 1
    for before, after in pairwise(indexes):
        if after != before + 1:
            report.blame("", 0, f"segment {before + 1} is missing")
    for path in paths:
        for frame in _frames(report, path):
            _take(report, path.name, frame)


def _frames(report: EpochReport, path: Path) -> Iterator[Frame]:
    """Yield a segment's whole frames; note what is wrong between and behind them."""
    octets = path.read_bytes()
    at = 0
    while True:
        if (frame := read_frame(octets, at)) is None:
            found = _behind(octets, at, report.last + 1)
            if _is_damaged(octets, at, report.last + 1):
                report.blame(path.name, at, f"frame {report.last + 1} is damaged: its CRC is wrong")
            elif found is not None:
                report.blame(path.name, at, "what lies here is no frame, and frames follow")
            if found is None:
                return
            at, frame = found
        yield frame
        at = frame.end


def _is_damaged(octets: bytes, at: int, due: int) -> bool:
    """Tell whether the frame that is due was written whole here and has changed since.

    A write that failed leaves a beginning without its end mark, which nothing reads: no damage.
    """
    if at + FRAME_HEADER.size > len(octets):
        return False
    length, _, sequence = FRAME_HEADER.unpack_from(octets, at)
    end = at + length
    plausible = FRAME_HEADER.size < length <= MAX_FRAME_OCTETS and end <= len(octets)
    return plausible and sequence == due and octets[end - 1 : end] == END_MARK


def _behind(octets: bytes, at: int, due: int) -> tuple[int, Frame] | None:
    """Return the next whole frame behind a place where none could be read, with its offset."""
    if not octets[at:].strip(b"\0"):
        return None
    for sequence in range(due, due + _LOOK_BEHIND):
        place = octets.find(sequence.to_bytes(8, "little"), at + 8)
        while place >= 0:
            frame = read_frame(octets, place - 8)
            if frame is not None and frame.sequence == sequence:
                return place - 8, frame
            place = octets.find(sequence.to_bytes(8, "little"), place + 1)
    return None


def _take(report: EpochReport, file: str, frame: Frame) -> None:
    if report.frames == 0:
        report.first = frame.sequence
        if not report.dropped and frame.sequence != 1:
            report.blame(file, 0, f"frame {frame.sequence} comes first; frame 1 was due")
    elif frame.sequence != report.last + 1:
        report.blame(file, 0, f"frame {frame.sequence} follows {report.last}")
    report.last = frame.sequence
    report.frames += 1
    for entry in frame.entries:
        _count(report, file, frame.sequence, entry)


def _count(report: EpochReport, file: str, sequence: int, entry: Entry) -> None:
    report.entries += 1
    try:
        kind = Kind(entry.kind)
    except ValueError:
        report.blame(file, 0, f"frame {sequence} holds an entry of kind {entry.kind}, which there is not")
        return
    name = kind.name.lower()
    if kind >= Kind.NOTIFICATIONS:
        report.by_kind[name] += 1 if kind >= Kind.AWAITED else entry.number
        return
    report.by_kind[name] += 1
    report.by_campaign.setdefault(entry.campaign, Counter())[name] += 1
    if kind is Kind.INSERTED:
        if entry.number in report.open_insertions:
            report.blame(file, 0, f"frame {sequence} opens insertion {entry.number} a second time")
        report.open_insertions[entry.number] = entry.campaign
    elif kind in _OUTCOMES and report.open_insertions.pop(entry.number, None) is None and not report.dropped:
        report.blame(file, 0, f"frame {sequence} ends insertion {entry.number}, which is not open")


def is_journal(directory: Path) -> bool:
    """Tell whether a directory can be read and is one."""
    return directory.is_dir() and os.access(directory, os.R_OK | os.X_OK)
