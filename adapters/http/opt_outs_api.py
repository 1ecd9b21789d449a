"""`suppressions/days`: opt-outs by day and source, and the imported lists."""

from collections.abc import Sequence
from datetime import timedelta

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.services import Services
from adapters.http.suppressions_api import KEEPERS
from adapters.postgres.opt_outs import opt_out_days, suppression_lists


class DaysQuery(Query):
    """How far back."""

    days: int = Field(default=30, ge=1, le=366)


class OptOutDay(Shape):
    """Who opted out and back in on one day, by one source."""

    day: str
    source: str
    out: int
    back: int


class ListShape(Shape):
    """An imported list."""

    name: str
    source: str
    numbers: int
    imported_by: str
    imported_at: str


class OptOutDays(Shape):
    """Opt-outs, the newest first; days are those of `policy.default_timezone`."""

    items: list[OptOutDay]
    lists: list[ListShape]


def opt_outs_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def days(call: Call[DaysQuery, None]) -> Answer:
        zone = services.settings().policy.default_timezone
        since = services.now() - timedelta(days=call.query.days)
        items = await opt_out_days(services.pool, since, zone)
        return Answer({"items": items, "lists": await suppression_lists(services.pool)})

    return [
        Operation("GET", "/suppressions/days", "list_opt_outs",
                  "Tell of opt-outs by day and source, and of lists.", "suppressions", days,
                  roles=KEEPERS, query=DaysQuery, answer=OptOutDays),
    ]  # fmt: skip
