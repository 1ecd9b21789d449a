"""Control's duty towards lead journals: brought into the database, each frame once, and dropped."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import asyncpg
import structlog

from adapters.files.hash_key import HashKeyError
from adapters.files.journal_reader import (
    LEADS_FOLDER,
    EpochFolder,
    JournalGapError,
    JournalReader,
    boot_id,
    find_epochs,
)
from adapters.files.number_key import load_seal
from adapters.postgres.leads import PostgresLeads
from adapters.postgres.pool import DATABASE_AWAY, DATABASE_FAULTS, Pool, close_pool, open_pool
from adapters.processes.endless import every
from engine.journal import Frame
from engine.responses import LeadCall, WordWritten, calls_of, words_of
from engine.settings import Settings
from inventory.books import SequenceGapError
from inventory.keywords import WISHES, WORDS, Wished
from inventory.leads import Call
from segments.masked import masked
from segments.numbering import Numbering
from segments.seal import Seal

SETTLE_S = 0.2
DROP_S = 600.0
SETTLE_UP_S = 10.0
FRAMES_A_BATCH = 5000
CALLS_A_BATCH = 5000
BATCHES_A_LOOK = 16

_NO_INSERTIONS = 1 << 63
_ENGAGED = "SELECT EXISTS (SELECT FROM engagements)"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Batch:
    after: int
    upto: int
    calls: tuple[Call, ...]
    wishes: tuple[Wished, ...]


class CallReader:
    """Reads callers and who wrote words back: who they are, and where."""

    def __init__(self, seal: Seal, numbering: Numbering) -> None:
        self.seal = seal
        self._numbering = numbering

    def read(self, call: LeadCall) -> Call:
        """Return a call as leads have it."""
        return self.call(call.assignment, call.at, self.seal.opened(call.caller), call.caller)

    def wished(self, written: WordWritten) -> Wished:
        """Return what a word asks for."""
        word = WORDS[written.word - 1]
        at = datetime.fromtimestamp(written.at, UTC)
        return Wished(self.seal.opened(written.subscriber), WISHES[word], word, at)

    def call(self, assignment: int, at: float, number: int, sealed: int) -> Call:
        """Return the call of a number to an assignment, at UTC seconds."""
        index = self._numbering.place_of(number)
        place = None if index < 0 else self._numbering.places[index]
        return Call(
            assignment,
            datetime.fromtimestamp(at, UTC),
            sealed,
            masked(number),
            place.state if place else "",
            place.lada if place else "",
        )


class _Keeper:
    """One lead journal; a batch whose fate is unknown is offered again as it was."""

    def __init__(self, folder: EpochFolder, applied: int) -> None:
        self.folder = folder
        self._applied = applied
        self._reader = JournalReader(folder.path)
        self._in_doubt: _Batch | None = None
        self.holed = False

    async def settle(self, leads: PostgresLeads, calls: CallReader) -> bool:
        """Bring one batch in; False when there was nothing new. Raises `JournalGapError`."""
        batch = self._in_doubt or await asyncio.to_thread(self._read, calls)
        if batch is None:
            return False
        self._in_doubt = batch
        taken = (batch.after, batch.upto, batch.calls, batch.wishes)
        await leads.settle(self.folder.epoch, *taken, now=datetime.now(UTC))
        self._in_doubt = None
        self._applied = batch.upto
        self._reader.drop(batch.upto, _NO_INSERTIONS)
        return True

    def _read(self, calls: CallReader) -> _Batch | None:
        after = upto = self._applied
        found: list[Call] = []
        wishes: list[Wished] = []
        for frame in _some(self._reader.frames()):
            if frame.sequence > after:
                upto = frame.sequence
                found += [calls.read(call) for call in calls_of(frame)]
                wishes += [calls.wished(word) for word in words_of(frame)]
        return _Batch(after, upto, tuple(found), tuple(wishes)) if upto > after else None

    def close(self) -> None:
        """Close the journal's files."""
        self._reader.close()


