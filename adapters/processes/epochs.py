"""The journals of a node as control sees them: tail the living, settle, close the dead, each exactly once."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from adapters.files.journal_reader import (
    EpochFolder,
    JournalFormatError,
    JournalGapError,
    JournalReader,
    boot_id,
    find_epochs,
)
from adapters.processes.cdr_recording import CdrRecording
from engine.journal import FORMAT, Cause, Frame
from engine.settlement import Fold, GapError
from inventory.books import Batch, Books, Epoch, EpochClosedError, LedgerError, SequenceGapError

# What one batch takes in, and how many one call settles, so that a backlog holds up nothing else for long.
FRAMES_A_BATCH = 5000
OCTETS_A_BATCH = 2 * 1024 * 1024
BATCHES_A_CALL = 8

# Faults of one epoch, which hold up no other.
_GAPS = (GapError, JournalGapError)
_FAULT = object()
_EPOCH_FAULTS = (LedgerError, SequenceGapError, EpochClosedError, JournalFormatError, *_GAPS)

log = structlog.get_logger()


class EpochKeeper:
    """One epoch's journal on its way into the books.

    A batch whose fate is unknown (the database went away while it was applied) is offered again as
    it was, before anything else, so that the books can tell that they have it.
    """

    def __init__(self, folder: EpochFolder, applied: int, cdr: CdrRecording) -> None:
        self.folder = folder
        self._cdr = cdr
        self._reader = JournalReader(folder.path)
        self._fold = Fold(folder.epoch, applied)
        self._in_doubt: Batch | None = None
        self._ending = False

    @property
    def epoch(self) -> Epoch:
        """Which epoch this is."""
        return self.folder.epoch

    @property
    def applied(self) -> int:
        """The last frame that the books have."""
        return self._fold.applied

    async def settle(self, books: Books) -> bool:
        """Bring one batch into the books; False when there was nothing new.

        It is read in a thread: a busy worker's journal would keep leases waiting.
        """
        batch = self._in_doubt or await self._read_in_thread()
        if batch is None:
            return False
        self._in_doubt = batch
        await books.settle(batch)  # False means that it was there already: as good
        self._in_doubt = None
        self._fold.applied_upto(batch.upto)
        if not self._ending and await self._cdr.keep():
            oldest_open = min(self._fold.open, default=1 << 63)
            self._reader.drop(batch.upto, oldest_open)
        return True

    async def close(self, books: Books) -> None:
        """Settle a dead worker's journal to its end, close what is open, give back its leases.

        A gap raises `GapError` or `JournalGapError`, unless the machine went down without the
        journal's tail: then the journal ends there. Under `always` nothing behind it had left.
        """
        rebooted = self.folder.boot_id != boot_id()
        lost = _is_lost(self.folder)
        try:
            while await self.settle(books):
                pass
        except _GAPS as gap:
            if not rebooted:
                raise
            log.error("alarm_journal_cut", worker=self.epoch.worker, epoch=self.epoch.number, gap=str(gap))
            await self._settle_folded(books)
        self._ending = True  # from here on the folder goes as a whole: the records need its open insertions
        unknown = self._fold.close_open(_cause(self.folder))
        try:
            await self._settle_folded(books)
        except LedgerError:  # refusals were not written, their units had come back: the books know how many
            self._in_doubt = None
        await books.close_epoch(self.epoch, lost=lost, now=datetime.now(UTC))
        log.warning(
            "epoch_closed",
            worker=self.epoch.worker,
            epoch=self.epoch.number,
            unknown=unknown,
            lost=lost,
        )
        self.let_go()

    async def _settle_folded(self, books: Books) -> None:
        """Bring into the books what was taken in and no batch was made of."""
        self._in_doubt = self._fold.batch()
        if self._in_doubt is not None:
            await self.settle(books)

    def let_go(self) -> None:
        """Close the journal's files."""
        self._reader.close()

    def sync(self) -> None:
        """Bring the journal to the disk."""
        self._reader.sync()

    async def _read_in_thread(self) -> Batch | None:
        reading = asyncio.ensure_future(asyncio.to_thread(self._read_batch))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:  # whoever settles next must not meet the thread at its work
            await asyncio.wait({reading})
            raise

    def _read_batch(self) -> Batch | None:
        while self._fold.add(self._cdr.recorded(self.epoch, _some(self._reader.frames()))):
            if (batch := self._fold.batch()) is not None:
                return batch
        return None


