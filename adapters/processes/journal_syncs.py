"""The thread behind a group commit: it syncs a journal whenever asked, once for all who asked meanwhile."""

import asyncio
import threading
import time
from collections.abc import Callable

from adapters.files.journal_writer import JournalWriter

Done = Callable[[int, OSError | None], None]
"""Told in the loop: the last sequence that a sync was to cover, and what went wrong."""


class JournalSyncs:
    """Syncs of one journal, by a thread of its own; `done` is called in the loop that made it.

    No sync begins within `every_s` of the one before: the faster the disk, the more syncs there would be, and
    each takes time from the loop.
    """

    def __init__(self, journal: JournalWriter, done: Done, name: str, every_s: float) -> None:
        self._journal = journal
        self._done = done
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._wanted = threading.Event()
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def ask(self) -> None:
        """Sync all that is written by now: with the next sync that begins."""
        self._wanted.set()

    def _run(self) -> None:
        begun = 0.0
        while True:
            self._wanted.wait()
            if (early_s := begun + self._every_s - time.monotonic()) > 0:
                time.sleep(early_s)
            begun = time.monotonic()
            self._wanted.clear()
            fault: OSError | None = None
            upto = self._journal.sequence
            try:
                upto = self._journal.sync()
            except OSError as error:
                fault = error
            try:
                self._loop.call_soon_threadsafe(self._done, upto, fault)
            except RuntimeError:
                return  # the loop is closed: the worker has ended
