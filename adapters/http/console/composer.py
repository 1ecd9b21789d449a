"""The campaign form: a new campaign, a copy, a change; drafts keep what is wrong with them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import web

from adapters.http.console.campaign_form import DAYS, FormValues, document_of, posted, values_of
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES, named
from adapters.http.console.remedy_form import remedied
from adapters.http.console.text_check import judged
from adapters.http.console.visit import Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role
from inventory.faults import Fault
from inventory.short_links import site_of
from segments.clock import pinned_zone

ADVERTISERS = frozenset({Role.ADVERTISER})
DEFAULT_DAYS = 7


def composer_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages."""
    composer = _Composer(services, desk)
    app.router.add_get("/campaigns/new", pages.inside(composer.new, ADVERTISERS))
    app.router.add_post("/campaigns/new", pages.inside(composer.create, ADVERTISERS))
    app.router.add_get("/campaigns/{id}/edit", pages.inside(composer.edit, ADVERTISERS))
    app.router.add_post("/campaigns/{id}/edit", pages.inside(composer.change, ADVERTISERS))


class _Composer:
    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    async def new(self, visit: Visit) -> web.Response:
        """Show an empty form, or a copy of a campaign."""
        copied = visit.request.query.get("copy")
        if copied is None:
            begins = self._services.now().astimezone(self._zone) + self._lead_time + timedelta(days=1)
            first = begins.replace(hour=9, minute=0)
            last = (first + timedelta(days=DEFAULT_DAYS - 1)).replace(hour=21)
            times = (each.strftime("%Y-%m-%dT%H:%M") for each in (first, last))
            return await self._form(visit, FormValues(starts_at=next(times), ends_at=next(times)))
        campaign = await self._desk.ask(visit, "read_campaign", path={"id": copied})
        values = values_of(campaign["draft"] or campaign, self._zone)
        name = visit.word("compose.copy_of", name=values.name)[:100]
        return await self._form(visit, replace(values, name=name, starts_at="", ends_at=""))

    async def create(self, visit: Visit) -> web.Response:
        """Store what was posted as a draft, faults and all; submit it if that was asked."""
        values = posted(visit.form, visit.lists)
        body = await self._document(visit, values)
        try:
            campaign = await self._desk.ask(visit, "create_campaign", query={"keep_faults": True}, body=body)
        except ProblemError as problem:
            return await self._form(visit, values, problem=problem)
        return await self._go_on(visit, campaign)

    async def edit(self, visit: Visit) -> web.Response:
        """Show a campaign in the form, with what a remedy would change if it comes from there."""
        campaign = await self._desk.ask(visit, "read_campaign", path=visit.request.match_info)
        values = values_of(campaign["draft"] or campaign, self._zone)
        return await self._form(visit, remedied(values, visit.request.query), campaign)

    async def change(self, visit: Visit) -> web.Response:
        """Replace what the form shows; a draft keeps its faults."""
        values, path = posted(visit.form, visit.lists), visit.request.match_info
        campaign = await self._desk.ask(visit, "read_campaign", path=path)
        body = await self._document(visit, values)
        try:
            changed = await self._desk.ask(
                visit,
                "change_campaign",
                path=path,
                query={"keep_faults": True},
                body=body,
                if_match=f'"{visit.form.get("version", "")}"',
            )
        except ProblemError as problem:
            return await self._form(visit, values, campaign, problem)
        return await self._go_on(visit, changed)

    async def _document(self, visit: Visit, values: FormValues) -> dict[str, Any]:
        """Return the document; without a category of its own it has its brand's."""
        brands = (await self._desk.ask(visit, "list_brands"))["items"]
        category = {each["name"]: each["category"] for each in brands}.get(values.brand)
        document = document_of(values, self._zone)
        return document if category is None else {"category": category, **document}

    async def _go_on(self, visit: Visit, campaign: Mapping[str, Any]) -> web.Response:
        path = f"/campaigns/{campaign['id']}"
        if visit.form.get("act") != "submit" or "submit" not in campaign["actions"]:
            return visit.go(f"{path}/edit" if campaign["faults"] else path)
        if campaign["faults"]:
            return visit.go(f"{path}/edit")
        try:
            await self._desk.ask(visit, "submit_campaign", path={"id": campaign["id"]})
        except ProblemError as problem:
            return await self._form(visit, values_of(campaign, self._zone), campaign, problem)
        return visit.go(path)

    async def _form(
        self,
        visit: Visit,
        values: FormValues,
        campaign: Mapping[str, Any] | None = None,
        problem: ProblemError | None = None,
    ) -> web.Response:
        faults = _faults(campaign, problem, visit.language)
        brands = (await self._desk.ask(visit, "list_brands"))["items"]
        target = {
            "include": [dict([each.split(":", 1)]) for each in values.include if ":" in each],
            "exclude": [],
        }
        checked = [
            await judged(visit, self._services, self._desk, each, target, values.response_number)
            for each in values.texts
        ]
        geography = self._services.geography
        states = [each for each in values.include if each.removeprefix("state:") in TILES]
        return visit.page(
            "compose.html",
            status=200 if problem is None else problem.status,
            values=values,
            campaign=campaign,
            problem=problem,
            faults=faults,
            brands=brands,
            checked=checked,
            site=site_of(self._services.settings().http.public_url),
            tiles=TILES,
            states=geography.states,
            chosen=frozenset(states),
            days=DAYS,
            zone=self._services.settings().policy.default_timezone,
            included=[named(each, geography) for each in values.include if each not in states],
            excluded=[named(each, geography) for each in values.exclude],
            lead_hours=self._services.settings().policy.lead_time_hours,
        )

    @property
    def _zone(self) -> Any:
        return pinned_zone(self._services.settings().policy.default_timezone)

    @property
    def _lead_time(self) -> timedelta:
        return timedelta(hours=self._services.settings().policy.lead_time_hours)


def _faults(
    campaign: Mapping[str, Any] | None, problem: ProblemError | None, language: str
) -> Sequence[tuple[str, str]]:
    """Return pointer and sentence of each fault: of the problem, or else those that the draft keeps."""
    if problem is not None:
        found: Sequence[Fault] = problem.faults
        return [(each.pointer, each.es if language == "es" else each.en) for each in found]
    return [(each["pointer"], each[language]) for each in (campaign or {}).get("faults", ())]
