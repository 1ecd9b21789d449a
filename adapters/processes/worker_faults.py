"""The faults of a worker that cost no notification: counted, and told without subscribers' numbers."""

import time
import traceback

import structlog

from adapters.metrics.worker_figures import WorkerFigures

ALARM_EVERY_S = 1.0

log = structlog.get_logger()


class Faults:
    """Takes every exception that was survived."""

    def __init__(self, figures: WorkerFigures) -> None:
        self._figures = figures
        self._untold = 0
        self._told_at = -ALARM_EVERY_S

    def alarm(self, error: Exception) -> None:
        """Say where it broke, at most once a second, without the message: it may hold a number."""
        now = time.monotonic()
        self._untold += 1
        self._figures.faults += 1
        if now - self._told_at >= ALARM_EVERY_S:
            trace = traceback.format_tb(error.__traceback__)
            log.error("alarm_internal_error", error=type(error).__name__, times=self._untold, trace=trace)
            self._told_at = now
            self._untold = 0
