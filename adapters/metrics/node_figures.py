"""Control's memory of what its workers told last, and of how long their journals wait to be settled."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.processes.messages import Figures


@dataclass(slots=True)
class WorkerMemory:
    """One worker: its last figures, how many lives it had, how far its journal is settled.

    `heard_at` and `behind_since` are monotonic seconds; the latter is None when all that the worker
    had told of is settled.
    """

    worker: int
    epoch: int
    figures: Figures
    heard_at: float
    lives: int = 1
    applied: int = 0
    behind_since: float | None = None
    _mark: int = field(default=0)

    def settled(self, applied: int, now: float) -> None:
        """Take in how far the journal is in the database."""
        self.applied = applied
        if applied >= self._mark:
            self._mark = self.figures.frames
            self.behind_since = now if self._mark > applied else None

    @property
    def unsettled(self) -> int:
        """Frames that are not in the database yet, as of the worker's last word."""
        return max(0, self.figures.frames - self.applied)


class NodeFigures:
    """All workers' last figures."""

    def __init__(self) -> None:
        self._workers: dict[int, WorkerMemory] = {}

    def heard(self, worker: int, epoch: int, figures: Figures, now: float) -> None:
        """Take in a worker's figures, at a monotonic second."""
        known = self._workers.get(worker)
        if known is None or known.epoch != epoch:
            lives = 1 if known is None else known.lives + 1
            self._workers[worker] = known = WorkerMemory(worker, epoch, figures, now, lives)
        known.figures = figures
        known.heard_at = now

    def settled(self, worker: int, applied: int, now: float) -> None:
        """Take in how far a worker's journal is in the database."""
        self._workers[worker].settled(applied, now)

    @property
    def workers(self) -> Sequence[WorkerMemory]:
        """The workers in order."""
        return [self._workers[worker] for worker in sorted(self._workers)]
