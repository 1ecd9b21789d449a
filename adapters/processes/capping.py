"""A worker's duty towards caps: a plan's rules, where they are counted, what must be said of it."""

from collections.abc import Generator, Sequence
from pathlib import Path

import structlog

from adapters.files.cap_file import CapFileError, open_cap_file
from adapters.files.hash_key import HashKeyError, load_hash_key
from adapters.valkey.connection import Connection, Opening, open_store
from adapters.valkey.link import ValkeyLink
from engine.assembly import cap_policy
from engine.cap_batch import CapBatch
from engine.cap_rules import CapBook
from engine.caps import Caps, CapStore
from engine.endpoint import Endpoint
from engine.inserter import Inserter
from engine.people import WideHash
from engine.settings import Settings
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows
from segments.numbering import Numbering

log = structlog.get_logger()


class Capping:
    """One worker's caps; nothing is opened and nobody is asked before a plan has rules.

    While there is neither table nor store, no campaign that must be counted gets an ad.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, numbering: Numbering, inserters: Sequence[Inserter]
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._numbering = numbering
        self._inserters = inserters
        self._store: CapStore | None = None
        self._link: ValkeyLink | None = None
        self._caps: Caps | None = None
        self._told = ""

    def prepare(self, catalogue: Sequence[PlannedCampaign]) -> Generator[None, None, CapBook]:
        """Return the rules of a new catalogue, a few microseconds of work before each pause."""
        return CapBook.in_steps(catalogue, cap_policy(self._settings))

    def take(self, book: CapBook) -> None:
        """Count by these rules from now on."""
        if book.rules and self._caps is None:
            self._caps = self._open()
        caps = self._caps if book.rules else None
        if caps is not None:
            caps.limits = book.limits
        for inserter in self._inserters:
            inserter.caps = caps

    def look(self) -> None:
        """Once a second: take back what refused ads counted, and say what is wrong."""
        store = self._store
        if store is None:
            return
        error = {}
        if self._link is not None:
            self._link.look()
        store.tidy()
        if self._link is not None and store.trouble == self._link.trouble:
            error = {"error": self._link.error}
        if store.trouble and store.trouble != self._told:
            log.error("alarm_caps", trouble=store.trouble, **error)
        self._told, store.trouble = store.trouble, ""

    def close(self) -> None:
        """End: nothing is counted any more."""
        self.look()
        if self._link is not None:
            self._link.close()

    def _open(self) -> Caps | None:
        shared = self._settings.caps.shared
        try:
            people = WideHash(load_hash_key(self._settings.privacy.hash_key_file, self._data_dir))
            store = open_cap_file(self._data_dir, people) if shared is None else self._join(shared, people)
        except (HashKeyError, CapFileError) as error:
            log.error("alarm_caps", trouble="unusable", error=str(error))
            return None
        self._store = store
        numbering = self._numbering
        return Caps(store, people, LocalWindows(numbering.timezones), numbering.zone_of)

    def _join(self, shared: Endpoint, people: WideHash) -> CapBatch:
        """Return the store that nodes share; it is connected to meanwhile."""

        def dial() -> Connection:
            return open_store(Opening(shared, people.check))[0]

        self._link = ValkeyLink(dial, people.check, self._settings.caps.timeout_ms / 1000)
        self._link.look()
        return CapBatch(self._link)
