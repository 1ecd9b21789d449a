"""The page about blackouts: what holds, what is to come, what was; a new one; one that is withdrawn."""

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from adapters.http.blackouts_api import KEEPERS
from adapters.http.console.campaign_form import instant_of, places_of
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES, named, place_names
from adapters.http.console.visit import Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import CARRIER_ROLES
from segments.clock import pinned_zone

SHOWN = 100


def blackouts_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages."""
    office = _Office(services, desk)
    app.router.add_get("/blackouts", pages.inside(office.listed, CARRIER_ROLES))
    app.router.add_post("/blackouts", pages.inside(office.create, KEEPERS))
    app.router.add_post("/blackouts/{id}/withdraw", pages.inside(office.withdraw, KEEPERS))


class _Office:
    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    async def listed(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        before = visit.request.query.get("before")
        query = {"limit": SHOWN, **({"before": before} if before else {})}
        page = await self._desk.ask(visit, "list_blackouts", query=query)
        geography = self._services.geography
        include, exclude = visit.lists.get("include", ()), visit.lists.get("exclude", ())
        chosen = frozenset(each for each in include if each.removeprefix("state:") in TILES)
        return visit.page(
            "blackouts.html",
            status=200 if problem is None else problem.status,
            blackouts=page["items"],
            older=page["next"],
            may_create=self._desk.allows(visit, "create_blackout"),
            zone=self._zone,
            places=place_names(geography),
            given=visit.form,
            tiles=TILES,
            states=geography.states,
            chosen=chosen,
            included=[named(each, geography) for each in include if each not in chosen],
            excluded=[named(each, geography) for each in exclude],
            problem=problem,
        )

    async def create(self, visit: Visit) -> web.Response:
        try:
            await self._desk.ask(visit, "create_blackout", body=self._document(visit.form, visit.lists))
        except ProblemError as problem:
            return await self.listed(visit, problem)
        return visit.go("/blackouts")

    async def withdraw(self, visit: Visit) -> web.Response:
        if_match = f'"{visit.form.get("version", "")}"'
        await self._desk.ask(visit, "withdraw_blackout", path=visit.request.match_info, if_match=if_match)
        return visit.go("/blackouts")

    def _document(self, form: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        zone = pinned_zone(self._zone)
        names = [each.strip() for each in form.get("categories", "").split(",")]
        return {
            "reason": form.get("reason", "").strip(),
            "categories": [each for each in names if each] or None,
            "target": {
                "include": places_of(lists.get("include", ())),
                "exclude": places_of(lists.get("exclude", ())),
            },
            "from": instant_of(form.get("from", ""), zone) or "",
            "to": instant_of(form.get("to", ""), zone) or "",
        }

    @property
    def _zone(self) -> str:
        return self._services.settings().policy.default_timezone
