"""`campaigns/{id}/why-not`: what became of the traffic that a campaign might have had, by hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from adapters.http.campaign_answers import told
from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.explained import MOST_HOURS, explain
from adapters.postgres.locked_campaign import find_row
from engine.access import READERS
from inventory.books import hour_of
from inventory.faults import Fault

HOURS = 24
# Hours are counted from 1970 on.
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)


class WhyNotQuery(Query):
    """Which whole hours: those that begin in the `hours` before `until`."""

    until: str | None = Field(
        default=None, max_length=40, description="An instant with its offset; now if not given."
    )
    hours: int = Field(default=HOURS, ge=1, le=MOST_HOURS)


class OthersShape(Shape):
    """Taken by other campaigns, by class; null where they are fewer than three."""

    guaranteed: int | None
    standard: int | None
    house: int | None


class LossesShape(Shape):
    """`supply` is the sum of the others."""

    supply: int
    outside: int
    blackout: int
    no_room: int
    inserted: int
    others: OthersShape
    bare: int | None = Field(description="Nobody was there; null where it would tell of others.")


class HourShape(LossesShape):
    """One hour."""

    hour: str


class WhyNotShape(Shape):
    """The campaign's traffic and what became of it."""

    name: str
    total: LossesShape
    hours: list[HourShape]
    reasons: dict[str, int] | None = Field(
        description="Of all notifications that went bare in these hours, wherever; for the carrier's roles."
    )
    note_es: str
    note_en: str


def why_not_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def why_not(call: Call[WhyNotQuery, Any]) -> Answer:
        now = services.now()
        hours = _hours(call.query, now)
        with told():
            async with services.pool.acquire() as connection:
                row = await find_row(connection, call.path["id"], call.principal)
        if row["ends_at"] is None:
            raise ProblemError(
                "conflict",
                es="el borrador aún no tiene fechas: no hay tráfico que explicar",
                en="the draft has no dates yet: there is no traffic to explain",
            )
        places = (services.numbering, services.geography)
        found = await explain(services.pool, str(row["id"]), hours, now, services.settings(), places)
        if found is None:
            raise ProblemError("not_found")
        return Answer(found.document(carrier=call.principal.is_carrier))

    return [
        Operation("GET", "/campaigns/{id}/why-not", "explain_campaign",
                  "Tell by hour what became of the traffic that a campaign might have had.", "campaigns",
                  why_not, roles=READERS, query=WhyNotQuery, answer=WhyNotShape, rate="60/minute",
                  problems=("conflict",)),
    ]  # fmt: skip


def _hours(query: WhyNotQuery, now: datetime) -> range:
    """Return the hours asked for. Raises `ProblemError` for an `until` that is none."""
    until = now if query.until is None else _instant(query.until)
    if until is None:
        raise ProblemError("invalid", faults=[_NO_INSTANT])
    last = hour_of(min(max(until, _EARLIEST), now) - timedelta(microseconds=1))
    return range(last - query.hours + 1, last + 1)


def _instant(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_NO_INSTANT = Fault(
    "?until",
    "bad_instant",
    "debe ser un instante con su zona, como 2026-11-24T09:00:00-06:00",
    "must be an instant with its offset, such as 2026-11-24T09:00:00-06:00",
)
