"""A worker's duty towards calls to response numbers: their journal, its syncs, the numbers it is told."""

from collections.abc import Iterable
from pathlib import Path

import structlog

from adapters.files.hash_key import HashKeyError
from adapters.files.journal_reader import LEADS_FOLDER, boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from adapters.files.number_key import load_seal
from adapters.processes.lead_gate import LeadGate, Release
from engine.journal import FORMAT
from engine.responses import LiveNumber, Responses
from engine.settings import Settings
from inventory.books import Epoch

SEGMENT_OCTETS = 8 * 1024 * 1024

log = structlog.get_logger()


class LeadTaking:
    """One worker's leads; `routes` names the routes on which response numbers are answered."""

    def __init__(self, settings: Settings, data_dir: Path, epoch: Epoch) -> None:
        self.routes = frozenset(route.name for route in settings.relay.routes if route.responses)
        self.responses: Responses | None = None
        self._journal: JournalWriter | None = None
        self._gate: LeadGate | None = None
        self._full = False
        if not self.routes or settings.relay.mode != "insert":
            return
        try:
            seal = load_seal(settings, data_dir)
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
        self.responses = Responses(seal, self._journal, f"{epoch.number:x}.{epoch.worker:x}.")

    def on(self, route: str) -> Responses | None:
        """Return what a route's sessions ask, None where calls are notifications like all others."""
        return self.responses if route in self.routes else None

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


def _sync_failed(error: OSError) -> None:
    log.error("alarm_leads_sync_failed", error=str(error))
