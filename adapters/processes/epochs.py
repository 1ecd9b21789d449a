"""The journals of a node as control sees them: tail the living, settle, close the dead, each exactly once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import structlog

from adapters.files.journal_reader import EpochFolder, JournalReader, boot_id, find_epochs
from engine.journal import Cause
from engine.settlement import Fold
from inventory.books import Batch, Books, Epoch

# What one batch takes in, so that a backlog does not hold up everything else.
FRAMES_A_BATCH = 5000

log = structlog.get_logger()


class EpochKeeper:
    """One epoch's journal on its way into the books.

    A batch whose fate is unknown (the database went away while it was applied) is offered again as
    it was, before anything else, so that the books can tell that they have it.
    """

    def __init__(self, folder: EpochFolder, applied: int) -> None:
        self.folder = folder
        self._reader = JournalReader(folder.path)
        self._fold = Fold(folder.epoch, applied)
        self._in_doubt: Batch | None = None

    @property
    def epoch(self) -> Epoch:
        """Which epoch this is."""
        return self.folder.epoch

    async def settle(self, books: Books) -> bool:
        """Bring one batch into the books; False when there was nothing new."""
        batch = self._in_doubt or self._read_batch()
        if batch is None:
            return False
        self._in_doubt = batch
        await books.settle(batch)  # False means that it was there already: as good
        self._in_doubt = None
        self._fold.applied_upto(batch.upto)
        oldest_open = min(self._fold.open, default=1 << 63)
        self._reader.drop(batch.upto, oldest_open)
        return True

    async def close(self, books: Books) -> None:
        """Settle a dead worker's journal to its end, close what is open, give back its leases."""
        while await self.settle(books):
            pass
        lost = self.folder.boot_id != boot_id() and self.folder.sync != "always"
        open_insertions = len(self._fold.open)
        self._fold.close_open(Cause.POWER_LOSS if lost else Cause.PROCESS_DIED)
        self._in_doubt = self._fold.batch()
        await self.settle(books)
        await books.close_epoch(self.epoch, lost=lost, now=datetime.now(UTC))
        log.warning(
            "epoch_closed",
            worker=self.epoch.worker,
            epoch=self.epoch.number,
            unknown=open_insertions,
            lost=lost,
        )
        self._reader.close()
        self.folder.remove()

    def sync(self) -> None:
        """Bring the journal to the disk."""
        self._reader.sync()

    def _read_batch(self) -> Batch | None:
        while self._fold.add(islice(self._reader.frames(), FRAMES_A_BATCH)):
            if (batch := self._fold.batch()) is not None:
                return batch
        return None


class Epochs:
    """All epochs of one node."""

    def __init__(self, node: str, data_dir: Path) -> None:
        self._node = node
        self._data_dir = data_dir
        self._keepers: dict[Epoch, EpochKeeper] = {}

    @property
    def living(self) -> Sequence[EpochKeeper]:
        """The keepers of epochs whose worker is alive, as of the last look."""
        return list(self._keepers.values())

    async def look(self, books: Books) -> None:
        """Find new epochs and register them; close those whose worker is gone."""
        applied = {each.epoch: each.applied for each in await books.open_epochs(self._node)}
        folders = {folder.epoch: folder for folder in find_epochs(self._data_dir)}
        for epoch, folder in folders.items():
            if epoch not in applied:
                await books.open_epoch(epoch, folder.boot_id)
            if epoch not in self._keepers:
                self._keepers[epoch] = EpochKeeper(folder, applied.get(epoch, 0))
            if not folder.is_alive():
                await self._keepers[epoch].close(books)
                del self._keepers[epoch]
        for epoch in applied.keys() - folders.keys():
            log.error("alarm_journal_missing", worker=epoch.worker, epoch=epoch.number)
            await books.close_epoch(epoch, lost=True, now=datetime.now(UTC))

    async def settle(self, books: Books) -> None:
        """Bring what was written since the last call into the books."""
        for keeper in self.living:
            await keeper.settle(books)

    def sync(self) -> None:
        """Bring every journal to the disk; may run in a thread."""
        for keeper in self.living:
            keeper.sync()
