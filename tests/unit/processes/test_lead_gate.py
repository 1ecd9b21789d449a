"""Group commit of leads: calls are told whether they are on the disk, in order, and never wait for ever."""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from adapters.processes.lead_gate import LeadGate
from engine.journal import Kind
from tests.unit.files.journals import entry, make_writer
from tests.unit.processes.test_sync_gate import PATIENCE_S, Disk


class Stand:
    """A gate over a journal on a slow disk; `told` says what became of each."""

    def __init__(self, data_dir: Path) -> None:
        self.journal = make_writer(data_dir, sync="always", octets=1 << 16)
        self.disk = Disk(self.journal)
        self.journal.sync = self.disk.sync  # type: ignore[method-assign]
        self.faults: list[OSError] = []
        self.told: list[tuple[int, bool]] = []
        self.gate = LeadGate(self.journal, self.faults.append)
        self.gate.line.patience_s = PATIENCE_S

    def call(self, number: int) -> None:
        """Journal a call and hold it."""
        assert self.journal.append(entry(Kind.LEAD, number))
        self.gate.hold(partial(self._tell, number))

    def _tell(self, number: int, kept: bool) -> None:
        self.told.append((number, kept))

    async def sync_begins(self) -> None:
        """Wait until the thread is in a sync."""
        await asyncio.to_thread(self.disk.asked.acquire)

    async def until(self, *told: tuple[int, bool]) -> None:
        """Wait until just this was told."""
        while self.told != list(told):
            await asyncio.sleep(0)


def stand(data_dir: Path, act: Callable[[Stand], Awaitable[None]]) -> None:
    """Act on a stand within a minute, and leave no thread in a sync."""

    async def run() -> None:
        each = Stand(data_dir)
        async with asyncio.timeout(60):
            await act(each)
        for _ in range(8):
            each.disk.let.release()

    asyncio.run(run())


def test_calls_that_come_during_a_sync_share_the_next(data_dir: Path) -> None:
    """Nothing is told before its own sync has ended."""

    async def act(each: Stand) -> None:
        each.call(1)
        await each.sync_begins()
        each.call(2)
        each.call(3)
        each.disk.let.release()
        await each.until((1, True))
        await each.sync_begins()
        each.disk.let.release()
        await each.until((1, True), (2, True), (3, True))
        assert each.disk.syncs == 2

    stand(data_dir, act)


def test_a_sync_that_fails_is_told_as_not_kept(data_dir: Path) -> None:
    """Whoever waited goes on unchanged, and the fault is heard."""

    async def act(each: Stand) -> None:
        each.disk.fault = OSError(errno.EIO, "bad disk")
        each.call(1)
        await each.sync_begins()
        each.disk.let.release()
        await each.until((1, False))
        assert [fault.errno for fault in each.faults] == [errno.EIO]

    stand(data_dir, act)


def test_a_disk_that_hangs_holds_nobody_up(data_dir: Path) -> None:
    """After the bound all go, and new ones at once, until the disk answers."""

    async def act(each: Stand) -> None:
        each.gate.line.patience_s = 0.01
        each.call(1)
        await each.sync_begins()
        await each.until((1, False))
        each.call(2)
        assert each.told == [(1, False), (2, False)]
        each.disk.let.release()
        await each.sync_begins()
        each.disk.let.release()
        await asyncio.sleep(0)
        while each.gate.line.hangs:
            await asyncio.sleep(0)
        each.gate.line.patience_s = PATIENCE_S
        each.call(3)
        await each.sync_begins()
        each.disk.let.release()
        await each.until((1, False), (2, False), (3, True))

    stand(data_dir, act)
