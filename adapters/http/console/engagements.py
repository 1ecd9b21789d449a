"""The pages about missed calls: engagements in three steps, their live boards, coupons, and the numbers."""

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

import aiohttp_jinja2
from aiohttp import web

from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.streams import Streams
from adapters.http.console.visit import HEADERS, Visit
from adapters.http.engagements_api import STATES, WATCHERS, WRITERS
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role
from inventory.engagements import LeadWindow, Purpose
from segments.clock import pinned_zone

LEADS_SHOWN = 50
_OPS = frozenset({Role.OPS})


def engagements_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages."""
    counter = _Counter(services, desk, Streams(app))
    app.router.add_get("/engagements", pages.inside(counter.listed, WATCHERS))
    app.router.add_get("/engagements/new", pages.inside(counter.compose, WRITERS))
    app.router.add_post("/engagements/new", pages.inside(counter.create, WRITERS))
    app.router.add_post("/response-numbers", pages.inside(counter.add_number, _OPS))
    app.router.add_get("/engagements/{id}", pages.inside(counter.show, WATCHERS))
    app.router.add_get("/engagements/{id}/events", pages.inside(counter.events, WATCHERS))
    app.router.add_get("/engagements/{id}/leads.xlsx", pages.inside(counter.sheet, WATCHERS))
    app.router.add_post("/engagements/{id}/start", pages.inside(counter.start, WATCHERS))
    app.router.add_post("/engagements/{id}/end", pages.inside(counter.end, WRITERS))
    app.router.add_post("/engagements/{id}/coupons", pages.inside(counter.upload, WRITERS))


class _Counter:
    def __init__(self, services: Services, desk: Desk, streams: Streams) -> None:
        self._services = services
        self._desk = desk
        self._streams = streams

    async def listed(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        page = await self._desk.ask(visit, "list_engagements", query={"limit": 200})
        return visit.page(
            "engagements.html",
            status=200 if problem is None else problem.status,
            engagements=page["items"],
            figures=await self._desk.ask(visit, "missed_call_figures"),
            numbers=(await self._desk.ask(visit, "list_response_numbers"))["items"],
            may_create=self._desk.allows(visit, "create_engagement"),
            may_add=self._desk.allows(visit, "add_response_number"),
            problem=problem,
        )

    async def add_number(self, visit: Visit) -> web.Response:
        body = {name: visit.form.get(name, "") for name in ("number", "label")}
        try:
            await self._desk.ask(visit, "add_response_number", body=body)
        except ProblemError as problem:
            return await self.listed(visit, problem)
        return visit.go("/engagements")

    async def compose(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        brands = (await self._desk.ask(visit, "list_brands"))["items"]
        return visit.page(
            "engagement_new.html",
            status=200 if problem is None else problem.status,
            given=visit.form,
            brands=brands,
            numbers=(await self._desk.ask(visit, "list_response_numbers"))["items"],
            purposes=get_args(Purpose),
            windows=get_args(LeadWindow),
            zone=self._services.settings().policy.default_timezone,
            problem=problem,
        )

    async def create(self, visit: Visit) -> web.Response:
        try:
            made = await self._desk.ask(visit, "create_engagement", body=self._document(visit.form))
        except ProblemError as problem:
            return await self.compose(visit, problem)
        if made["webhook_secret"] is not None:  # nothing keeps it: no redirect could show it
            return await self._page(visit, made["id"], secret=made["webhook_secret"])
        return visit.go(f"/engagements/{made['id']}")

    def _document(self, form: Mapping[str, str]) -> dict[str, Any]:
        zone = pinned_zone(self._services.settings().policy.default_timezone)
        now = datetime.now(UTC).isoformat()
        document: dict[str, Any] = {
            "name": form.get("name", "").strip(),
            "purpose": form.get("purpose", ""),
            "brand": form.get("brand") or None,
            "starts_at": _instant(form.get("starts_at", ""), zone) or now,
            "ends_at": _instant(form.get("ends_at", ""), zone),
            "lead_window": form.get("lead_window", "day"),
            "share_number": form.get("share_number") == "yes",
            "wording": form.get("wording", "").strip(),
            "numbers": [_number(line) for line in form.get("numbers", "").splitlines() if line.strip()],
        }
        for name in ("confirmation", "webhook"):
            if text := form.get(name, "").strip():
                document[name] = text
        return document

    async def show(self, visit: Visit) -> web.Response:
        return await self._page(visit, visit.request.match_info["id"])

    async def sheet(self, visit: Visit) -> web.Response:
        query = {"engagement": visit.request.match_info["id"], "format": "xlsx"}
        answer = await self._desk.answer(visit, "export_leads", query=query)
        headers = {**HEADERS, **answer.headers, "Content-Disposition": 'attachment; filename="leads.xlsx"'}
        return web.Response(body=answer.octets, content_type=answer.content_type, headers=headers)

    async def start(self, visit: Visit) -> web.Response:
        return await self._acted(visit, "start_engagement")

    async def end(self, visit: Visit) -> web.Response:
        return await self._acted(visit, "end_engagement")

    async def upload(self, visit: Visit) -> web.Response:
        return await self._acted(visit, "add_coupons", body=visit.form.get("codes", "").encode())

    async def _acted(self, visit: Visit, operation: str, body: bytes | None = None) -> web.Response:
        engagement = visit.request.match_info["id"]
        try:
            await self._desk.ask(visit, operation, path={"id": engagement}, body=body)
        except ProblemError as problem:
            return await self._page(visit, engagement, problem=problem)
        return visit.go(f"/engagements/{engagement}")

    async def _page(
        self, visit: Visit, engagement: str, *, problem: ProblemError | None = None, secret: str | None = None
    ) -> web.Response:
        board = await self._board(visit, engagement)
        query = {"engagement": engagement, "limit": LEADS_SHOWN}
        leads = (await self._desk.ask(visit, "list_leads", query=query))["items"]
        return visit.page(
            "engagement.html",
            status=200 if problem is None else problem.status,
            **board,
            leads=leads,
            states={code: each.name for code, each in self._services.geography.states.items()},
            secret=secret,
            may_start=self._desk.allows(visit, "start_engagement"),
            may_write=self._desk.allows(visit, "create_engagement"),
            problem=problem,
        )

    async def _board(self, visit: Visit, engagement: str) -> dict[str, Any]:
        """Return what changes while people call."""
        path = {"id": engagement}
        document = await self._desk.ask(visit, "read_engagement", path=path)
        tallies = (await self._desk.ask(visit, "read_tallies", path=path))["items"]
        options: dict[str, int] = {each["option"]: 0 for each in document["numbers"]}
        for each in tallies:
            options[each["option"]] = options.get(each["option"], 0) + each["leads"]
        stock = None
        if document["purpose"] == "coupon":
            stock = await self._desk.ask(visit, "read_coupons", path=path)
        return {"engagement": document, "options": options, "stock": stock, "answer_states": STATES}

    async def events(self, visit: Visit) -> web.StreamResponse:
        return await self._streams.send(visit, self._parts(visit))

    async def _parts(self, visit: Visit) -> AsyncGenerator[Mapping[str, Any], None]:
        while True:
            board = await self._board(visit, visit.request.match_info["id"])
            html = aiohttp_jinja2.render_string(
                "engagement_board.html", visit.request, {"visit": visit, "t": visit.word, **board}
            )
            yield {"html": {"engagement-board": html}}


def _instant(text: str, zone: Any) -> str | None:
    """Return what a field of date and time says in a zone; what is none is left to the API to refuse."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


def _number(line: str) -> dict[str, str]:
    number, _, option = line.partition("=")
    return {"number": number.strip(), "option": option.strip()}
