"""What the API's handlers work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool
from engine.settings import Settings
from segments.geography import Geography
from segments.numbering import Numbering
from validators.rules import RuleSet


@dataclass(frozen=True, slots=True)
class Services:
    """The database while it is there, the settings in force, the reference data, the clock.

    `find_pool` returns None while the database is away.
    """

    find_pool: Callable[[], Pool | None]
    settings: Callable[[], Settings]
    geography: Geography
    numbering: Numbering
    rules: RuleSet

    @property
    def pool(self) -> Pool:
        """The pool. Raises `ConnectionError`, which answers 503, while the database is away."""
        pool = self.find_pool()
        if pool is None:
            raise ConnectionError("the database is away")
        return pool

    @property
    def identity(self) -> PostgresIdentity:
        """The register of who is who."""
        return PostgresIdentity(self.pool)

    def now(self) -> datetime:
        """Return the present instant."""
        return datetime.now(UTC)
