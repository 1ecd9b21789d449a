"""Group commit of leads: calls wait until their entries are on the disk, whatever `journal.sync` says."""

import asyncio
from collections import deque
from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter
from adapters.processes.journal_syncs import JournalSyncs

PATIENCE_S = 0.25
"""A disk that answers later than this is as good as none: the calls go on as they came."""

Release = Callable[[bool], None]
"""Told whether what it waits for is on the disk."""


class LeadGate:
    """One thread syncs; all who came while it was busy share its next sync. Faults are told to `failed`.

    While the disk hangs nobody waits for it; once it answers, the next ones do again.
    """

    def __init__(self, journal: JournalWriter, failed: Callable[[OSError], None]) -> None:
        self._journal = journal
        self._failed = failed
        self._synced = 0
        self._hangs = False
        self._waiting: deque[tuple[int, Release]] = deque()
        self._late: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._syncs = JournalSyncs(journal, self._done, "lead-sync")

    def hold(self, release: Release) -> None:
        """Call `release` when everything written so far is on the disk, or will not be in time."""
        self._syncs.ask()
        if self._hangs:
            release(False)
            return
        self._waiting.append((self._journal.sequence, release))
        if self._late is None:
            self._late = self._loop.call_later(PATIENCE_S, self._give_up)

    def _give_up(self) -> None:
        self._late = None
        self._hangs = True
        self._failed(TimeoutError(f"no answer within {PATIENCE_S:g} s"))
        self._let_go()

    def _done(self, upto: int, fault: OSError | None) -> None:
        self._hangs = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if fault is not None:
            self._failed(fault)
            self._let_go()
            return
        self._synced = max(self._synced, upto)
        while self._waiting and self._waiting[0][0] <= self._synced:
            self._waiting.popleft()[1](True)
        if self._waiting:  # they came after the sync began, and have asked for another
            self._late = self._loop.call_later(PATIENCE_S, self._give_up)

    def _let_go(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1](False)
