"""Group commit for `journal.sync: always`: octets wait until the frame that speaks of them is on the disk."""

from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter
from adapters.processes.sync_line import SyncLine

# A disk that answers later than this would be felt as a delay of notifications.
PATIENCE_S = 0.5


class ThreadedSyncGate:
    """Octets leave all the same when the sync fails, or takes too long: the notification is sacred."""

    def __init__(self, journal: JournalWriter, failed: Callable[[OSError], None]) -> None:
        self._journal = journal
        self.line = SyncLine(journal, failed, PATIENCE_S, "journal-sync")

    def hold(self, release: Callable[[], None]) -> bool:
        """Call `release` once everything journalled so far is synced; False when it already is."""
        sequence = self._journal.sequence
        if sequence <= self.line.synced or self.line.hangs:
            return False  # what a disk that hangs owes is heard when it answers
        self.line.wait(sequence, lambda _: release())
        return True
