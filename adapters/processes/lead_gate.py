"""Group commit of leads: calls wait until their entries are on the disk, whatever `journal.sync` says."""

from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter
from adapters.processes.sync_line import Release, SyncLine

PATIENCE_S = 0.25
"""A disk that answers later than this is as good as none: the calls go on as they came."""

GATHER_S = 0.002
"""How far apart syncs begin: calls that come meanwhile share the next one. The first one does not wait."""


class LeadGate:
    """While the disk hangs nobody waits for it; once it answers, the next ones do again."""

    def __init__(self, journal: JournalWriter, failed: Callable[[OSError], None]) -> None:
        self._journal = journal
        self.line = SyncLine(journal, failed, PATIENCE_S, "lead-sync", GATHER_S)

    def hold(self, release: Release) -> None:
        """Call `release` when everything written so far is on the disk, or will not be in time."""
        if self.line.hangs:
            self.line.syncs.ask()
            release(False)
        else:
            self.line.wait(self._journal.sequence, release)
