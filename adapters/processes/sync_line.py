"""Who waits for a journal to be on the disk: one thread syncs for all, nobody waits for a disk that hangs."""

import asyncio
from collections import deque
from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter
from adapters.processes.journal_syncs import JournalSyncs

Release = Callable[[bool], None]
"""Told whether what it waits for is on the disk."""


class SyncLine:
    """First come, first served; all who came while the thread was busy share its next sync.

    A sync that fails, or takes longer than `patience_s`, lets everybody go and is told to `failed`.
    `hangs` says that the disk has taken longer and not answered since, `synced` up to which sequence
    the journal is on the disk. `name` is the thread's, which syncs once in `every_s` at most.
    """

    def __init__(
        self,
        journal: JournalWriter,
        failed: Callable[[OSError], None],
        patience_s: float,
        name: str,
        every_s: float = 0,
    ) -> None:
        self._failed = failed
        self._waiting: deque[tuple[int, Release]] = deque()
        self._late: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.synced = journal.sequence
        self.hangs = False
        self.patience_s = patience_s
        self.syncs = JournalSyncs(journal, self._done, name, every_s)

    def wait(self, sequence: int, release: Release) -> None:
        """Call `release` when everything up to a sequence is on the disk, or will not be in time."""
        self.syncs.ask()
        self._waiting.append((sequence, release))
        if self._late is None:
            self._be_patient()

    def _be_patient(self) -> None:
        self._late = self._loop.call_later(self.patience_s, self._give_up)

    def _give_up(self) -> None:
        self._late = None
        self.hangs = True
        self._failed(TimeoutError(f"no answer within {self.patience_s:g} s"))
        self._let_go()

    def _done(self, upto: int, fault: OSError | None) -> None:
        self.hangs = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if fault is not None:
            self._failed(fault)
            self._let_go()
            return
        self.synced = max(self.synced, upto)
        while self._waiting and self._waiting[0][0] <= self.synced:
            self._waiting.popleft()[1](True)
        if self._waiting:  # they came after the sync began, and have asked for another
            self._be_patient()

    def _let_go(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1](False)
