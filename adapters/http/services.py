"""What the API's handlers work with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from adapters.files.hash_key import HashKeyError
from adapters.http.clicks import ClickCounter
from adapters.http.fitting import Fitting
from adapters.http.known_keys import KnownKeys
from adapters.metrics.node_figures import WorkerMemory
from adapters.metrics.pulse import Pulse
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool
from adapters.processes.messages import LiveSessions
from adapters.smpp.esme_core import Answered, Outgoing
from engine.settings import Settings
from inventory.forecast import Forecast
from inventory.market import Market
from segments.geography import Geography
from segments.numbering import Numbering
from segments.seal import Seal
from validators.rules import RuleSet


class NodeView(Protocol):
    """What control hears from its node's workers."""

    def workers(self) -> Sequence[WorkerMemory]:
        """Return what each worker told last."""

    async def sessions(self) -> LiveSessions:
        """Ask every worker for its live sessions."""


class Sender(Protocol):
    """Our own session at the SMSC."""

    async def submit(self, message: Outgoing) -> Answered:
        """Send a message and return what the SMSC said. Raises as `adapters.smpp.esme.EsmeSession` does."""


@dataclass(frozen=True, slots=True)
class Services:
    """The database while it is there, the settings in force, the reference data, the clock.

    `find_pool` returns None while the database is away, `forecast` and `market` until the first is made;
    `node` and `data_dir` are the running node's, None where there is none (in documents and tests).
    """

    find_pool: Callable[[], Pool | None]
    settings: Callable[[], Settings]
    geography: Geography
    numbering: Numbering
    rules: RuleSet
    forecast: Callable[[], Forecast | None] = lambda: None
    market: Callable[[], Market | None] = lambda: None
    node: NodeView | None = None
    data_dir: Path | None = None
    pulse: Pulse = field(default_factory=Pulse)
    clicks: ClickCounter = field(default_factory=ClickCounter)
    fitting: Fitting = field(default_factory=Fitting)
    known_keys: KnownKeys = field(default_factory=KnownKeys)
    esme: Sender | None = None
    find_seal: Callable[[], Seal] | None = None

    @property
    def pool(self) -> Pool:
        """The pool. Raises `ConnectionError`, which answers 503, while the database is away."""
        pool = self.find_pool()
        if pool is None:
            raise ConnectionError("the database is away")
        return pool

    @property
    def seal(self) -> Seal:
        """What seals callers. Raises `ConnectionError`, which answers 503, where there is no key."""
        try:
            if self.find_seal is not None:
                return self.find_seal()
        except HashKeyError as error:
            raise ConnectionError(str(error)) from None
        raise ConnectionError("there is no key for numbers")

    @property
    def identity(self) -> PostgresIdentity:
        """The register of who is who."""
        return PostgresIdentity(self.pool)

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)
