"""`engagements/figures`: missed calls and their answers in a few numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.services import Services
from adapters.postgres.engagement_desk import PostgresEngagementDesk
from engine.access import Role
from inventory.books import hour_of

WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})
MINUTE_S = 60


class FiguresQuery(Query):
    """How far back."""

    hours: int = Field(default=24, ge=1, le=168)


class NumberHourShape(Shape):
    """Calls to one number in one hour; `hour` is its beginning."""

    number: str
    hour: str
    calls: int
    leads: int


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
        return Answer({
            "per_second": recent / MINUTE_S,
            "owed": prompt["owed"],
            "answered": prompt["answered"],
            "answered_share": prompt["answered"] / prompt["owed"] if prompt["owed"] else None,
            "p50_s": prompt["p50"],
            "p99_s": prompt["p99"],
            "by_number": [
                {
                    "number": row["digits"],
                    "hour": datetime.fromtimestamp(row["hour"] * 3600, UTC).isoformat(),
                    "calls": row["calls"],
                    "leads": row["leads"],
                }
                for row in hours
            ],
        })  # fmt: skip

    return [
        Operation("GET", "/engagements/figures", "missed_call_figures",
                  "Tell how many calls come, how many are answered and how soon, by number and hour.",
                  "engagements", figures, roles=WATCHERS, query=FiguresQuery, answer=FiguresShape),
    ]  # fmt: skip
