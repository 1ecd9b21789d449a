"""What the duties of a worker share: its journal, its books, what chooses, and how it is told."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapters.files.hash_key import HashKeyError
from adapters.files.journal_reader import boot_id, epoch_folder
from adapters.files.journal_writer import JournalWriter
from adapters.files.number_key import load_seal
from adapters.files.reference_data import load_numbering
from adapters.metrics.worker_figures import WorkerFigures
from adapters.processes.capping import Capping
from adapters.processes.child import Spec
from adapters.processes.gate import Gate
from adapters.processes.lead_taking import LeadTaking
from adapters.processes.receipting import Receipting, count_people
from adapters.processes.worker_faults import Faults
from engine.assembly import make_inserter, make_register
from engine.breaker import Breaker
from engine.inserter import Inserter
from engine.journal import FORMAT
from engine.leasebook import LeaseBook
from engine.recorder import Recorder
from engine.settings import Settings
from engine.subject import Register, Subject
from engine.supply import SupplyCounter
from inventory.books import Epoch
from segments.numbering import Numbering

log = structlog.get_logger()


@dataclass(slots=True)
class Core:
    """One worker's parts; `settings` are those in force, `inserters` go by route."""

    spec: Spec
    settings: Settings
    epoch: Epoch
    numbering: Numbering
    journal: JournalWriter
    recorder: Recorder
    book: LeaseBook
    breaker: Breaker
    inserters: Mapping[str, Inserter]
    supply: SupplyCounter
    gate: Gate
    figures: WorkerFigures
    faults: Faults
    receipting: Receipting
    capping: Capping
    subject: Subject
    leads: LeadTaking

    def commit(self) -> None:
        """Write what is owed to the journal; what it raises is heard."""
        self.recorder.commit()
        if self.recorder.fault is not None:
            self.faults.alarm(self.recorder.fault)

    def write_supply(self, hour: int) -> None:
        """Write the supply that was counted in an hour to the journal; what it does not take waits."""
        entries = self.supply.entries(hour)
        if entries and self.journal.append(entries):
            self.supply.written()


def make_core(spec: Spec) -> Core:
    """Return the parts of a worker that begins a new epoch now. Raises `OSError` without a journal."""
    settings = spec.settings
    numbering = load_numbering(Path(spec.ranges) if spec.ranges else None)
    epoch = Epoch(settings.node.name, spec.worker, time.time_ns())
    journal = _open_journal(spec, epoch)
    recorder = Recorder(journal)
    subject = Subject(_register(settings, spec))
    inserters = {
        route.name: make_inserter(settings, route, numbering, subject) for route in settings.relay.routes
    }
    supply = SupplyCounter(place.code for place in numbering.places)
    for inserter in inserters.values():
        inserter.supply = supply
    figures = WorkerFigures(spec.worker, inserters, recorder, journal, bypass=spec.bypass)
    faults = Faults(figures)
    count_people(settings, spec.data_dir, inserters.values())
    receipting = Receipting(settings, spec.data_dir, recorder, faults.alarm)
    figures.receipts = receipting.routes
    return Core(
        spec=spec,
        settings=settings,
        epoch=epoch,
        numbering=numbering,
        journal=journal,
        recorder=recorder,
        book=LeaseBook(settings.leases.horizon_s),
        breaker=Breaker(),
        inserters=inserters,
        supply=supply,
        gate=Gate(settings, spec.data_dir, inserters),
        figures=figures,
        faults=faults,
        receipting=receipting,
        capping=Capping(settings, spec.data_dir, numbering, list(inserters.values())),
        subject=subject,
        leads=LeadTaking(settings, spec.data_dir, epoch),
    )


def _open_journal(spec: Spec, epoch: Epoch) -> JournalWriter:
    sync = spec.settings.journal.sync
    return JournalWriter(
        epoch_folder(spec.data_dir, epoch),
        {
            "node": epoch.node,
            "worker": epoch.worker,
            "epoch": epoch.number,
            "boot_id": boot_id(),
            "sync": sync,
            "format": FORMAT,
        },
        syncs=sync == "always",
    )


def _register(settings: Settings, spec: Spec) -> Register | None:
    """Return an empty register; None without its key: then there are no ads."""
    try:
        return make_register(settings, load_seal(settings, spec.data_dir))
    except HashKeyError as error:
        log.error("alarm_number_key", error=str(error))
        return None
