"""Call detail records: hourly files, each line once, whatever is killed."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.files.cdr import CDR_FOLDER, POSITION_FILE, CdrFiles
from engine.journal import Cause, Frame, Kind
from tests.unit.files.journals import EPOCH, entry

KEEP_DAYS = 7


class Killed(BaseException):
    """Control is killed at this instant."""


class Watch:
    """A clock that stands still until told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now


def frames(count: int) -> list[Frame]:
    """Return frames of an insertion, a tally and the outcome of the insertion before it."""
    made = []
    for number in range(1, count + 1):
        body = entry(Kind.INSERTED, number) + entry(Kind.NOTIFICATIONS, 3)
        if number > 1:
            body += entry(Kind.REJECTED, number - 1, Cause.STATUS)
        made.append(Frame(number, body, 0))
    return made


def names(data_dir: Path) -> list[str]:
    """Return the names of the records' files."""
    return sorted(path.name for path in (data_dir / CDR_FOLDER).glob("cdr-*"))


def records(data_dir: Path) -> list[dict[str, Any]]:
    """Return every record of every file; each line is whole."""
    found = []
    for path in sorted((data_dir / CDR_FOLDER).glob("cdr-*")):
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n")
        found += [json.loads(line) for line in text.splitlines()]
    return found


def told(data_dir: Path) -> Counter[tuple[str, int]]:
    """Count records by event and insertion."""
    return Counter((each["event"], each["insertion"]) for each in records(data_dir))


def expected(count: int) -> Counter[tuple[str, int]]:
    """Return what `frames` and the end of their epoch must leave."""
    wanted = Counter({("inserted", number): 1 for number in range(1, count + 1)})
    wanted.update({("rejected", number): 1 for number in range(1, count)})
    wanted["unknown", count] = 1
    return wanted


def test_a_record_says_what_the_journal_says(tmp_path: Path) -> None:
    """Every field, causes by name, the place in its parts, nothing of tallies."""
    files = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    files.begin(EPOCH, 0, whole=True)
    for frame in frames(2):
        files.take(EPOCH, frame)
    files.flush()
    common = {
        "at": "2026-11-24T18:30:00.000Z",
        "node": "relay-1",
        "worker": 0,
        "epoch": 1,
        "campaign": 1,
        "creative_version": 5,
        "municipality": None,
        "lada": "33",
        "hour": "1970-01-01T09:00:00Z",
    }
    assert records(tmp_path) == [
        common | {"event": "inserted", "cause": None, "insertion": 1},
        common | {"event": "inserted", "cause": None, "insertion": 2},
        common | {"event": "rejected", "cause": "status", "insertion": 1},
    ]


def test_a_file_is_closed_by_its_name_when_its_hour_is_over(tmp_path: Path) -> None:
    """Also when nothing is written; an hour without records has no file, a clock set back opens none."""
    watch = Watch()
    files = CdrFiles(tmp_path, KEEP_DAYS, watch)
    files.begin(EPOCH, 0, whole=True)
    one, two, three = frames(3)
    files.take(EPOCH, one)
    files.flush()
    assert names(tmp_path) == ["cdr-2026-11-24T18Z.jsonl.open"]
    assert not files.due
    watch.now += timedelta(hours=2)
    assert files.due
    files.flush()
    assert names(tmp_path) == ["cdr-2026-11-24T18Z.jsonl"]
    files.take(EPOCH, two)
    files.flush()
    watch.now -= timedelta(hours=1)
    files.take(EPOCH, three)
    files.flush()
    assert names(tmp_path) == ["cdr-2026-11-24T18Z.jsonl", "cdr-2026-11-24T20Z.jsonl.open"]
    assert len(records(tmp_path)) == 5


def test_old_files_are_deleted(tmp_path: Path) -> None:
    """A file goes when its last minute is older than the retention, at the turn of an hour."""
    watch = Watch()
    files = CdrFiles(tmp_path, KEEP_DAYS, watch)
    files.begin(EPOCH, 0, whole=True)
    for frame, wait in zip(frames(3), (1, KEEP_DAYS * 24, 0), strict=True):
        files.take(EPOCH, frame)
        files.flush()
        watch.now += timedelta(hours=wait)
    assert names(tmp_path) == ["cdr-2026-11-24T19Z.jsonl", "cdr-2026-12-01T19Z.jsonl.open"]


