"""A campaign's response number: looked at when it is submitted, its own from approval to the flight's end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from adapters.postgres.engagements import (
    Author,
    NumberTakenError,
    add_engagement,
    close_engagement,
    find_holder,
    is_pooled,
    reword_engagement,
    tell_engagement,
)
from adapters.postgres.pool import Connection
from inventory.engagements import EngagementDraft
from inventory.response_numbers import NumberUse

COUNTRY_ZONE: Final = "America/Mexico_City"
"""The clock of leads where nobody says another one."""

LONGEST_WORDING: Final = 500

_FLIGHT = """
SELECT c.id, c.name, c.brand, c.response_number AS digits, c.starts_at, c.ends_at, b.organisation
FROM campaigns c JOIN brands b ON b.name = c.brand WHERE c.number = $1
"""

# What callers of a campaign's number have read: its texts that may serve.
_WORDING = """
SELECT string_agg(d.text, E'\\n' ORDER BY d.position) FROM (
    SELECT DISTINCT ON (cr.position) cr.position, v.text, v.review
    FROM creatives cr JOIN creative_versions v ON v.creative = cr.id
    WHERE cr.campaign = $1 AND cr.removed_at IS NULL AND v.review IN ('approved', 'taken_down')
    ORDER BY cr.position, v.version DESC
) d WHERE d.review = 'approved'
"""

_OF_FLIGHT = """
SELECT number, id, state, wording, starts_at, ends_at FROM engagements
WHERE campaign = $1 AND of_flight AND state = 'live' FOR UPDATE
"""

_OWN = """
SELECT e.name, e.state FROM assignments a JOIN engagements e ON e.number = a.engagement
WHERE a.digits = $1 AND e.campaign = $2 AND a.during && tstzrange($3, $4) ORDER BY lower(a.during) LIMIT 1
"""

_MOVE = "UPDATE assignments SET during = tstzrange($2, $3) WHERE engagement = $1"


class NumberNotStartedError(Exception):
    """The campaign's own engagement has the number and is a draft: nobody answers calls to it."""


@dataclass(frozen=True, slots=True)
class _Flight:
    campaign: asyncpg.Record
    starts_at: datetime

    @property
    def digits(self) -> str:
        return str(self.campaign["digits"])

    @property
    def ends_at(self) -> datetime:
        ends_at: datetime = self.campaign["ends_at"]
        return ends_at


async def check_number(connection: Connection, campaign: int, *, now: datetime) -> None:
    """See that a campaign's number, if it has one, could be assigned to it. Raises `NumberTakenError`."""
    flight = await _flight(connection, campaign, now)
    if flight is None or await _own(connection, campaign, flight) is not None:
        return
    if not await is_pooled(connection, flight.digits):
        raise NumberTakenError(0, flight.digits, None)
    holder = await find_holder(connection, flight.digits, flight.starts_at, flight.ends_at)
    if holder is not None:
        raise NumberTakenError(0, flight.digits, holder)


async def take_number(
    connection: Connection, campaign: int, *, timezone: str, by: str, now: datetime
) -> None:
    """Assign a campaign's number, if it has one, for its flight: calls to it become leads of the campaign.

    An engagement that somebody made for the campaign and this number goes before: it stays as it is. Raises
    `NumberTakenError`, `NumberNotStartedError`.
    """
    flight = await _flight(connection, campaign, now)
    if flight is None:
        return
    own = await _own(connection, campaign, flight)
    if own is None:
        author = Author(flight.campaign["organisation"], by, timezone)
        draft = _draft(flight, await _wording(connection, campaign))
        await add_engagement(connection, draft, author, state="live", at=now, of_flight=True)
    elif own["state"] == "draft":
        raise NumberNotStartedError(own["name"])


async def move_number(connection: Connection, campaign: int, *, by: str, now: datetime) -> None:
    """Let what a campaign's approval assigned follow its flight. Raises `NumberTakenError`."""
    flight, made = await _flight(connection, campaign, now), await _of_flight(connection, campaign)
    if flight is None or made is None:
        return
    starts_at = made["starts_at"] if made["starts_at"] <= now else flight.starts_at
    if (starts_at, flight.ends_at) == (made["starts_at"], made["ends_at"]):
        return
    try:
        async with connection.transaction():
            await connection.execute(_MOVE, made["number"], starts_at, flight.ends_at)
    except asyncpg.ExclusionViolationError:
        holders = [
            await find_holder(connection, flight.digits, begin, end)
            for begin, end in ((starts_at, made["starts_at"]), (made["ends_at"], flight.ends_at))
            if begin < end
        ]
        raise NumberTakenError(0, flight.digits, next(filter(None, holders), {})) from None
    await connection.execute(
        "UPDATE engagements SET starts_at = $2, ends_at = $3, version = version + 1 WHERE number = $1",
        *(made["number"], starts_at, flight.ends_at),
    )
    before, after = _span(made["starts_at"], made["ends_at"]), _span(starts_at, flight.ends_at)
    await tell_engagement(connection, by, "move", str(made["id"]), before, after, now)


async def reword_number(connection: Connection, campaign: int, *, by: str, now: datetime) -> None:
    """Let what a campaign's approval made say what its callers read, as its texts change."""
    made = await _of_flight(connection, campaign)
    wording = None if made is None else await _wording(connection, campaign)
    if made is not None and wording and wording != made["wording"]:
        await reword_engagement(connection, made, wording, by, now)


async def release_number(connection: Connection, campaign: int, *, by: str, now: datetime) -> None:
    """Give back what a campaign's approval assigned."""
    made = await _of_flight(connection, campaign)
    if made is not None:
        await close_engagement(connection, made, by, now)


async def _flight(connection: Connection, campaign: int, now: datetime) -> _Flight | None:
    """Return where and when a campaign uses a number, None where it uses none."""
    row = await connection.fetchrow(_FLIGHT, campaign)
    if row is None or row["digits"] is None:
        return None
    return _Flight(row, max(row["starts_at"], now))


async def _own(connection: Connection, campaign: int, flight: _Flight) -> asyncpg.Record | None:
    return await connection.fetchrow(_OWN, flight.digits, campaign, flight.starts_at, flight.ends_at)


async def _of_flight(connection: Connection, campaign: int) -> asyncpg.Record | None:
    return await connection.fetchrow(_OF_FLIGHT, campaign)


async def _wording(connection: Connection, campaign: int) -> str:
    return str(await connection.fetchval(_WORDING, campaign) or "")[:LONGEST_WORDING]


def _draft(flight: _Flight, wording: str) -> EngagementDraft:
    campaign = flight.campaign
    return EngagementDraft(
        name=campaign["name"],
        purpose="callback",
        brand=campaign["brand"],
        campaign=campaign["id"],
        starts_at=flight.starts_at,
        ends_at=flight.ends_at,
        lead_window="day",
        share_number=False,
        wording=wording,
        confirmation=None,
        webhook=None,
        numbers=(NumberUse(flight.digits),),
    )


def _span(starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    return {"starts_at": starts_at.isoformat(), "ends_at": ends_at.isoformat()}
