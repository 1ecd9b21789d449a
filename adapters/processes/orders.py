"""What control tells a worker, and what the worker makes of it: switches, leases, harmful texts, register."""

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import structlog

from adapters.files.register_map import map_register
from adapters.processes.messages import (
    Changed,
    Confirm,
    FromControl,
    Harmful,
    Leases,
    Message,
    NewPlan,
    NewRegister,
    Numbers,
    Recall,
    Registered,
    Returned,
    SetSwitches,
    StopRequesting,
    Want,
)
from adapters.processes.plan_taking import PlanTaking
from adapters.processes.worker_core import Core
from engine.register_file import RegisterFileError, Scopes, profiles_at, sets_of

log = structlog.get_logger()


class Orders:
    """One worker's obedience; `say` sends a message to control, if it is there."""

    def __init__(self, core: Core, say: Callable[[Message], bool]) -> None:
        self._core = core
        self._say = say
        self._plans = PlanTaking(core, self._mark_stopped)
        self._stopped: frozenset[int] = frozenset()
        self._changes: dict[int, tuple[bool, Scopes]] = {}
        self._mapped = False

    def heard(self, message: FromControl) -> None:
        """Act on a message; what it breaks must not end the line."""
        self._core.gate.heard_at = time.monotonic()
        try:
            self._obey(message)
        except Exception as error:  # noqa: BLE001  # the relay goes on as it did
            self._core.faults.alarm(error)
        self._core.gate.tell()

    def _obey(self, message: FromControl) -> None:
        match message:
            case Leases():
                self._take_leases(message)
            case NewPlan():
                self._plans.hear(Path(message.path))
            case NewRegister():
                self._take_register(Path(message.path))
            case Changed():
                self._take_changes(message)
            case SetSwitches():
                self._take_switches(message)
            case Recall():
                self._return(self._core.book.recall(message.campaign))
            case StopRequesting():
                self._core.receipting.stop()
            case Numbers():
                self._core.leads.hear(message.numbers)
            case _:
                pass  # Ping: being heard is all

    # -- leases -----------------------------------------------------------------------------------

    def _take_leases(self, message: Leases) -> None:
        book = self._core.book
        for campaign, totals in message.totals.items():
            book.hear(campaign, totals)
        self._return(book.untold(message.totals))
        self._core.gate.leased = True
        self._core.figures.lease_at = time.monotonic()

    def ask(self) -> None:
        """Ask for what runs short, give back what no longer serves."""
        book = self._core.book
        self._return(book.surrender(self._plans.serving))
        if requests := book.requests(self._plans.serving):
            self._say(Want(requests=tuple(requests), at=time.monotonic()))

    def _return(self, totals: dict[int, int]) -> None:
        if totals:
            self._say(Returned(totals=totals))

    # -- the register -----------------------------------------------------------------------------

    def _take_register(self, path: Path) -> None:
        """Read a new file from the next message on; without it there are no ads until the next one."""
        register = self._core.subject.register
        self._core.gate.registered = self._mapped = False
        mapped, contents = map_register(path)
        if register is None or contents.check != register.seal.check:
            raise RegisterFileError("the register file is sealed with another key than this worker's")
        suppressed, chosen = sets_of(mapped, contents)
        register.take(mapped, suppressed, chosen, profiles_at(contents), contents.profiles)
        self._mapped = True

    def _take_changes(self, message: Changed) -> None:
        """Act on what changed since the file was made; what replaces the former is heard to its end first."""
        for number, suppressed, consented, withdrawn in message.entries:
            self._changes[number] = suppressed, (consented, withdrawn)
        if message.replaces and not message.ends:
            return
        register = self._core.subject.register
        if register is not None:
            register.change(self._changes, replaces=message.replaces)
        self._changes = {}
        if message.replaces:
            self._core.gate.registered = self._mapped
        if message.ends and self._core.gate.registered:
            self._say(Registered(version=message.version, lists=message.lists))

    # -- switches and harm ------------------------------------------------------------------------

    def _take_switches(self, message: SetSwitches) -> None:
        self._core.gate.ads_on = message.ads_on
        self._stopped = message.stopped
        if self._core.breaker.hear(message.harmful):
            self._plans.leave_out_harmful()
        self._mark_stopped()
        self._core.gate.tell()
        self._say(Confirm(version=message.version))

    def _mark_stopped(self) -> None:
        stopped = self._stopped | self._plans.textless
        for lease in self._core.book:
            lease.stopped = lease.campaign in stopped

    def judge_texts(self) -> None:
        """Stop the texts that the SMSC refuses more often than bare notifications; tell control."""
        breaker = self._core.breaker
        found = breaker.judge()
        for verdict in found:
            log.error("alarm_text_harmful", **asdict(verdict))
        if found:
            self._plans.leave_out_harmful()
        for verdict in breaker.untold():
            self._say(Harmful(verdict=verdict))