class Epochs:
    """All epochs of one node. What is wrong with one of them is alarmed, and holds up no other."""

    def __init__(self, node: str, data_dir: Path, cdr: CdrRecording | None = None) -> None:
        self._cdr = cdr or CdrRecording(None)
        self._node = node
        self._data_dir = data_dir
        self._keepers: dict[Epoch, EpochKeeper] = {}
        self._alarms: dict[Epoch, str] = {}

    @property
    def living(self) -> Sequence[EpochKeeper]:
        """The keepers of epochs whose worker is alive, as of the last look."""
        return list(self._keepers.values())

    def applied(self, epoch: Epoch) -> int:
        """Return the last frame of an epoch that the books have; 0 while nothing is known of it."""
        keeper = self._keepers.get(epoch)
        return 0 if keeper is None else keeper.applied

    async def look(self, books: Books) -> bool:
        """Find new epochs and register them; close those whose worker is gone. False when one is at fault."""
        applied = await _applied(books, [self._node])
        folders = {folder.epoch: folder for folder in find_epochs(self._data_dir)}
        missing = applied.keys() - folders.keys()
        if await self._cdr.mend(folders):
            for epoch in list(self._keepers):
                self._forget(epoch)  # to be read again, for the records
        if new := folders.keys() - applied.keys():
            for epoch in new:
                await books.open_epoch(epoch, folders[epoch].boot_id)
            applied = await _applied(books, {epoch.node for epoch in folders})
        sound = True
        for epoch, folder in folders.items():
            sound &= await self._guarded(epoch, self._tend(books, folder, applied.get(epoch))) is not _FAULT
        for epoch in missing:
            self._alarm(epoch, "alarm_journal_missing", "its folder is gone")
            await books.close_epoch(epoch, lost=True, now=datetime.now(UTC))
            self._forget(epoch)
        return sound

    async def settle(self, books: Books) -> bool:
        """Bring what was written since the last call into the books; True when nothing of it is left."""
        ends = [await self._guarded(keeper.epoch, _settled(keeper, books)) for keeper in self.living]
        await self._cdr.keep()
        return all(end is True for end in ends)

    def sync(self) -> None:
        """Bring every journal to the disk; may run in a thread."""
        for keeper in self.living:
            keeper.sync()

    async def _tend(self, books: Books, folder: EpochFolder, applied: int | None) -> None:
        """Keep one epoch that was found on disk; `applied` is None when the books have closed it."""
        if folder.format != FORMAT:
            raise JournalFormatError(f"journal format {folder.format}, this version reads {FORMAT}")
        alive = folder.is_alive()
        if applied is None and not alive:
            self._forget(folder.epoch)
            await self._remove(folder)  # all but this was done when control was stopped
            return
        if folder.epoch not in self._keepers:
            await self._cdr.begin(folder, applied or 0)
            self._keepers[folder.epoch] = EpochKeeper(folder, applied or 0, self._cdr)
        if not alive:
            await self._keepers[folder.epoch].close(books)
            self._forget(folder.epoch)
            await self._remove(folder)

    async def _remove(self, folder: EpochFolder) -> None:
        if await self._cdr.end(folder, _cause(folder)):
            folder.remove()

    async def _guarded(self, epoch: Epoch, work: Coroutine[Any, Any, object]) -> object:
        """Return what the work does, or _FAULT, which is alarmed."""
        try:
            return await work
        except _EPOCH_FAULTS as error:
            self._alarm(epoch, "alarm_settlement_refused", f"{type(error).__name__}: {error}")
            if isinstance(error, SequenceGapError):
                self._forget(epoch)  # the next look reads again from what was applied
            return _FAULT

    def _forget(self, epoch: Epoch) -> None:
        keeper = self._keepers.pop(epoch, None)
        if keeper is not None:
            keeper.let_go()

    def _alarm(self, epoch: Epoch, alarm: str, error: str) -> None:
        """Say once what is wrong with an epoch, however often it is met."""
        if self._alarms.get(epoch) != error:
            self._alarms[epoch] = error
            log.error(alarm, node=epoch.node, worker=epoch.worker, epoch=epoch.number, error=error)


async def _settled(keeper: EpochKeeper, books: Books) -> bool:
    """Bring what is there into the books, up to BATCHES_A_CALL; True when that was all."""
    for _ in range(BATCHES_A_CALL):
        if not await keeper.settle(books):
            return True
    return False


def _some(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield what one batch takes in."""
    octets = 0
    for frame in islice(frames, FRAMES_A_BATCH):
        yield frame
        octets += len(frame.body)
        if octets > OCTETS_A_BATCH:
            return


def _is_lost(folder: EpochFolder) -> bool:
    """Tell whether the machine went down without the journal's tail."""
    return folder.boot_id != boot_id() and folder.sync != "always"


def _cause(folder: EpochFolder) -> Cause:
    """Return why a dead worker's open insertions are unknown."""
    return Cause.POWER_LOSS if _is_lost(folder) else Cause.PROCESS_DIED


async def _applied(books: Books, nodes: Iterable[str]) -> Mapping[Epoch, int]:
    """Return how far the journals of the epochs that are open were applied."""
    return {each.epoch: each.applied for node in nodes for each in await books.open_epochs(node)}
