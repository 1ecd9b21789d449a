"""Call detail records beside settlement: a disk that refuses them holds back journals, and nothing else."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog

from adapters.files.cdr import CdrFiles
from adapters.files.journal_reader import EpochFolder, JournalGapError, JournalReader
from engine.journal import Cause, Frame
from engine.settings import Settings
from inventory.books import Epoch

RETRY_S = 10.0

log = structlog.get_logger()


class CdrRecording:
    """Records what settlement reads, if records are wanted (`make` opens the files).

    After a fault nothing is recorded until `mend` succeeds; then every journal must be read again
    from its beginning, and what is recorded already is passed over.
    """

    def __init__(self, make: Callable[[], CdrFiles] | None) -> None:
        self._make = make
        self._files: CdrFiles | None = None
        self._failing = make is not None
        self._retry_at = 0.0

    @property
    def ready(self) -> bool:
        """Tell whether all that was read is recorded, or nothing is to be."""
        return not self._failing

    async def mend(self, epochs: Iterable[Epoch]) -> bool:
        """Try again after a fault; True when journals must be read anew. `epochs` have journals."""
        mended = False
        if self._failing and self._make is not None and time.monotonic() >= self._retry_at:
            mended = not await self._failed(self._reopen)
            self._failing = not mended
        if self._files is not None and not self._failing:
            self._files.forget_others(epochs)
        return mended

    async def begin(self, folder: EpochFolder, applied: int) -> None:
        """Know an epoch before its frames come."""
        files = self._files
        if files is not None and not self._failing:
            whole = JournalReader(folder.path).is_whole
            self._failing = await self._failed(lambda: files.begin(folder.epoch, applied, whole=whole))

    def recorded(self, epoch: Epoch, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield frames, and take in each one that was found good."""
        for frame in frames:
            yield frame
            if self._files is not None and not self._failing:
                self._files.take(epoch, frame)

    async def keep(self) -> bool:
        """Write what was taken in; False when it can't be, so that its journal must stay."""
        files = self._files
        if files is not None and not self._failing and files.due:
            self._failing = await self._failed(files.flush)
        return not self._failing

    async def end(self, folder: EpochFolder, cause: Cause) -> bool:
        """Record a dead worker's journal to its end; False when it can't be, so that it must stay."""
        files = self._files
        if files is not None and not self._failing:

            def end() -> None:
                reader = JournalReader(folder.path)
                try:
                    files.begin(folder.epoch, 0, whole=reader.is_whole)
                    files.end(folder.epoch, _until_gap(reader), cause)
                finally:
                    reader.close()

            self._failing = await self._failed(end)
        return not self._failing

    def _reopen(self) -> None:
        if self._files is not None:
            self._files.recover()
        elif self._make is not None:
            self._files = self._make()

    async def _failed(self, act: Callable[[], None]) -> bool:
        """Do something with the files in a thread; tell whether it failed, and say so in the log."""
        work = asyncio.ensure_future(asyncio.to_thread(act))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})  # nobody may touch the files beside it
            raise
        except (OSError, ValueError, KeyError) as error:  # the last two: position.json is damaged
            log.error("alarm_cdr_failed", error=f"{type(error).__name__}: {error}")
            self._retry_at = time.monotonic() + RETRY_S
            return True
        return False


def recording(settings: Settings, data_dir: Path) -> CdrRecording:
    """Return the recording that the settings ask for."""

    def make() -> CdrFiles:
        return CdrFiles(data_dir, settings.retention_days.exposures, lambda: datetime.now(UTC))

    return CdrRecording(make if settings.journal.cdr else None)


def _until_gap(reader: JournalReader) -> Iterator[Frame]:
    with suppress(JournalGapError):  # the books have said what is to be said of it
        yield from reader.frames()
