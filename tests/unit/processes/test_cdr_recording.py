"""Call detail records beside settlement: they equal the books, and a disk that refuses them stops nothing."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.files.cdr import CDR_FOLDER, CdrFiles
from adapters.files.journal_reader import find_epochs
from adapters.processes import cdr_recording
from adapters.processes.cdr_recording import CdrRecording, recording
from adapters.processes.epochs import Epochs
from engine.journal import Kind
from engine.settings import parse_settings
from tests.contract.fake_books import FakeBooks
from tests.unit.files.journals import make_writer, write
from tests.unit.processes.lives import lease, live, row
from tests.unit.processes.test_epochs import FatefulBooks, Killed


def opened(data_dir: Path) -> CdrRecording:
    """Return a recording into a data directory."""
    return CdrRecording(lambda: CdrFiles(data_dir, 90, lambda: datetime.now(UTC)))


def events(data_dir: Path) -> Counter[str]:
    """Count records by event; none is there twice."""
    lines = [
        json.loads(line)
        for path in (data_dir / CDR_FOLDER).glob("cdr-*")
        for line in path.read_text().splitlines()
    ]
    assert len({(each["epoch"], each["insertion"], each["event"]) for each in lines}) == len(lines)
    return Counter(each["event"] for each in lines)


WHOLE_LIFE = {"inserted": 12, "accepted": 5, "rejected": 2, "unknown": 5}


def test_a_dead_workers_records_are_its_books(data_dir: Path, memory: FakeBooks) -> None:
    """What had no outcome is unknown in both; the journal is gone then."""
    asyncio.run(lease(memory))
    live(data_dir)
    asyncio.run(Epochs("relay-1", data_dir, opened(data_dir)).look(memory))
    counts = row(memory)
    assert events(data_dir) == WHOLE_LIFE
    assert (counts.inserted, counts.accepted, counts.rejected, counts.unknown) == (12, 5, 2, 5)
    assert find_epochs(data_dir) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kill_at", range(1, 6))
def test_records_are_whole_whenever_control_is_killed(
    data_dir: Path, memory: FakeBooks, kill_at: int, *, after: bool
) -> None:
    """Before or after any word to the books: the next control neither repeats nor misses a line."""
    asyncio.run(lease(memory))
    live(data_dir)
    books = FatefulBooks(memory)
    books.plan(kill_at, after=after, fate=Killed())
    with suppress(Killed):
        asyncio.run(Epochs("relay-1", data_dir, opened(data_dir)).look(books))
    asyncio.run(Epochs("relay-1", data_dir, opened(data_dir)).look(memory))
    assert events(data_dir) == WHOLE_LIFE
    assert find_epochs(data_dir) == []


def test_no_records_are_made_unless_asked_for(data_dir: Path, memory: FakeBooks) -> None:
    """The default is none, and no folder."""
    settings = parse_settings({"node": {"data_dir": str(data_dir)}})
    asyncio.run(lease(memory))
    live(data_dir)
    asyncio.run(Epochs("relay-1", data_dir, recording(settings, data_dir)).look(memory))
    assert not (data_dir / CDR_FOLDER).exists()


def test_a_disk_that_refuses_records_keeps_journals_and_nothing_else(
    data_dir: Path, memory: FakeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books go on; when the disk takes records again, they are made of the journals that were kept."""
    monkeypatch.setattr(cdr_recording, "RETRY_S", 0.0)
    obstacle = data_dir / CDR_FOLDER

    async def follow() -> None:
        await lease(memory)
        journal = make_writer(data_dir)
        obstacle.write_text("in the way")
        records = opened(data_dir)
        epochs = Epochs("relay-1", data_dir, records)
        for number in range(1, 41):
            write(journal, number)
            write(journal, number, kind=Kind.ACCEPTED)
            await epochs.look(memory)
            await epochs.settle(memory)
        assert not records.ready
        segments = list(journal.directory.glob("*.segment"))
        assert segments[0].name == "00000001.segment" or len(segments) > 8
        obstacle.unlink()
        await epochs.look(memory)
        await epochs.settle(memory)
        assert records.ready
        journal.close()
        await epochs.look(memory)

    with capture_logs() as logs:
        asyncio.run(follow())
    assert any(entry["event"] == "alarm_cdr_failed" for entry in logs)
    assert row(memory).accepted == 40
    assert events(data_dir) == {"inserted": 40, "accepted": 40}
    assert find_epochs(data_dir) == []


def test_a_journal_outlives_its_epoch_until_it_is_recorded(
    data_dir: Path, memory: FakeBooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books close an epoch whatever the records' disk says; the records follow, once."""
    monkeypatch.setattr(cdr_recording, "RETRY_S", 0.0)
    asyncio.run(lease(memory))
    live(data_dir)
    obstacle = data_dir / CDR_FOLDER
    obstacle.write_text("in the way")
    epochs = Epochs("relay-1", data_dir, opened(data_dir))
    asyncio.run(epochs.look(memory))
    assert row(memory).leased == 0
    assert len(find_epochs(data_dir)) == 1
    obstacle.unlink()
    asyncio.run(epochs.look(memory))
    assert events(data_dir) == WHOLE_LIFE
    assert find_epochs(data_dir) == []
