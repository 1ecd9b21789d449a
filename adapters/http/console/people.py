"""The administrator's pages: users, organisations and brands, API keys, the audit log."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from adapters.http.people_api import AUDITORS
from adapters.http.problems import ProblemError
from engine.access import Role

ADMINS = frozenset({Role.ADMIN})
AUDIT_PAGE = 50


def people_pages(app: web.Application, pages: Pages, desk: Desk) -> None:
    """Add the pages."""
    office = _Office(desk)
    app.router.add_get("/users", pages.inside(office.users, ADMINS))
    app.router.add_post("/users", pages.inside(office.add_user, ADMINS))
    app.router.add_post("/users/{id}/disable", pages.inside(office.disable, ADMINS))
    app.router.add_get("/brands", pages.inside(office.brands, ADMINS))
    app.router.add_post("/brands", pages.inside(office.add_brand, ADMINS))
    app.router.add_post("/organisations", pages.inside(office.add_organisation, ADMINS))
    app.router.add_get("/keys", pages.inside(office.keys, ADMINS))
    app.router.add_post("/keys", pages.inside(office.add_key, ADMINS))
    app.router.add_post("/keys/{id}/revoke", pages.inside(office.revoke, ADMINS))
    app.router.add_get("/audit", pages.inside(office.audit, AUDITORS))


class _Office:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def users(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        users = await self._desk.ask(visit, "list_users")
        return await self._page(visit, "users.html", problem, users=users["items"])

    async def add_user(self, visit: Visit) -> web.Response:
        names = ("email", "name", "organisation", "role", "password", "language")
        try:
            await self._desk.ask(
                visit, "create_user", body={name: visit.form.get(name, "") for name in names}
            )
        except ProblemError as problem:
            return await self.users(visit, problem)
        return visit.go("/users")

    async def disable(self, visit: Visit) -> web.Response:
        await self._desk.ask(visit, "disable_user", path=visit.request.match_info)
        return visit.go("/users")

    async def brands(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        brands = await self._desk.ask(visit, "list_brands")
        return await self._page(visit, "brands.html", problem, brands=brands["items"])

    async def add_brand(self, visit: Visit) -> web.Response:
        names = ("name", "category", "organisation")
        try:
            await self._desk.ask(
                visit, "create_brand", body={name: visit.form.get(name, "") for name in names}
            )
        except ProblemError as problem:
            return await self.brands(visit, problem)
        return visit.go("/brands")

    async def add_organisation(self, visit: Visit) -> web.Response:
        body = {name: visit.form.get(name, "") for name in ("name", "kind")}
        try:
            await self._desk.ask(visit, "create_organisation", body=body)
        except ProblemError as problem:
            return await self.brands(visit, problem)
        return visit.go("/brands")

    async def keys(
        self, visit: Visit, problem: ProblemError | None = None, made: Mapping[str, Any] | None = None
    ) -> web.Response:
        keys = await self._desk.ask(visit, "list_keys")
        return await self._page(visit, "keys.html", problem, keys=keys["items"], made=made)

    async def add_key(self, visit: Visit) -> web.Response:
        """Show the secret in the answer itself: nothing keeps it, so no redirect can show it."""
        body: dict[str, Any] = {name: visit.form.get(name, "") for name in ("name", "organisation", "role")}
        body["scopes"] = visit.form.get("scopes", "").split()
        if until := visit.form.get("expires_on"):
            body["expires_at"] = f"{until}T00:00:00+00:00"
        try:
            made = await self._desk.ask(visit, "create_key", body=body)
        except ProblemError as problem:
            return await self.keys(visit, problem)
        return await self.keys(visit, made=made)

    async def revoke(self, visit: Visit) -> web.Response:
        await self._desk.ask(visit, "revoke_key", path=visit.request.match_info)
        return visit.go("/keys")

    async def audit(self, visit: Visit) -> web.Response:
        asked = visit.request.query
        query = {name: asked[name] for name in ("before", "subject") if asked.get(name)}
        entries = (await self._desk.ask(visit, "read_audit", query={**query, "limit": AUDIT_PAGE}))["items"]
        older = entries[-1]["sequence"] if len(entries) == AUDIT_PAGE else None
        return visit.page("audit.html", entries=entries, older=older, subject=query.get("subject", ""))

    async def _page(
        self, visit: Visit, template: str, problem: ProblemError | None, **context: Any
    ) -> web.Response:
        organisations = (await self._desk.ask(visit, "list_organisations"))["items"]
        named = {str(each["id"]): each for each in organisations}
        status = 200 if problem is None else problem.status
        return visit.page(
            template, status=status, organisations=organisations, named=named, problem=problem,
            given=visit.form, roles=list(Role), **context,
        )  # fmt: skip
