"""`links`: the short links of one's campaigns, where they lead, and who followed them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.services import Services
from adapters.postgres.links import PostgresLinks
from engine.access import READERS
from inventory.short_links import PATH, host_of, site_of


class LinksQuery(Query):
    """Which links."""

    campaign: UUID | None = Field(default=None, description="Only those of this campaign.")
    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="The former page's `next`.")
    limit: int = Field(default=50, ge=1, le=500)


class LinkShape(Shape):
    """A short link: `people` clicked; `bots` and `prefetches` are programs, and browsers that look ahead.

    `landing_host` is where its redirects ended when it was submitted (`landed_at`); before that, and where
    `landing_fault` says that they did not end anywhere, the target's own.
    """

    code: str
    short: str | None
    target: str
    landing_host: str
    landing_fault: str | None
    landed_at: str | None
    campaign: str
    brand: str
    creative: str
    version: int
    review: str
    created_at: str
    people: int
    bots: int
    prefetches: int


class LinkList(Shape):
    """A page of links; `next` is what `before` takes for the following page, null after the last."""

    items: list[LinkShape]
    next: int | None


def links_operations(services: Services) -> Sequence[Operation]:
    """Return the operation."""

    async def links(call: Call[LinksQuery, None]) -> Answer:
        query = call.query
        rows = await PostgresLinks(services.pool).listed(
            call.principal, campaign=query.campaign, below=query.before, limit=query.limit + 1
        )
        shown = rows[: query.limit]
        site = site_of(services.settings().http.public_url)
        following = shown[-1]["number"] if len(rows) > query.limit else None
        return Answer({"items": [_document(row, site) for row in shown], "next": following})

    return [
        Operation("GET", "/links", "list_links", "List short links with their clicks, newest first.", "links",
                  links, roles=READERS, query=LinksQuery, answer=LinkList),
    ]  # fmt: skip


def _document(row: Any, site: str | None) -> dict[str, Any]:
    plain = ("code", "target", "brand", "version", "review", "people", "bots", "prefetches")
    return {
        **{name: row[name] for name in plain},
        "short": None if site is None else site + PATH + row["code"],
        "landing_host": row["landing_host"] or host_of(row["target"]),
        "landing_fault": row["landing_fault"],
        "landed_at": None if row["landed_at"] is None else row["landed_at"].isoformat(),
        "campaign": str(row["campaign"]),
        "creative": str(row["creative"]),
        "created_at": row["created_at"].isoformat(),
    }
