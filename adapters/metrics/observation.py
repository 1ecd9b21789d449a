"""Control's eyes: what workers tell, what the disk holds, as the text of `/metrics`."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from adapters.files.journal_reader import JOURNAL_FOLDER
from adapters.http.health import Readiness
from adapters.metrics.answer_figures import AnswerFigures
from adapters.metrics.exposition import Exposition, NodeState
from adapters.metrics.node_figures import NodeFigures, WorkerMemory
from adapters.processes.cdr_recording import CdrRecording
from adapters.processes.messages import Figures, LiveSessions, Watch
from adapters.processes.watch_lines import WatchLines
from engine.settings import Settings
from inventory.books import Epoch

_BLOCK_OCTETS = 512  # st_blocks of stat(2)


class Observation:
    """Hears the observation lines; `applied` says how far an epoch's journal is in the database.

    `unmatched` and `answers`, set by their owner, count by route the receipts that found no insertion, and
    what became of answers to leads.
    """

    def __init__(
        self,
        settings: Settings,
        data_dir: Path,
        readiness: Callable[[], Readiness],
        applied: Callable[[Epoch], int],
        cdr: CdrRecording,
    ) -> None:
        self.unmatched: Mapping[str, int] = {}
        self.answers = AnswerFigures()
        self._cdr = cdr
        self.watches = WatchLines(self._heard)
        self._settings = settings
        self._data_dir = data_dir
        self._readiness = readiness
        self._applied = applied
        self._began_at = time.time()
        self._node = NodeFigures()
        self._exposition = Exposition(self._node, self._state, time.monotonic)

    def metrics(self) -> bytes:
        """Return the text of `/metrics`."""
        self.workers()
        return self._exposition.text()

    def workers(self) -> Sequence[WorkerMemory]:
        """Return what each worker told last, and how far its journal is settled now."""
        for worker in self._node.workers:
            self._settle(worker.worker, worker.epoch)
        return self._node.workers

    async def sessions(self) -> LiveSessions:
        """Ask every worker for its live sessions."""
        return await self.watches.sessions()

    def _heard(self, watch: Watch, figures: Figures) -> None:
        self._node.heard(watch.worker, watch.epoch, figures, time.monotonic())
        self._settle(watch.worker, watch.epoch)

    def _settle(self, worker: int, epoch: int) -> None:
        applied = self._applied(Epoch(self._settings.node.name, worker, epoch))
        self._node.settled(worker, applied, time.monotonic())

    def _state(self) -> NodeState:
        now = self._readiness()
        space = os.statvfs(self._data_dir)
        return NodeState(
            workers=len(self.watches),
            workers_configured=self._settings.relay.workers,
            relay=now.relay,
            database=now.database,
            ads=now.ads,
            cdr=self._cdr.ready,
            journal_disk_bytes=_taken(self._data_dir / JOURNAL_FOLDER),
            data_dir_free_bytes=space.f_bavail * space.f_frsize,
            began_at=self._began_at,
            unmatched=dict(self.unmatched),
            answers=self.answers,
        )


def _taken(folder: Path) -> int:
    """Return the octets that the files of a folder take on the disk; they may vanish meanwhile."""
    total = 0
    for path in folder.glob("*/*/*"):
        try:
            total += path.stat().st_blocks * _BLOCK_OCTETS
        except FileNotFoundError:
            continue
    return total
