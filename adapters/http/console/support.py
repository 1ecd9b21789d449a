"""The pages about subscribers: opt-outs by day and source, taken and lifted; one subscriber, for support."""

import json
from typing import Any

from aiohttp import web

from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import HEADERS, Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.http.suppressions_api import KEEPERS

DAYS = 30
SOURCE = "console"


def support_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages. Numbers come and go in forms alone: no address, log or history has one."""
    office = _Office(services, desk)
    app.router.add_get("/opt-outs", pages.inside(office.opt_outs, KEEPERS))
    app.router.add_post("/opt-outs/take", pages.inside(office.take, KEEPERS))
    app.router.add_post("/opt-outs/lift", pages.inside(office.lift, KEEPERS))
    app.router.add_get("/support", pages.inside(office.support, KEEPERS))
    app.router.add_post("/support", pages.inside(office.look_up, KEEPERS))
    app.router.add_post("/support/export", pages.inside(office.export, KEEPERS))
    app.router.add_post("/support/erase", pages.inside(office.erase, KEEPERS))


class _Office:
    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    async def opt_outs(
        self, visit: Visit, problem: ProblemError | None = None, said: str | None = None
    ) -> web.Response:
        found = await self._desk.ask(visit, "list_opt_outs", query={"days": DAYS})
        return visit.page(
            "opt_outs.html",
            status=200 if problem is None else problem.status,
            entries=found["items"],
            lists=found["lists"],
            days=DAYS,
            zone=self._services.settings().policy.default_timezone,
            problem=problem,
            said=said,
        )

    async def take(self, visit: Visit) -> web.Response:
        form = visit.form
        said = {"source": SOURCE, "wording": form.get("wording", "")}
        return await self._record(
            visit, "suppress", {"numbers": [form.get("number", "")], **said}, "optout.taken"
        )

    async def lift(self, visit: Visit) -> web.Response:
        form = visit.form
        body = {"number": form.get("number", ""), "source": SOURCE, "wording": form.get("wording", "")}
        return await self._record(visit, "remove_suppression", body, "optout.lifted")

    async def _record(self, visit: Visit, operation: str, body: dict[str, Any], done: str) -> web.Response:
        """Record what somebody said; tell on the page whether it changed anything."""
        try:
            told = await self._desk.ask(visit, operation, body=body)
        except ProblemError as problem:
            return await self.opt_outs(visit, problem)
        return await self.opt_outs(visit, said=visit.word(done if told["changed"] else "optout.unchanged"))

    async def support(self, visit: Visit) -> web.Response:
        return self._page(visit)

    async def look_up(self, visit: Visit) -> web.Response:
        """Show what holds for a subscriber, in the answer itself."""
        body = {name: visit.form.get(name, "") for name in ("number", "reason")}
        try:
            found = await self._desk.ask(visit, "look_up_subscriber", body=body)
        except ProblemError as problem:
            return self._page(visit, problem=problem)
        return self._page(visit, found)

    async def export(self, visit: Visit) -> web.Response:
        """Give all that is kept of a subscriber as a file."""
        body = {"number": visit.form.get("number", "")}
        document = await self._desk.ask(visit, "export_subscriber", body=body)
        headers = {**HEADERS, "Content-Disposition": 'attachment; filename="subscriber.json"'}
        text = json.dumps(document, ensure_ascii=False, indent=1)
        return web.Response(text=text, content_type="application/json", headers=headers)

    async def erase(self, visit: Visit) -> web.Response:
        body = {"number": visit.form.get("number", "")}
        try:
            told = await self._desk.ask(visit, "erase_subscriber", body=body)
        except ProblemError as problem:
            return self._page(visit, problem=problem)
        return self._page(visit, said=visit.word("support.erased", count=told["records"]))

    def _page(
        self,
        visit: Visit,
        found: dict[str, Any] | None = None,
        *,
        problem: ProblemError | None = None,
        said: str | None = None,
    ) -> web.Response:
        return visit.page(
            "support.html",
            status=200 if problem is None else problem.status,
            found=found,
            given=visit.form if problem or found else {},
            problem=problem,
            said=said,
        )
