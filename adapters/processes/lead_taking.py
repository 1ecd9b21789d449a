"""A worker's duty towards calls to response numbers and words to the short code: their journal, its syncs."""

import time
from collections.abc import Callable, Iterable
from errno import ENOSPC
from pathlib import Path

import structlog

from adapters.files.hash_key import HashKeyError
from adapters.files.journal_reader import LEADS_FOLDER, boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from adapters.files.live_numbers import read_numbers
from adapters.files.number_key import load_seal
from adapters.processes.lead_gate import LeadGate
from adapters.processes.sync_line import Release
from adapters.smpp.route_words import RouteWords
from engine.journal import FORMAT
from engine.responses import LiveNumber, Responses, word_entry
from engine.settings import Settings
from inventory.books import Epoch
from segments.seal import Seal

SEGMENT_OCTETS = 8 * 1024 * 1024

log = structlog.get_logger()


class LeadTaking:
    """One worker's leads; `routes` names the routes on which response numbers are answered.

    `short_codes` are those of the routes on which words are heard.
    """

    def __init__(self, settings: Settings, data_dir: Path, epoch: Epoch) -> None:
        relay = settings.relay
        answers, hears = relay.mode == "insert", relay.mode != "bypass"
        self.routes = frozenset(route.name for route in relay.routes if answers and route.responses)
        self.short_codes = {
            route.name: route.short_code for route in relay.routes if hears and route.short_code
        }
        self.responses: Responses | None = None
        self._journal: JournalWriter | None = None
        self._gate: LeadGate | None = None
        self._full = False
        self._seal: Seal | None = None
        if not self.routes and not self.short_codes:
            return
        try:
            self._seal = seal = load_seal(settings, data_dir)
        except HashKeyError as error:
            log.error("alarm_leads_key", error=str(error))
            return
        self._journal = JournalWriter(
            epoch_folder(data_dir, epoch, LEADS_FOLDER),
            {
                "node": epoch.node,
                "worker": epoch.worker,
                "epoch": epoch.number,
                "boot_id": boot_id(),
                "sync": "always",
                "format": FORMAT,
            },
            SEGMENT_OCTETS,
            syncs=True,
        )
        if self.routes:
            self.responses = Responses(seal, self._journal, f"{epoch.number:x}.{epoch.worker:x}.")
            self.responses.hear(read_numbers(data_dir))

    def on(self, route: str) -> Responses | None:
        """Return what a route's sessions ask, None where calls are notifications like all others."""
        return self.responses if route in self.routes else None

    def words(self, route: str, alarm: Callable[[Exception], None]) -> RouteWords | None:
        """Return what hears words on a route, None where it is off."""
        short_code = self.short_codes.get(route)
        if short_code is None or self._journal is None:
            return None
        return RouteWords(short_code, self.note_word, alarm)

    def note_word(self, word: int, subscriber: int) -> None:
        """Write what a subscriber wrote to the journal, which is synced at once. Raises `OSError`."""
        if self._journal is None or self._seal is None:
            return
        entry = word_entry(word, time.time(), self._seal.of(subscriber))
        if not self._journal.append(entry):
            raise OSError(ENOSPC, "a word to the short code was not kept")
        self.hold(_whatever_comes)

    def hear(self, numbers: Iterable[LiveNumber]) -> None:
        """Take over the numbers that control tells."""
        if self.responses is not None:
            self.responses.hear(numbers)

    def hold(self, release: Release) -> None:
        """Call `release` when the calls of this read are on the disk, or will not be in time."""
        if self._journal is None:
            release(False)
            return
        if self._gate is None:
            self._gate = LeadGate(self._journal, _sync_failed)
        self._gate.hold(release)

    def prepare(self) -> None:
        """Make the next segment in time, off the hot path; a full disk is an alarm, once."""
        if self._journal is None:
            return
        try:
            self._journal.prepare()
        except OSError as error:
            if not self._full:
                log.error("alarm_leads_full", error=str(error))
            self._full = True
        else:
            self._full = False

    def close(self) -> None:
        """Bring everything to the disk: the epoch is over."""
        if self._journal is not None:
            self._journal.sync()
            self._journal.close()


def _whatever_comes(_kept: bool, /) -> None:
    """Wait for nothing: the message has passed, and the gate tells of a disk that fails."""


def _sync_failed(error: OSError) -> None:
    log.error("alarm_leads_sync_failed", error=str(error))
