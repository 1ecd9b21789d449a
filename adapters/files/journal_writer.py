"""The worker's side of the journal: preallocated segments, one write a frame, a lock held for life."""

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from engine.journal import MAX_FRAME_OCTETS, pack_frame

SEGMENT_OCTETS = 16 * 1024 * 1024
SEGMENT_SUFFIX = ".segment"
EPOCH_FILE = "epoch.json"
LOCK_FILE = "lock"

# The next segment is made when this share of the current one is used.
PREPARE_AT = 0.5


def segment_path(directory: Path, index: int) -> Path:
    """Return where the segment `index` of an epoch lies."""
    return directory / f"{index:08d}{SEGMENT_SUFFIX}"


class JournalWriter:
    """Appends frames to one epoch's segments; the only writer of its directory.

    `sequence` is the last frame written. `append` never raises and never blocks on the disk: a
    frame that can't be written whole is refused (False), and the next one takes its place. On a full
    disk it is born without a segment, refuses every frame, and `prepare` tries again. `syncs` says
    that its owner calls `sync` (control does otherwise).
    """

    def __init__(
        self,
        directory: Path,
        epoch: Mapping[str, object],
        segment_octets: int = SEGMENT_OCTETS,
        *,
        syncs: bool = False,
    ) -> None:
        self._syncs = syncs
        self.directory = directory
        self.sequence = 0
        self._epoch = epoch
        self._segment_octets = segment_octets
        self._lock: int | None = None
        self._index = 1
        self._at = 0
        self._segment: int | None = None
        self._next: int | None = None
        self._former: list[int] = []
        with suppress(OSError):  # `prepare` says what it is
            self._open()

    @property
    def octets(self) -> int:
        """How far into the epoch's segments, laid end to end, frames were written."""
        return (self._index - 1) * self._segment_octets + self._at

    def append(self, entries: bytes) -> bool:
        """Write one frame of packed entries; False when it could not be written whole."""
        if self._segment is None:
            return False
        frame = pack_frame(self.sequence + 1, entries)
        if len(frame) > MAX_FRAME_OCTETS:
            return False  # the reader would take it for the end of the segment
        if self._at + len(frame) > self._segment_octets and not self._advance():
            return False
        try:
            written = os.pwrite(self._segment, frame, self._at)
        except OSError:
            return False
        if written != len(frame):
            return False
        self._at += written
        self.sequence += 1
        return True

    def prepare(self) -> None:
        """Preallocate the next segment in time, off the hot path. Raises `OSError` when the disk is full."""
        while self._former and not self._syncs:
            os.close(self._former.pop())
        if self._segment is None:
            self._open()
        if self._next is None and self._at > self._segment_octets * PREPARE_AT:
            self._next = self._allocate(self._index + 1)

    def sync(self) -> int:
        """Bring everything written so far to the disk; return the last sequence that it covers.

        May run in a thread of its own. Raises `OSError`.
        """
        upto = self.sequence
        segment = self._segment
        if segment is None:
            return upto
        while self._former and self._former[0] != segment:  # it may become a former one just now
            os.fdatasync(self._former[0])
            os.close(self._former.pop(0))
        os.fdatasync(segment)
        return upto

    def close(self) -> None:
        """Let go of the segments and of the lock: the epoch is over."""
        for descriptor in (*self._former, self._segment, self._next, self._lock):
            if descriptor is not None:
                os.close(descriptor)

    def _open(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = os.open(self.directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        _write_whole(self.directory / EPOCH_FILE, json.dumps(self._epoch).encode())
        self._segment = self._allocate(self._index)

    def _advance(self) -> bool:
        if self._next is None or self._segment is None:
            return False
        self._former.append(self._segment)  # before the switch, so that no sync misses it
        self._segment, self._next = self._next, None
        self._index += 1
        self._at = 0
        return True

    def _allocate(self, index: int) -> int:
        """Make a segment, which has its name only once it has its room: a reader keeps what it has opened."""
        path = segment_path(self.directory, index)
        new = path.with_suffix(".new")
        descriptor = os.open(new, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._segment_octets)
            new.replace(path)
        except OSError:
            os.close(descriptor)
            new.unlink(missing_ok=True)
            raise
        return descriptor


def _write_whole(path: Path, octets: bytes) -> None:
    """Write a small file so that after a crash it is whole or not there."""
    new = path.with_suffix(".new")
    with new.open("wb") as stream:
        stream.write(octets)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)
