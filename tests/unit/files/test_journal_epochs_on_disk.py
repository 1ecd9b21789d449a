"""Epochs on disk: who they are, whether their worker lives, how they go."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.files.journal_reader import EpochFolder, boot_id, epoch_folder, find_epochs
from adapters.files.journal_writer import EPOCH_FILE, LOCK_FILE
from inventory.books import Epoch
from tests.unit.files.journals import EPOCH, make_writer, write

HOLD_THE_LOCK = """
import fcntl, os, sys
lock = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def folder(data_dir: Path) -> EpochFolder:
    """Return the only epoch on disk."""
    (found,) = find_epochs(data_dir)
    return found


def test_epochs_are_found_oldest_first(data_dir: Path) -> None:
    """Whatever worker they belong to, with boot and sync policy."""
    for worker, number in ((0, 30), (1, 10), (0, 20)):
        make_writer(data_dir, Epoch("relay-1", worker, number), sync="os", boot=f"boot-{number}").close()
    found = find_epochs(data_dir)
    assert [(each.epoch.worker, each.epoch.number) for each in found] == [(1, 10), (0, 20), (0, 30)]
    assert [(each.boot_id, each.sync) for each in found] == [
        ("boot-10", "os"),
        ("boot-20", "os"),
        ("boot-30", "os"),
    ]
    assert [each.path for each in found] == [epoch_folder(data_dir, each.epoch) for each in found]


def test_no_journals_are_no_epochs(data_dir: Path) -> None:
    """A node that never ran has none; neither has a folder whose record was never written."""
    assert find_epochs(data_dir) == []
    epoch_folder(data_dir, EPOCH).mkdir(parents=True)
    (epoch_folder(data_dir, EPOCH) / "epoch.new").write_text("{")
    assert find_epochs(data_dir) == []


def test_a_worker_lives_while_its_lock_is_held(data_dir: Path) -> None:
    """Closing the journal ends the epoch's life; asking does not take the lock away."""
    journal = make_writer(data_dir)
    assert [folder(data_dir).is_alive() for _ in range(3)] == [True, True, True]
    journal.close()
    assert [folder(data_dir).is_alive() for _ in range(3)] == [False, False, False]


def test_the_kernel_tells_that_another_process_is_dead(data_dir: Path) -> None:
    """A worker that was killed holds no lock, however suddenly."""
    make_writer(data_dir).close()
    lock = str(epoch_folder(data_dir, EPOCH) / LOCK_FILE)
    with subprocess.Popen(
        [sys.executable, "-S", "-c", HOLD_THE_LOCK, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        assert folder(data_dir).is_alive()
        worker.kill()
    assert not folder(data_dir).is_alive()


def open_descriptors() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_asking_leaves_nothing_open(data_dir: Path) -> None:
    """No descriptor is left, whatever the answer."""
    journal = make_writer(data_dir)
    asked = folder(data_dir)
    before = open_descriptors()
    asked.is_alive()
    assert open_descriptors() == before
    journal.close()
    asked.is_alive()
    assert open_descriptors() == before - 2  # the lock and a segment


def test_a_removed_epoch_is_gone(data_dir: Path) -> None:
    """Record, lock and segments."""
    journal = make_writer(data_dir)
    write(journal, *range(1, 30))
    journal.close()
    folder(data_dir).remove()
    assert find_epochs(data_dir) == []
    assert not epoch_folder(data_dir, EPOCH).exists()


@pytest.mark.parametrize("removed", range(6))
def test_a_removal_cut_short_is_found_again(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    """The record goes last, so what is left is found, is dead, and is removed."""
    journal = make_writer(data_dir)
    write(journal, *range(1, 30))
    journal.close()
    unlink = Path.unlink
    done: list[Path] = []

    def cut_short(path: Path) -> None:
        if len(done) == removed:
            raise KeyboardInterrupt
        done.append(path)
        unlink(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", cut_short)
        with pytest.raises(KeyboardInterrupt):
            folder(data_dir).remove()
    assert EPOCH_FILE not in {path.name for path in done}
    assert not folder(data_dir).is_alive()
    folder(data_dir).remove()
    assert find_epochs(data_dir) == []


def test_a_boot_has_one_name() -> None:
    """The same on every look, and not empty."""
    assert boot_id() == boot_id() != ""
