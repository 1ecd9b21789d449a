"""Control's duty towards response numbers: workers know which are assigned, within a second."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from adapters.files.live_numbers import write_numbers
from adapters.postgres.pool import Pool
from adapters.postgres.response_numbers import PostgresResponseNumbers
from adapters.processes.endless import every
from adapters.processes.messages import Numbers
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from engine.responses import LiveNumber

LOOK_S = 0.4

log = structlog.get_logger()


class NumberTelling:
    """The response numbers of one node's routes; `answers` says whether any route answers calls."""

    def __init__(self, lines: WorkerLines, data_dir: Path, *, answers: bool) -> None:
        self._lines = lines
        self._data_dir = data_dir
        self._answers = answers
        self._numbers: Sequence[LiveNumber] | None = None

    async def run(self, pool: Pool) -> None:
        """Look and tell until cancelled. Raises what a database raises that is away."""
        numbers = PostgresResponseNumbers(pool)
        await every(LOOK_S, lambda: self._look(numbers))

    def tell(self, line: WorkerLine) -> None:
        """Tell one worker, as far as they are known."""
        if self._numbers is not None:
            line.say(Numbers(numbers=tuple(self._numbers)))

    async def _look(self, numbers: PostgresResponseNumbers) -> None:
        if not self._answers:
            return
        found = await numbers.live(datetime.now(UTC))
        if found != self._numbers:
            self._numbers = found
            self._lines.broadcast(Numbers(numbers=tuple(found)))
            try:
                await asyncio.to_thread(write_numbers, self._data_dir, found)
            except OSError as error:  # a worker that starts knows them when it is told
                log.warning("response_numbers_not_kept", error=str(error))
