"""A worker's duty towards caps: a plan's rules, the table they are counted in, what must be said of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import structlog

from adapters.files.cap_file import CapFileError, open_cap_file
from adapters.files.hash_key import HashKeyError, load_hash_key
from engine.assembly import cap_policy
from engine.cap_rules import CapBook
from engine.cap_table import CapTable
from engine.caps import CapRules, Caps
from engine.inserter import Inserter
from engine.people import WideHash
from engine.settings import Settings
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows
from segments.numbering import Numbering

log = structlog.get_logger()


class Capping:
    """One worker's caps; nothing is opened and nobody is asked before a plan has rules.

    While there is no table, no campaign that must be counted gets an ad.
    """

    def __init__(
        self, settings: Settings, data_dir: Path, numbering: Numbering, inserters: Sequence[Inserter]
    ) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._numbering = numbering
        self._inserters = inserters
        self._table: CapTable | None = None
        self._caps: Caps | None = None
        self._told = ""

    def take(self, catalogue: Sequence[PlannedCampaign]) -> Mapping[int, CapRules]:
        """Return the rules of a new catalogue, and count by them from now on."""
        book = CapBook(catalogue, cap_policy(self._settings))
        if book.rules and self._caps is None:
            self._caps = self._open()
        caps = self._caps if book.rules else None
        if caps is not None:
            caps.limits = book.limits
        for inserter in self._inserters:
            inserter.caps = caps
        return book.rules

    def look(self) -> None:
        """Once a second: take back what refused ads counted, and say what is wrong."""
        table = self._table
        if table is None:
            return
        table.tidy()
        if table.trouble and table.trouble != self._told:
            log.error("alarm_caps", trouble=table.trouble)
        self._told, table.trouble = table.trouble, ""

    def _open(self) -> Caps | None:
        try:
            people = WideHash(load_hash_key(self._settings.privacy.hash_key_file, self._data_dir))
            self._table = open_cap_file(self._data_dir, people)
        except (HashKeyError, CapFileError) as error:
            log.error("alarm_caps", trouble="unusable", error=str(error))
            return None
        numbering = self._numbering
        return Caps(self._table, people, LocalWindows(numbering.timezones), numbering.zone_of)
