"""A campaign found and locked for somebody's deed, with what the workflow's conditions look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.campaign_documents import is_served, read_texts, reviews_of
from adapters.postgres.campaign_numbers import COUNTRY_ZONE
from adapters.postgres.campaign_rows import Author
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import Connection
from engine.access import Principal
from inventory.campaign import CampaignState
from inventory.faults import Fault
from inventory.workflow import Actor, Approvals, Standing


class StaleError(Exception):
    """The campaign has another version than the one that was read."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who acts when, under which lead time; `version` is the one they have read, None when not said.

    Categories of `extra_approval` (casefolded) take two approvals; `timezone` is the clock of the engagements
    that response numbers bring about.
    """

    principal: Principal
    now: datetime
    lead_time: timedelta = timedelta()
    version: int | None = None
    extra_approval: frozenset[str] = frozenset()
    timezone: str = COUNTRY_ZONE

    def approvals(self, campaign: asyncpg.Record, approved: asyncpg.Record) -> Approvals:
        """Return how many approvals a campaign's category takes, and whose `approved` has."""
        two = campaign["category"].casefold() in self.extra_approval
        return Approvals(two, approved["first_approver"])

    def waits(self, campaign: Mapping[str, Any] | asyncpg.Record) -> timedelta:
        """Return a campaign's lead time: one that tests has none."""
        return timedelta() if campaign["test"] else self.lead_time

    @property
    def author(self) -> Author:
        """Who writes."""
        return Author(self.principal.id, self.principal.name)

    @property
    def actor(self) -> Actor:
        """Who acts, by the workflow's names."""
        return Actor(self.principal.id, self.principal.role)


@dataclass(frozen=True, slots=True)
class Locked:
    """A campaign that nobody else changes until the transaction ends."""

    row: asyncpg.Record
    texts: Sequence[asyncpg.Record]
    ledger: asyncpg.Record = field(repr=False)
    approvals: Approvals

    @property
    def number(self) -> int:
        """The campaign's number."""
        number: int = self.row["number"]
        return number

    @property
    def standing(self) -> Standing:
        """What the workflow's conditions look at."""
        return Standing(
            CampaignState(self.row["state"]),
            self.row["ends_at"],
            frozenset(self.row["authors"]),
            reviews_of(self.texts),
            is_served(self.texts),
            tuple(Fault(**fault) for fault in self.row["faults"] or ()),
            self.row["paused_by_carrier"],
            self.approvals,
        )


async def find_row(connection: Connection, campaign: str, principal: Principal) -> asyncpg.Record:
    """Return a campaign's row. Raises `MissingError`, also for what is not the principal's to see."""
    try:
        wanted = UUID(campaign)
    except ValueError:
        raise MissingError("campaign") from None
    row = await connection.fetchrow("SELECT * FROM campaigns WHERE id = $1", wanted)
    if row is None or not principal.sees(row["brand"]):
        raise MissingError("campaign")
    return row


async def lock_campaign(connection: Connection, campaign: str, deed: Deed) -> Locked:
    """Lock a campaign and its ledger. Raises `MissingError`, `StaleError`."""
    found = await find_row(connection, campaign, deed.principal)
    number = found["number"]
    row = await connection.fetchrow("SELECT * FROM campaigns WHERE number = $1 FOR UPDATE", number)
    ledger = await connection.fetchrow("SELECT * FROM ledger WHERE campaign = $1", number)
    if row is None or ledger is None:
        raise MissingError("campaign")
    if deed.version is not None and row["version"] != deed.version:
        raise StaleError(row["version"])
    texts = await read_texts(connection, [number])
    return Locked(row, texts.get(number, ()), ledger, deed.approvals(row, row))
