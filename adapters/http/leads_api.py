"""`leads`: who called for an engagement, as a list, as files, at an address that a spreadsheet imports."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import Field

from adapters.http.lead_files import csv_of, shown_number, xlsx_of
from adapters.http.operations import Answer, Call, NoQuery, Operation, Query, Shape
from adapters.http.problems import ProblemError
from adapters.http.report_files import CSV_TYPE, XLSX_TYPE, disposition
from adapters.http.services import Services
from adapters.postgres.audit import write_audit
from adapters.postgres.engagements import PostgresEngagements
from adapters.postgres.identity import MissingError
from adapters.postgres.lead_addresses import PostgresLeadAddresses
from adapters.postgres.leads import PostgresLeads
from adapters.postgres.pool import DATABASE_AWAY
from engine.access import CARRIER_ROLES, Principal, Role
from inventory.forms import IDENTIFIER
from segments.clock import pinned_zone

TAG = "leads"
WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})
ADDRESS_PATH = "/leads/{token}.csv"
MOST_LEADS = 500_000
"""A file holds no more; what is left out is the oldest."""

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]


class LeadsQuery(Query):
    """Which leads."""

    engagement: Identifier
    before: int | None = Field(default=None, ge=1, le=2**62, description="The former page's `next`.")
    limit: int = Field(default=50, ge=1, le=500)


class LeadsFileQuery(Query):
    """Whose leads, in which form."""

    engagement: Identifier
    format: Literal["csv", "xlsx"] = "csv"


class LeadShape(Shape):
    """One caller in one window; `number` is masked unless the engagement shares it."""

    lead: int
    number: str
    window_start: str
    first_call: str
    last_call: str
    calls: int
    option: str
    state: str
    lada: str
    wording_version: int
    source: str
    answers: dict[str, str]


class LeadList(Shape):
    """A page of leads, newest first; `next` is what `before` takes, null after the last."""

    items: list[LeadShape]
    next: int | None


class AddressIn(Shape):
    """For which engagement, for how many days."""

    engagement: Identifier
    days: int = Field(default=7, ge=1, le=90)


class AddressMade(Shape):
    """An address; its `url` is shown this once. It needs no other credential: keep it to yourself."""

    id: str
    url: str
    expires_at: str


def leads_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    return [
        Operation("GET", "/leads", "list_leads", "List an engagement's leads, newest first.", TAG,
                  desk.listed, roles=WATCHERS, query=LeadsQuery, answer=LeadList, problems=("not_found",)),
        Operation("GET", "/leads/file", "export_leads", "Export an engagement's leads.", TAG,
                  desk.file, roles=WATCHERS, query=LeadsFileQuery, answers=(CSV_TYPE, XLSX_TYPE),
                  problems=("not_found",), rate="60/minute"),
        Operation("POST", "/leads/addresses", "create_lead_address",
                  "Make an address that a spreadsheet imports leads from, until it expires.", TAG,
                  desk.address, roles=WATCHERS, body=AddressIn, answer=AddressMade, status=201,
                  problems=("not_found",),
                  example={"engagement": "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a", "days": 7}),
        Operation("DELETE", "/leads/addresses/{id}", "revoke_lead_address",
                  "Make an address worthless at once.", TAG, desk.revoke, roles=WATCHERS, status=204,
                  problems=("not_found",)),
    ]  # fmt: skip


class _Desk:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _leads(self) -> PostgresLeads:
        return PostgresLeads(self._services.pool, self._services.seal)

    async def listed(self, call: Call[LeadsQuery, None]) -> Answer:
        query = call.query
        await self._engagement(query.engagement, call.principal)
        rows = await self._leads.listed(
            query.engagement, call.principal, below=query.before, limit=query.limit + 1
        )
        shown = rows[: query.limit]
        following = shown[-1]["number"] if len(rows) > query.limit else None
        return Answer({"items": [self._document(row) for row in shown], "next": following})

    async def file(self, call: Call[LeadsFileQuery, None]) -> Answer:
        engagement = await self._engagement(call.query.engagement, call.principal)
        rows = await self._leads.listed(call.query.engagement, call.principal, limit=MOST_LEADS)
        async with self._services.pool.acquire() as connection, connection.transaction():
            after = {"format": call.query.format, "leads": len(rows)}
            await write_audit(
                connection, call.principal.name, "export", "leads", call.query.engagement, None, after,
                self._services.now(),
            )  # fmt: skip
        make, media = (csv_of, CSV_TYPE) if call.query.format == "csv" else (xlsx_of, XLSX_TYPE)
        zone = pinned_zone(engagement["timezone"])
        octets = await asyncio.to_thread(make, rows, self._services.seal, zone)
        headers = disposition(engagement["name"], call.query.format)
        return Answer(octets=octets, content_type=media, headers=headers)

    async def address(self, call: Call[NoQuery, AddressIn]) -> Answer:
        now = self._services.now()
        expires_at = now + timedelta(days=call.body.days)
        try:
            made = await PostgresLeadAddresses(self._services.pool).add(
                call.body.engagement, expires_at, principal=call.principal, at=now
            )
        except MissingError:
            raise ProblemError("not_found") from None
        site = self._services.settings().http.public_url or ""
        url = site.rstrip("/") + ADDRESS_PATH.format(token=made.token)
        return Answer({"id": made.id, "url": url, "expires_at": expires_at.isoformat()}, 201)

    async def revoke(self, call: Call[NoQuery, None]) -> Answer:
        try:
            await PostgresLeadAddresses(self._services.pool).revoke(
                call.path["id"], principal=call.principal, at=self._services.now()
            )
        except MissingError:
            raise ProblemError("not_found") from None
        return Answer()

    async def _engagement(self, engagement: str, principal: Principal) -> Mapping[str, Any]:
        try:
            return await PostgresEngagements(self._services.pool).one(engagement, principal)
        except MissingError:
            raise ProblemError("not_found") from None

    def _document(self, row: Mapping[str, Any]) -> dict[str, Any]:
        plain = ("calls", "option", "state", "lada", "wording_version", "source")
        instants = ("window_start", "first_call", "last_call")
        return {
            "lead": row["number"],
            "number": shown_number(row, self._services.seal) if row["share_number"] else row["masked"],
            **{name: row[name] for name in plain},
            **{name: row[name].isoformat() for name in instants},
            "answers": row["answers"] or {},
        }


def lead_addresses_app(app: web.Application, services: Services) -> None:
    """Add the route of the addresses, which needs no other credential than its token."""

    async def read(request: web.Request) -> web.Response:
        headers = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex, nofollow"}
        try:
            found = await PostgresLeadAddresses(services.pool).read(
                request.match_info["token"], request.remote or "", at=services.now()
            )
            if found is None:
                return web.Response(status=404, headers=headers)
            rows = await PostgresLeads(services.pool, services.seal).listed(
                str(found["engagement"]), _EVERYTHING, limit=MOST_LEADS
            )
        except DATABASE_AWAY:
            return web.Response(status=503, headers={**headers, "Retry-After": "2"})
        octets = await asyncio.to_thread(csv_of, rows, services.seal, pinned_zone(found["timezone"]))
        return web.Response(body=octets, content_type=CSV_TYPE, charset="utf-8", headers=headers)

    app.router.add_get(ADDRESS_PATH, read)


_EVERYTHING = Principal(id="address", name="address", organisation="", role=min(CARRIER_ROLES))
