"""The supervisor's duty towards HTTP: its process is started again when it dies, later if it dies soon."""

from collections.abc import Callable

import structlog

from adapters.processes.children import Child

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 10.0
# One that lived for so long did not die of its start.
LIVED_S = 60.0

log = structlog.get_logger()


class WebKeeping:
    """The HTTP process, None while there is none. Instants are monotonic seconds."""

    def __init__(self) -> None:
        self._spawn: Callable[[], Child] | None = None
        self._started_at = self._due = 0.0
        self._pause = FIRST_PAUSE_S
        self.child: Child | None = None

    def start(self, spawn: Callable[[], Child], now: float) -> None:
        """Start the process, and keep it up from now on; `spawn` makes a new one."""
        self._spawn = spawn
        self._started_at = now
        self.child = spawn()

    def look(self, now: float) -> None:
        """Bury one that died; start the next one when its time has come."""
        if self.child is not None and (status := self.child.process.poll()) is not None:
            lived_long = now - self._started_at >= LIVED_S
            self._pause = FIRST_PAUSE_S if lived_long else min(2 * self._pause, LONGEST_PAUSE_S)
            self._due = now + self._pause
            log.error("alarm_http_died", status=status, again_in_s=self._pause)
            self.child.close()
            self.child = None
        elif self.child is None and self._spawn is not None and now >= self._due:
            self.start(self._spawn, now)
