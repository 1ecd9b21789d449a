"""Group commit: octets wait for the disk, in order, and never for ever."""

import asyncio
import errno
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from adapters.files.journal_writer import JournalWriter
from adapters.processes.sync_gate import ThreadedSyncGate
from engine.journal import Kind
from tests.unit.files.journals import entry, make_writer

# No disk here takes longer unless a test says so.
PATIENCE_S = 60.0


class Disk:
    """A disk whose syncs wait to be let through, one by one."""

    def __init__(self, journal: JournalWriter) -> None:
        self.asked = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.fault: OSError | None = None
        self.syncs = 0
        self._sync = journal.sync

    def sync(self) -> int:
        """Stand in for the journal's `sync`."""
        self.syncs += 1
        upto = self._sync()
        self.asked.release()
        self.let.acquire()
        if self.fault is not None:
            raise self.fault
        return upto


class Stand:
    """A gate over a journal on a slow disk."""

    def __init__(self, data_dir: Path) -> None:
        self.journal = make_writer(data_dir, sync="always", octets=1 << 16)
        self.disk = Disk(self.journal)
        self.journal.sync = self.disk.sync  # type: ignore[method-assign]
        self.faults: list[OSError] = []
        self.released: list[int] = []
        self.gate = ThreadedSyncGate(self.journal, self.faults.append)
        self.gate.line.patience_s = PATIENCE_S

    def write_and_hold(self, number: int) -> bool:
        """Journal something and hold octets for it."""
        assert self.journal.append(entry(Kind.INSERTED, number))
        return self.gate.hold(lambda: self.released.append(number))

    async def sync_begins(self) -> None:
        """Wait until the thread is in a sync."""
        await asyncio.to_thread(self.disk.asked.acquire)

    async def sync_ends(self, *upto: int) -> None:
        """Let one sync through and wait for those that it releases."""
        self.disk.let.release()
        await self.released_are(*upto)

    async def released_are(self, *upto: int) -> None:
        """Wait until just these were let go."""
        while self.released != list(upto):
            await asyncio.sleep(0)


def stand(data_dir: Path, act: Callable[[Stand], Awaitable[None]]) -> None:
    """Run `act` on a stand, and let the thread go."""
    stands: list[Stand] = []

    async def run() -> None:
        stands.append(Stand(data_dir))
        await act(stands[0])

    try:
        asyncio.run(run())
    finally:
        stands[0].disk.let.release(100)  # a last sync finds the loop closed and ends the thread
        stands[0].gate.line.syncs._wanted.set()


def test_octets_wait_for_the_sync(data_dir: Path) -> None:
    """They are let go when the frame that speaks of them is on the disk, not before."""

    async def act(made: Stand) -> None:
        assert made.write_and_hold(1)
        await made.sync_begins()
        assert made.released == []
        await made.sync_ends(1)

    stand(data_dir, act)


def test_all_who_come_meanwhile_share_the_next_sync(data_dir: Path) -> None:
    """A sync covers what was journalled before it began; the rest goes with the next, in order."""

    async def act(made: Stand) -> None:
        made.write_and_hold(1)
        await made.sync_begins()
        for number in range(2, 50):
            made.write_and_hold(number)
        await made.sync_ends(1)
        await made.sync_begins()
        await made.sync_ends(*range(1, 50))
        assert made.disk.syncs == 2
        assert not made.gate.line.syncs._wanted.is_set()

    stand(data_dir, act)


def test_nothing_waits_when_all_is_synced(data_dir: Path) -> None:
    """What was not journalled anew goes at once, and nothing has been overtaken."""

    async def act(made: Stand) -> None:
        assert not made.gate.hold(lambda: None)
        made.write_and_hold(1)
        assert made.gate.hold(lambda: made.released.append(-1))  # behind the one that waits
        await made.sync_begins()
        await made.sync_ends(1, -1)
        assert not made.gate.hold(lambda: None)

    stand(data_dir, act)


def test_a_sync_that_fails_lets_go_all_the_same(data_dir: Path) -> None:
    """The notification is sacred: the fault is told, the octets leave, the next sync is tried."""

    async def act(made: Stand) -> None:
        made.disk.fault = OSError(errno.EIO, "broken")
        made.write_and_hold(1)
        await made.sync_begins()
        await made.sync_ends(1)
        assert made.faults == [made.disk.fault]
        made.disk.fault = None
        assert made.write_and_hold(2)
        await made.sync_begins()
        await made.sync_ends(1, 2)
        assert len(made.faults) == 1

    stand(data_dir, act)


def test_a_disk_that_hangs_lets_go_all_the_same(data_dir: Path) -> None:
    """After a while the octets leave, nothing more is held, and it is told; until the disk answers."""

    async def act(made: Stand) -> None:
        made.gate.line.patience_s = 0.0
        made.write_and_hold(1)
        await made.sync_begins()
        await made.released_are(1)
        assert [type(fault) for fault in made.faults] == [TimeoutError]
        assert not made.write_and_hold(2)
        made.gate.line.patience_s = PATIENCE_S
        made.disk.let.release()
        while made.gate.line.hangs:
            await asyncio.sleep(0)
        assert made.write_and_hold(3)
        await made.sync_begins()
        await made.sync_ends(1, 3)
        assert len(made.faults) == 1

    stand(data_dir, act)


def test_patience_is_counted_anew_for_the_next_sync(data_dir: Path) -> None:
    """Those who came while a sync ran are let go as well when the one that they share hangs."""

    async def act(made: Stand) -> None:
        made.write_and_hold(1)
        await made.sync_begins()
        made.write_and_hold(2)
        made.gate.line.patience_s = 0.0
        made.disk.let.release()
        await made.released_are(1, 2)
        assert [type(fault) for fault in made.faults] == [TimeoutError]

    stand(data_dir, act)


@pytest.mark.parametrize("ends", [1, 3])
def test_the_thread_ends_with_its_loop(data_dir: Path, ends: int) -> None:
    """A worker that has ended leaves no thread behind."""
    before = threading.active_count()

    async def act(made: Stand) -> None:
        for number in range(1, ends + 1):
            made.write_and_hold(number)

    stand(data_dir, act)
    for thread in threading.enumerate():
        if thread.name == "journal-sync":
            thread.join(5)
    assert threading.active_count() <= before
