"""Why running campaigns have no ads for a subscriber now: the caps that are reached, by this node's table."""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from adapters.files.cap_file import CapFileError, open_cap_file
from adapters.files.hash_key import HashKeyError, load_hash_key
from engine.assembly import cap_policy
from engine.cap_rules import CapBook
from engine.caps import Caps
from engine.people import WideHash
from engine.reasons import Reason
from engine.settings import Settings
from inventory.books import ServingCampaign
from inventory.roster import planned_campaign
from segments.clock import LocalWindows
from segments.numbering import Numbering


class CapsReached:
    """Looks into the table as a worker does, and counts nothing; for threads, one at a time.

    The table stays mapped from the first look on. A store that nodes share is not asked.
    """

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._turn = threading.Lock()
        self._caps: Caps | None = None

    def of(
        self,
        number: int,
        serving: Sequence[ServingCampaign],
        settings: Settings,
        data_dir: Path,
        now: datetime,
    ) -> Mapping[int | None, Reason] | None:
        """Return why not, by campaign number (None for all ads); None where the table can't tell."""
        catalogue = [planned_campaign(each.campaign) for each in serving]
        book = CapBook(catalogue, cap_policy(settings))
        place = self._numbering.place_of(number)
        if not book.rules or place < 0:
            return {}
        with self._turn:
            caps = self._opened(settings, data_dir)
            return None if caps is None else _refusals(caps, book, number, place, now)

    def _opened(self, settings: Settings, data_dir: Path) -> Caps | None:
        if self._caps is None and settings.caps.shared is None:
            try:
                people = WideHash(load_hash_key(settings.privacy.hash_key_file, data_dir))
                table = open_cap_file(data_dir, people)
            except (HashKeyError, CapFileError):
                return None
            numbering = self._numbering
            self._caps = Caps(table, people, LocalWindows(numbering.timezones), numbering.zone_of)
        return self._caps


def _refusals(
    caps: Caps, book: CapBook, number: int, place: int, now: datetime
) -> Mapping[int | None, Reason] | None:
    caps.limits = book.limits
    caps.at(now.timestamp())
    try:
        told: dict[int | None, Reason | None] = {None: caps.admit(number, place)}
        for campaign, rules in book.rules.items():
            told[campaign] = caps.refuses(rules.limits)
    finally:
        caps.store.close()
    found = {campaign: reason for campaign, reason in told.items() if reason is not None}
    return None if Reason.CAP_BUSY in found.values() else found