class LeadSettling:
    """The lead journals of one node; without the key of the numbers they wait where they are."""

    def __init__(
        self, settings: Callable[[], Settings], data_dir: Path, find_numbering: Callable[[], Numbering]
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._find_numbering = find_numbering
        self._keepers: dict[Path, _Keeper] = {}
        self._calls: CallReader | None = None
        self._desk: tuple[Pool, PostgresLeads] | None = None
        self._dropped_at = -DROP_S
        self._alarmed = ""

    async def run(self, pool: Pool) -> None:
        """Settle until cancelled. Raises what a database raises that is away."""
        await every(SETTLE_S, lambda: self._guarded(pool))

    async def settle_up(self, dsn: str) -> None:
        """Bring in what drained workers left, for the last time; else the next start does."""
        try:
            async with asyncio.timeout(SETTLE_UP_S):
                pool = await open_pool(dsn)
                if await self._needed(pool):
                    while not await self._look(self._leads(pool)):
                        pass
                await close_pool(pool)
        except SequenceGapError as error:
            self._alarm("alarm_leads_refused", str(error))
        except DATABASE_FAULTS as error:
            log.warning("left_unsettled", error=f"{type(error).__name__}: {error}")

    async def _needed(self, pool: Pool) -> bool:
        """Tell whether there may be leads, and a key to read them with: elsewhere none is made."""
        if self._calls is not None:
            return True
        known = (self._data_dir / LEADS_FOLDER).exists() or await pool.fetchval(_ENGAGED)
        return bool(known) and self._readable()

    def _leads(self, pool: Pool) -> PostgresLeads:
        """Return the leads of a pool, the same as long as it is the same one."""
        if self._desk is None or self._desk[0] is not pool:
            self._desk = (pool, PostgresLeads(pool, self._reader().seal))
        return self._desk[1]

    def _readable(self) -> bool:
        try:
            self._reader()
        except HashKeyError as error:
            self._alarm("alarm_leads_key", str(error))
            return False
        return True

    def _reader(self) -> CallReader:
        if self._calls is None:
            self._calls = CallReader(load_seal(self._settings(), self._data_dir), self._find_numbering())
        return self._calls

    async def _guarded(self, pool: Pool) -> None:
        """Settle, and let no fault in it end what else is done with the database."""
        try:
            if not await self._needed(pool):
                return
            leads = self._leads(pool)
            await self._look(leads)
            now = time.monotonic()
            if now - self._dropped_at >= DROP_S:
                self._dropped_at = now
                keep_days = self._settings().retention_days.leads
                if dropped := await leads.drop_old(datetime.now(UTC), keep_days):
                    log.info("leads_dropped", partitions=list(dropped))
        except DATABASE_AWAY:
            raise
        except (asyncpg.PostgresError, SequenceGapError) as error:
            self._begin_anew()
            self._alarm("alarm_leads_refused", f"{type(error).__name__}: {error}")

    def _begin_anew(self) -> None:
        """Forget what was known of partitions and journals: the next look reads from what was applied."""
        self._desk = None
        for keeper in self._keepers.values():
            keeper.close()
        self._keepers.clear()

    async def _look(self, leads: PostgresLeads) -> bool:
        """Bring in what is there; False when some of it waits for the next look."""
        whole = True
        for folder in await asyncio.to_thread(find_epochs, self._data_dir, LEADS_FOLDER):
            alive = folder.is_alive()  # first: what it wrote before it died is read below
            keeper = self._keepers.get(folder.path)
            if keeper is None:
                keeper = _Keeper(folder, await leads.applied(folder.epoch))
                self._keepers[folder.path] = keeper
            settled = await self._settled(keeper, leads)
            whole = whole and (settled or keeper.holed)
            if settled and not alive:
                keeper.close()
                del self._keepers[folder.path]
                await asyncio.to_thread(folder.remove)
                await leads.forget_epoch(folder.epoch)
        return whole

    async def _settled(self, keeper: _Keeper, leads: PostgresLeads) -> bool:
        """Bring in what is there, up to BATCHES_A_LOOK; True when that was all.

        After a power loss a journal may have a hole: no call behind it was answered.
        """
        try:
            for _ in range(BATCHES_A_LOOK):
                if not await keeper.settle(leads, self._reader()):
                    return True
        except JournalGapError as gap:
            keeper.holed = True
            self._alarm("alarm_journal_cut", str(gap))
            return keeper.folder.boot_id != boot_id()
        return False

    def _alarm(self, event: str, error: str) -> None:
        if self._alarmed != error:
            self._alarmed = error
            log.error(event, error=error)


def _some(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Yield what one batch takes in."""
    calls = 0
    for frame in islice(frames, FRAMES_A_BATCH):
        yield frame
        calls += len(frame.kinds)
        if calls > CALLS_A_BATCH:
            return