def test_a_journal_that_began_unrecorded_is_recorded_from_what_the_books_have(tmp_path: Path) -> None:
    """Records switched on in the middle of an epoch hold no outcome of which the beginning is gone."""
    files = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    files.begin(EPOCH, 3, whole=False)
    again = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    again.begin(EPOCH, 5, whole=False)
    for frame in frames(5):
        again.take(EPOCH, frame)
    again.flush()
    assert [event for event, number in told(tmp_path) if number == 4] == ["inserted", "rejected"]


def live(data_dir: Path, clock: Callable[[], datetime], count: int) -> None:
    """Do what control does in one life: read the journal from its beginning, then end it."""
    files = CdrFiles(data_dir, KEEP_DAYS, clock)
    files.begin(EPOCH, 0, whole=True)
    for frame in frames(count):
        files.take(EPOCH, frame)
        if frame.sequence % 2 == 0:
            files.flush()
            clock.now += timedelta(minutes=20)  # type: ignore[attr-defined]
    files.end(EPOCH, iter(frames(count)), Cause.PROCESS_DIED)


def steps(monkeypatch: pytest.MonkeyPatch, kill_at: int) -> Iterator[int]:
    """Count the calls that change the disk; the one with the number `kill_at` dies instead, or half done."""
    calls = iter(range(1, 1_000_000))
    originals = {(os, "fsync"): os.fsync, (Path, "replace"): Path.replace, (Path, "rename"): Path.rename}

    def strike(original: Callable[..., Any]) -> Callable[..., Any]:
        def act(*arguments: Any) -> Any:
            call = next(calls)
            if call == kill_at:
                raise Killed
            result = original(*arguments)
            if call == -kill_at:
                raise Killed
            return result

        return act

    for (owner, name), original in originals.items():
        monkeypatch.setattr(owner, name, strike(original))
    return calls


@pytest.mark.parametrize("kill_at", [*range(1, 60), *range(-60, 0)])
def test_a_kill_at_any_instant_neither_loses_nor_repeats_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    """Before or after each step that changes the disk; the next life makes good what is missing."""
    watch = Watch()
    with monkeypatch.context() as patch:
        calls = steps(patch, kill_at)
        try:
            live(tmp_path, watch, 9)
        except Killed:
            pass
        else:
            assert next(calls) <= abs(kill_at)
    live(tmp_path, watch, 9)
    assert told(tmp_path) == expected(9)
    assert all(not name.endswith(".open") for name in names(tmp_path)[:-1])


def test_a_line_torn_by_a_crash_is_written_anew(tmp_path: Path) -> None:
    """What lies behind the position is cut off."""
    files = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    files.begin(EPOCH, 0, whole=True)
    files.take(EPOCH, frames(2)[0])
    files.flush()
    [path] = (tmp_path / CDR_FOLDER).glob("*.open")
    with path.open("a") as stream:
        stream.write('{"at": "2026-11')
    live(tmp_path, Watch(), 2)
    assert told(tmp_path) == expected(2)


def test_epochs_whose_journals_are_gone_are_forgotten(tmp_path: Path) -> None:
    """The position holds no more epochs than there are journals."""
    live(tmp_path, Watch(), 3)
    files = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    files.forget_others([])
    files.flush(always=True)
    position = json.loads((tmp_path / CDR_FOLDER / POSITION_FILE).read_text())
    assert position["epochs"] == []


def test_what_a_journal_lost_is_not_taken_for_open(tmp_path: Path) -> None:
    """Frames that were recorded and then lost by a power failure may have ended what looks open."""
    files = CdrFiles(tmp_path, KEEP_DAYS, Watch())
    files.begin(EPOCH, 0, whole=True)
    for frame in frames(5):
        files.take(EPOCH, frame)
    files.flush()
    files.end(EPOCH, iter(frames(3)), Cause.POWER_LOSS)
    assert not [event for event, _ in told(tmp_path) if event == "unknown"]
