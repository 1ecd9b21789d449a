"""Call detail records: one line an insertion and outcome, in hourly files, each line exactly once.

Lines are made from the journal and hold no subscriber's number. A file is appended to as `….open` and
renamed when its hour is over. `position.json` says how much of the open file counts, and how far each
epoch's journal is in the files; it is replaced after each write, so that what a crash left behind it
is cut off and written anew from the journal.
"""

import json
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.journal import Cause, Entry, Frame, Kind
from inventory.books import Epoch

CDR_FOLDER = "cdr"
POSITION_FILE = "position.json"
OPEN_SUFFIX = ".open"
# What waits for a write in memory, at most about 2 MB.
LINES_A_WRITE = 10_000

_PATTERN = "cdr-%Y-%m-%dT%HZ.jsonl"
_HOUR = timedelta(hours=1)


class CdrFiles:
    """The files of one node; nothing here is for the hot path, `flush` may run in a thread.

    Raises `OSError` when the disk refuses; then `recover` must succeed before anything else, and
    what was taken since the last `flush` must be taken again.
    """

    def __init__(self, data_dir: Path, keep_days: int, clock: Callable[[], datetime]) -> None:
        self._folder = data_dir / CDR_FOLDER
        self._keep = timedelta(days=keep_days)
        self._clock = clock
        self._hour = 0
        self._octets: int | None = None  # of the open file; None when none is open
        self._written: dict[Epoch, _Position] = {}
        self._taken: dict[Epoch, _Position] = {}
        self._lines: list[str] = []
        self.recover()

    def recover(self) -> None:
        """Go back to what is known to be written."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lines.clear()
        self._load()
        self._taken = dict(self._written)
        for path in self._folder.glob(f"*{OPEN_SUFFIX}"):
            if self._octets is None or path != self._open_path:
                path.unlink()  # its lines were never counted
        if self._octets is None:
            return
        if self._open_path.exists():
            self._octets = min(self._octets, self._open_path.stat().st_size)
            os.truncate(self._open_path, self._octets)
        else:  # it was closed, or not begun
            self._octets = None if self._final_path.exists() else 0

    @property
    def due(self) -> bool:
        """Tell whether there is anything to write or to close."""
        return bool(self._lines) or (self._octets is not None and _hour(self._clock()) > self._hour)

    def begin(self, epoch: Epoch, applied: int, *, whole: bool) -> None:
        """Know an epoch; one that is new here is recorded from its beginning, if its journal is `whole`.

        Else it lived while no records were kept: it is recorded from the frame after `applied` on.
        """
        if epoch in self._taken:
            return
        self._taken[epoch] = _Position(0 if whole else applied)
        if not whole:
            self.flush(always=True)

    def take(self, epoch: Epoch, frame: Frame) -> None:
        """Take a frame in, once."""
        position = self._taken[epoch]
        if frame.sequence <= position.frame:
            return
        self._taken[epoch] = _Position(frame.sequence)
        if any(kind < Kind.NOTIFICATIONS for kind in frame.kinds):
            at = self._now()
            self._lines += [
                _line(at, epoch, each) for each in frame.entries if each.kind < Kind.NOTIFICATIONS
            ]

    def end(self, epoch: Epoch, frames: Iterable[Frame], cause: Cause) -> None:
        """Take in the rest of a dead worker's journal, and its insertions without an outcome as unknown.

        When frames were recorded that the journal has lost, what is open may have ended there: it is
        not recorded.
        """
        if epoch not in self._taken or self._taken[epoch].closed:
            return
        unanswered: dict[int, Entry] = {}
        last = 0
        for frame in frames:
            self.take(epoch, frame)
            last = frame.sequence
            for entry in frame.entries:
                if entry.kind == Kind.INSERTED:
                    unanswered[entry.number] = entry
                elif entry.kind < Kind.NOTIFICATIONS:
                    unanswered.pop(entry.number, None)
            if len(self._lines) >= LINES_A_WRITE:
                self.flush()
        position = self._taken[epoch]
        if last >= position.frame:
            at = self._now()
            for entry in unanswered.values():
                self._lines.append(_line(at, epoch, entry._replace(kind=Kind.UNKNOWN, cause=cause)))
        self._taken[epoch] = _Position(position.frame, closed=True)
        self.flush(always=True)

    def forget_others(self, epochs: Iterable[Epoch]) -> None:
        """Forget epochs whose journals are gone."""
        known = set(epochs)
        for epoch in self._taken.keys() - known:
            del self._taken[epoch]

    def flush(self, *, always: bool = False) -> None:
        """Write what was taken, then say so; close the file when its hour is over."""
        self._turn()
        if not self._lines and not always:
            return
        if self._lines:
            if self._octets is None:
                self._hour = max(_hour(self._clock()), self._hour + 1)
                self._octets = 0
                self._save()
            octets = "".join(self._lines).encode()
            with self._open_path.open("ab") as stream:
                stream.write(octets)
                stream.flush()
                os.fsync(stream.fileno())
            self._octets += len(octets)
            self._lines.clear()
        self._written = dict(self._taken)
        self._save()

    def _turn(self) -> None:
        """Close a file whose hour is over, and delete those that are too old."""
        now = self._clock()
        if self._octets is None or _hour(now) <= self._hour:
            return
        if self._open_path.exists():
            self._open_path.rename(self._final_path)
        self._octets = None
        self._save()
        for path in self._folder.glob("cdr-*.jsonl"):
            if datetime.strptime(path.name, _PATTERN).replace(tzinfo=UTC) + _HOUR + self._keep < now:
                path.unlink()

    @property
    def _final_path(self) -> Path:
        return self._folder / (datetime.fromtimestamp(self._hour * 3600, UTC).strftime(_PATTERN))

    @property
    def _open_path(self) -> Path:
        return self._final_path.with_name(self._final_path.name + OPEN_SUFFIX)

    def _now(self) -> str:
        return self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _load(self) -> None:
        try:
            document = json.loads((self._folder / POSITION_FILE).read_bytes())
        except FileNotFoundError:
            document = {"hour": 0, "octets": None, "epochs": []}
        self._hour, self._octets = document["hour"], document["octets"]
        self._written = {
            Epoch(each["node"], each["worker"], each["epoch"]): _Position(
                each["frame"], closed=each["closed"]
            )
            for each in document["epochs"]
        }

    def _save(self) -> None:
        """Replace the position; after a power loss it is the former or this one, and what it says is true."""
        document = {
            "hour": self._hour,
            "octets": self._octets,
            "epochs": [
                {"node": e.node, "worker": e.worker, "epoch": e.number, "frame": p.frame, "closed": p.closed}
                for e, p in self._written.items()
            ],
        }
        path = self._folder / POSITION_FILE
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as stream:
            json.dump(document, stream)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(path)
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class _Position:
    """How far an epoch is recorded: the last frame, and whether its open insertions are, too."""

    __slots__ = ("closed", "frame")

    def __init__(self, frame: int, *, closed: bool = False) -> None:
        self.frame = frame
        self.closed = closed


def _hour(now: datetime) -> int:
    return int(now.timestamp()) // 3600


def _line(at: str, epoch: Epoch, entry: Entry) -> str:
    """Return one record; `hour` is the insertion's, `at` when it was read from the journal."""
    municipality, lada = divmod(entry.place, 1000)
    record: dict[str, Any] = {
        "at": at,
        "event": Kind(entry.kind).name.lower(),
        "cause": Cause(entry.cause).code or None,
        "node": epoch.node,
        "worker": epoch.worker,
        "epoch": epoch.number,
        "insertion": entry.number,
        "campaign": entry.campaign,
        "creative_version": entry.creative_version,
        "municipality": f"{municipality:05d}" if municipality else None,
        "lada": str(lada),
        "hour": datetime.fromtimestamp(entry.hour * 3600, UTC).isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(record) + "\n"
