"""`engagements/figures`: missed calls and their answers in a few numbers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.services import Services
from adapters.postgres.engagement_desk import PostgresEngagementDesk
from engine.access import Role
from inventory.books import hour_of

WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})
MINUTE_S = 60
HOUR_S = 3600


class FiguresQuery(Query):
    """How far back."""

    hours: int = Field(default=24, ge=1, le=168)


class NumberHourShape(Shape):
    """Calls to one number in one hour, which begins at `hour`, and how its leads were answered."""

    number: str
    hour: str
    calls: int
    per_second: float
    leads: int
    answered_share: float | None
    p50_s: float | None
    p99_s: float | None


class FiguresShape(Shape):
    """`per_second` are leads called for in the last minute; `answered` is a share of what was owed.

    `p50_s` and `p99_s` are seconds from the lead in the books to the SMSC's answer; null without any.
    """

    per_second: float
    owed: int
    answered: int
    answered_share: float | None
    p50_s: float | None
    p99_s: float | None
    by_number: list[NumberHourShape]


def _number_hour(row: Mapping[str, Any], prompt: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    begins = datetime.fromtimestamp(row["hour"] * HOUR_S, UTC)
    lasted = min(HOUR_S, max(1.0, (now - begins).total_seconds()))
    return {
        "number": row["digits"],
        "hour": begins.isoformat(),
        "calls": row["calls"],
        "per_second": row["calls"] / lasted,
        "leads": row["leads"],
        "answered_share": prompt["answered"] / prompt["owed"] if prompt else None,
        "p50_s": prompt["p50"] if prompt else None,
        "p99_s": prompt["p99"] if prompt else None,
    }


def call_figures_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def figures(call: Call[FiguresQuery, None]) -> Answer:
        desk, now = PostgresEngagementDesk(services.pool), services.now()
        since = now - timedelta(hours=call.query.hours)
        recent = (
            await desk.recent_callers(now - timedelta(seconds=MINUTE_S)) if call.principal.is_carrier else 0
        )
        prompt = await desk.promptness(call.principal, since)
        hours = await desk.by_number(call.principal, hour_of(since))
        prompt_by = await desk.promptness_by_number(call.principal, since)
        return Answer({
            "per_second": recent / MINUTE_S,
            "owed": prompt["owed"],
            "answered": prompt["answered"],
            "answered_share": prompt["answered"] / prompt["owed"] if prompt["owed"] else None,
            "p50_s": prompt["p50"],
            "p99_s": prompt["p99"],
            "by_number": [
                _number_hour(row, prompt_by.get((row["digits"], row["hour"])), now) for row in hours
            ],
        })  # fmt: skip

    return [
        Operation("GET", "/engagements/figures", "missed_call_figures",
                  "Tell how many calls come, how many are answered and how soon, by number and hour.",
                  "engagements", figures, roles=WATCHERS, query=FiguresQuery, answer=FiguresShape),
    ]  # fmt: skip
