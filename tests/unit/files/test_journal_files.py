"""The journal on disk: what was written is read, in order, whatever happens on the way."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.files.journal_reader import JournalGapError, JournalReader, find_epochs, unsettled
from adapters.files.journal_writer import JournalWriter, segment_path
from engine.journal import MAX_FRAME_OCTETS, Cause, Kind, pack_frame
from inventory.books import Epoch
from tests.unit.files.journals import EPOCH, FRAME, SMALL, entry, make_writer, read, write


@pytest.fixture
def journal(data_dir: Path) -> JournalWriter:
    """Return a writer with small segments."""
    return make_writer(data_dir)


def refuse(*_: object) -> int:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# -- writing and reading --------------------------------------------------------------------------


def test_a_reader_follows_a_living_writer(journal: JournalWriter) -> None:
    """What is new is read once, in order, across segments."""
    reader = JournalReader(journal.directory)
    assert read(reader) == []
    seen: list[int] = []
    for number in range(1, 100):
        write(journal, number)
        if number % 7 == 0:
            seen += read(reader)
    seen += read(reader)
    assert seen == list(range(1, 100))
    assert read(reader) == []
    assert len(list(journal.directory.glob("*.segment"))) > 9


def test_a_reader_begun_later_reads_all(journal: JournalWriter) -> None:
    """A control process that was replaced begins at the first segment that is there."""
    write(journal, *range(1, 40))
    assert read(JournalReader(journal.directory)) == list(range(1, 40))


def test_a_frame_holds_what_one_read_brought(journal: JournalWriter) -> None:
    """Kind, cause, campaign, version, place, hour and number come back, under one sequence."""
    assert journal.append(entry(Kind.REJECTED, 7, Cause.STATUS, campaign=9) + entry(Kind.PASS_THROUGH, 3, 24))
    (frame,) = JournalReader(journal.directory).frames()
    assert frame.sequence == journal.sequence == 1
    assert [tuple(each) for each in frame.entries] == [(3, 2, 0, 9, 5, 33, 9, 7), (17, 24, 0, 0, 0, 0, 9, 3)]


def test_a_folder_without_a_segment_yet_has_no_frames(tmp_path: Path) -> None:
    """The worker makes its folder before its first segment."""
    reader = JournalReader(tmp_path)
    assert read(reader) == []
    segment_path(tmp_path, 1).write_bytes(pack_frame(1, entry(Kind.INSERTED, 4)))
    assert read(reader) == [4]


def test_long_and_short_frames_are_read_alike(data_dir: Path) -> None:
    """A frame that is longer than one look, or that lies across its end, is read whole."""
    journal = make_writer(data_dir, octets=1 << 20)
    lengths = [9000, 1, 9400, 300, 12_000]
    for length in lengths:
        assert journal.append(b"".join(entry(Kind.INSERTED, number) for number in range(length)))
    assert [len(frame.entries) for frame in JournalReader(journal.directory).frames()] == lengths


def test_a_frame_beyond_the_readers_limit_is_not_written(data_dir: Path) -> None:
    """What a reader would take for the end of the segment is refused, and the journal goes on."""
    journal = make_writer(data_dir, octets=1 << 20)
    assert not journal.append(bytes(MAX_FRAME_OCTETS))
    write(journal, 1)
    assert read(JournalReader(journal.directory)) == [1]


# -- torn, short and refused writes ---------------------------------------------------------------


def test_a_frame_torn_at_any_octet_ends_the_journal(data_dir: Path) -> None:
    """A process killed in the middle of a write leaves all before it readable, and nothing of it."""
    journal = make_writer(data_dir)
    last = 0x0102030405060708  # no octet of it looks like what was preallocated
    write(journal, 1, 2, last)
    path = segment_path(journal.directory, 1)
    whole = path.read_bytes()
    for kept in range(FRAME):
        torn = whole[: 2 * FRAME + kept]
        path.write_bytes(torn + bytes(len(whole) - len(torn)))
        reader = JournalReader(journal.directory)
        assert read(reader) == [1, 2]
        reader.close()
    path.write_bytes(whole)
    assert read(JournalReader(journal.directory)) == [1, 2, last]


@pytest.mark.parametrize("kept", [0, 1, 3, 4, 8, 15, 16, 17, FRAME - 1, FRAME, FRAME + 9, -8, -2, -1])
def test_what_a_short_write_leaves_is_written_over(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch, kept: int
) -> None:
    """A frame that went to the disk in part was never there: the next one takes its place and sequence."""
    write(journal, 1)
    pwrite = os.pwrite
    long = b"".join(entry(Kind.INSERTED, number) for number in (90, 91, 92, 93))
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda descriptor, octets, at: pwrite(descriptor, octets[:kept], at))
        assert not journal.append(long)
    assert journal.sequence == 1
    reader = JournalReader(journal.directory)
    assert read(reader) == [1]
    write(journal, 2)
    assert read(reader) == [2]  # and the rest of the long one behind it is no frame
    write(journal, *range(3, 30))
    assert read(reader) == list(range(3, 30))


def test_a_short_write_at_the_end_of_a_segment_is_left_behind(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When what follows goes into the next segment, the torn one ends its own."""
    write(journal, *range(1, SMALL // FRAME))
    journal.prepare()
    pwrite = os.pwrite
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", lambda descriptor, octets, at: pwrite(descriptor, octets[:20], at))
        assert not journal.append(entry(Kind.INSERTED, 90))
    assert journal.append(entry(Kind.INSERTED, 91) + entry(Kind.INSERTED, 92))
    assert read(JournalReader(journal.directory)) == [*range(1, SMALL // FRAME), 91, 92]


def test_a_write_that_fails_is_refused(journal: JournalWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk is an answer, not an exception; when it is over, writing goes on."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        assert not journal.append(entry(Kind.INSERTED, 1))
    write(journal, 2)
    assert read(JournalReader(journal.directory)) == [2]


def test_a_full_disk_is_met_before_the_hot_path(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for the next segment is told by `prepare`; the current one is used to its end."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", refuse)
        written = 0
        while journal.append(entry(Kind.INSERTED, written + 1)):
            written += 1
        assert written == SMALL // FRAME
        with pytest.raises(OSError, match="No space left"):
            journal.prepare()
        assert [path.name for path in journal.directory.glob("*.segment")] == ["00000001.segment"]
        assert not journal.append(entry(Kind.INSERTED, 90))
    journal.prepare()
    write(journal, written + 1)
    assert read(JournalReader(journal.directory)) == list(range(1, written + 2))


def test_a_segment_has_no_name_before_it_has_room(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader keeps what it opened: of one that was refused its room it would wait for frames for ever."""
    named: list[Path] = []

    def look(*_: int) -> None:
        named.extend(data_dir.rglob("*.segment"))
        refuse()

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", look)
        journal = make_writer(data_dir)
        with pytest.raises(OSError, match="No space left"):
            journal.prepare()
    assert named == []
    journal.prepare()
    write(journal, 1)
    assert [path.name for path in journal.directory.glob("*.segment")] == ["00000001.segment"]


def test_a_worker_may_be_born_on_a_full_disk(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses every frame, says why off the hot path, and writes as soon as there is room."""
    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", refuse)
        journal = make_writer(data_dir)
        assert not journal.append(entry(Kind.INSERTED, 90))
        with pytest.raises(OSError, match="No space left"):
            journal.prepare()
        assert journal.sync() == 0
        (folder,) = find_epochs(data_dir)
        assert folder.is_alive()
        assert read(JournalReader(folder.path)) == []
    write(journal, *range(1, 20))
    assert read(JournalReader(journal.directory)) == list(range(1, 20))
    journal.close()
    assert not folder.is_alive()


def test_segments_are_preallocated(journal: JournalWriter) -> None:
    """A segment has its whole size from the start, the next one is made when the current is half used."""
    assert segment_path(journal.directory, 1).stat().st_size == SMALL
    write(journal, *range(1, 6))
    assert not segment_path(journal.directory, 2).exists()
    journal.prepare()
    assert segment_path(journal.directory, 2).stat().st_size == SMALL


# -- turning to the next segment ------------------------------------------------------------------


@pytest.mark.parametrize("more", [2, 5, 9])
def test_a_writer_may_turn_while_it_is_read(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    """Frames written between a look at one segment and a look at the next are read, not missed."""
    write(journal, 1, 2, 3)
    reader = JournalReader(journal.directory)
    look = reader._first_of_next
    turns: list[Callable[[], None]] = [lambda: write(journal, *range(4, 9 + more))]

    def turned() -> object:
        if turns:
            turns.pop()()
        return look()

    monkeypatch.setattr(reader, "_first_of_next", turned)
    assert read(reader) == [1, 2, 3, *range(4, 9 + more)]


def test_a_writer_may_turn_while_nothing_was_new(
    journal: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same when the look at the current segment had found nothing."""
    write(journal, *range(1, 6))
    reader = JournalReader(journal.directory)
    assert read(reader) == [1, 2, 3, 4, 5]
    look = reader._first_of_next
    turns: list[Callable[[], None]] = [lambda: write(journal, *range(6, 14))]

    def turned() -> object:
        if turns:
            turns.pop()()
        return look()

    monkeypatch.setattr(reader, "_first_of_next", turned)
    assert read(reader) == list(range(6, 14))


def test_a_missing_frame_is_a_gap(journal: JournalWriter) -> None:
    """What lies before it is read first; then the gap is named."""
    write(journal, *range(1, 20))
    first = segment_path(journal.directory, 1)
    first.write_bytes(first.read_bytes()[: 3 * FRAME])
    reader = JournalReader(journal.directory)
    assert read(reader) == [1, 2, 3]
    with pytest.raises(JournalGapError, match=f"frame {SMALL // FRAME + 1} follows 3"):
        read(reader)


# -- dropping segments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("applied", "oldest_open", "kept"),
    [
        (0, 1 << 63, [1, 2, 3]),
        (8, 1 << 63, [1, 2, 3]),
        (9, 1 << 63, [2, 3]),
        (18, 1 << 63, [3]),
        (99, 1 << 63, [3]),
        (99, 1, [1, 2, 3]),
        (99, 9, [1, 2, 3]),
        (99, 10, [2, 3]),
        (17, 19, [2, 3]),
    ],
)
def test_segments_are_kept_while_they_are_needed(
    journal: JournalWriter, applied: int, oldest_open: int, kept: list[int]
) -> None:
    """Dropped is what is in the books and holds no open insertion; never the segment being read."""
    write(journal, *range(1, 21))
    reader = JournalReader(journal.directory)
    read(reader)
    reader.drop(applied, oldest_open)
    assert sorted(int(path.stem) for path in journal.directory.glob("*.segment")) == kept
    write(journal, 21)
    assert read(reader) == [21]
    assert read(JournalReader(journal.directory)) == list(range(9 * (kept[0] - 1) + 1, 22))


def test_an_open_insertion_keeps_what_follows_it(journal: JournalWriter) -> None:
    """A later segment without insertions stays too, so that the journal has no hole."""
    write(journal, *range(1, 10))
    write(journal, *range(1, 10), kind=Kind.ACCEPTED)
    write(journal, 10)
    reader = JournalReader(journal.directory)
    read(reader)
    reader.drop(19, 9)
    assert len(list(journal.directory.glob("*.segment"))) == 3
    reader.drop(19, 10)
    assert [path.stem for path in journal.directory.glob("*.segment")] == ["00000003"]


# -- what is not in the books yet -----------------------------------------------------------------


def test_unsettled_counts_entries(data_dir: Path) -> None:
    """Entries of frames that the books do not have; epochs they do not know count whole."""
    assert unsettled(data_dir, {}) == 0
    other = Epoch("relay-1", 1, 5)
    write(make_writer(data_dir), *range(1, 30))
    assert make_writer(data_dir, other).append(entry(Kind.INSERTED, 1) + entry(Kind.ACCEPTED, 1))
    assert unsettled(data_dir, {}) == 31
    assert unsettled(data_dir, {EPOCH: 20}) == 11
    assert unsettled(data_dir, {EPOCH: 29, other: 1}) == 0


# -- bringing it to the disk ----------------------------------------------------------------------


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that were brought to the disk, as they are."""
    names: list[str] = []
    monkeypatch.setattr(
        os,
        "fdatasync",
        lambda descriptor: names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name[6:8]),
    )
    return names


def test_control_syncs_what_was_written(journal: JournalWriter, synced: list[str]) -> None:
    """Every segment since the last time, also while the books are away and nothing is read."""
    reader = JournalReader(journal.directory)
    reader.sync()
    assert synced == ["01"]
    write(journal, *range(1, 40))
    synced.clear()
    reader.sync()
    assert synced == ["01", "02", "03", "04", "05"]
    synced.clear()
    reader.sync()
    assert synced == ["04", "05"]
    read(reader)
    reader.drop(39, 1 << 63)
    write(journal, *range(40, 60))
    synced.clear()
    reader.sync()
    assert synced == ["05", "06", "07"]


def test_a_worker_that_syncs_itself_covers_former_segments(data_dir: Path, synced: list[str]) -> None:
    """Group commit names the last frame covered, and leaves no segment out that it was turned from."""
    journal = make_writer(data_dir, sync="always")
    write(journal, *range(1, 30))
    assert journal.sync() == 29
    assert synced == ["01", "02", "03", "04"]
    synced.clear()
    assert journal.sync() == 29
    assert synced == ["04"]


def test_a_turn_in_the_middle_of_a_sync_harms_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The segment that becomes a former one meanwhile is synced, and stays open for the next sync."""
    journal = make_writer(data_dir, sync="always")
    write(journal, *range(1, 10))
    journal.prepare()

    class Turning(list[int]):
        turned = False

        def __bool__(self) -> bool:
            if not self.turned:
                self.turned = True
                assert journal.append(entry(Kind.INSERTED, 10))
            return len(self) > 0

    journal._former = Turning()
    assert journal.sync() == 9
    assert journal.sync() == 10
    assert journal._former == []


def test_former_segments_are_closed_off_the_hot_path(journal: JournalWriter) -> None:
    """When control does the syncing, the worker closes what it has turned from."""
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    write(journal, *range(1, 100))
    journal.prepare()
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + 1
    journal.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before - 2


def test_a_record_that_goes_while_it_is_looked_for_is_no_epoch(
    journal: JournalWriter, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads counts may meet a folder that control is about to remove."""
    journal.close()

    def gone(path: Path) -> bytes:
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_bytes", gone)
    assert find_epochs(data_dir) == []
