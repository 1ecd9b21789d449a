"""Group commit for `journal.sync: always`: octets wait until the frame that speaks of them is on the disk."""

import asyncio
from collections import deque
from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter
from adapters.processes.journal_syncs import JournalSyncs

# A disk that answers later than this would be felt as a delay of notifications.
PATIENCE_S = 0.5


class ThreadedSyncGate:
    """One thread syncs; all who came while it was busy share its next sync.

    A sync that fails, or takes longer than PATIENCE_S, lets the octets go all the same (the
    notification is sacred) and is told to `failed`.
    """

    def __init__(self, journal: JournalWriter, failed: Callable[[OSError], None]) -> None:
        self._late: asyncio.TimerHandle | None = None
        self._gave_up = False
        self._journal = journal
        self._failed = failed
        self._synced = journal.sequence
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._syncs = JournalSyncs(journal, self._done, "journal-sync")

    def hold(self, release: Callable[[], None]) -> bool:
        """Call `release` once everything journalled so far is synced; False when it already is."""
        sequence = self._journal.sequence
        if sequence <= self._synced:
            return False
        if self._gave_up:
            return False  # the disk hangs: what it owes is heard when it answers
        self._waiting.append((sequence, release))
        if self._late is None:
            self._late = self._loop.call_later(PATIENCE_S, self._give_up)
        self._syncs.ask()
        return True

    def _give_up(self) -> None:
        """Let everything go: the disk takes too long."""
        self._late = None
        self._gave_up = True
        self._failed(TimeoutError(f"no answer within {PATIENCE_S:g} s"))
        while self._waiting:
            self._waiting.popleft()[1]()

    def _done(self, upto: int, fault: OSError | None) -> None:
        self._gave_up = False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        if fault is not None:
            self._failed(fault)
        self._synced = max(self._synced, upto)
        while self._waiting and self._waiting[0][0] <= self._synced:
            self._waiting.popleft()[1]()
        if self._waiting:  # they came after the sync began, and have asked for another
            self._late = self._loop.call_later(PATIENCE_S, self._give_up)
