"""Campaigns as their owners see them: the list with how far each is, one in detail, its buttons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES, named, place_names
from adapters.http.console.remedy_form import link_of
from adapters.http.console.standing import Standings
from adapters.http.console.visit import HEADERS, Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import READERS
from inventory.campaign import CampaignState
from inventory.pacing import Pace
from segments.clock import pinned_zone

PAGE = 50
ACTIONS = ("submit", "pause", "resume", "cancel")
SHADES = 4
HOUR_S = 3600
WHY_NOT_HOURS = 24
MOST_LINKS = 100


def campaigns_pages(
    app: web.Application, pages: Pages, services: Services, desk: Desk, standings: Standings
) -> None:
    """Add the pages."""
    shelf = _Shelf(services, desk, standings)
    app.router.add_get("/campaigns", pages.inside(shelf.listed, READERS))
    app.router.add_get("/campaigns/{id}", pages.inside(shelf.one, READERS))
    app.router.add_post("/campaigns/{id}/{action}", pages.inside(shelf.act, READERS))
    app.router.add_get("/campaigns/{id}/why-not", pages.inside(shelf.why_not, READERS))
    app.router.add_get("/campaigns/{id}/remedies", pages.inside(shelf.remedies, READERS))
    app.router.add_get("/campaigns/{id}/report", pages.inside(shelf.export, READERS))
    app.router.add_post("/texts/{id}/takedown", pages.inside(shelf.take_down, READERS))


class _Shelf:
    def __init__(self, services: Services, desk: Desk, standings: Standings) -> None:
        self._services = services
        self._desk = desk
        self._standings = standings

    async def listed(self, visit: Visit) -> web.Response:
        asked = visit.request.query
        query = {name: asked[name] for name in ("q", "state", "cursor") if asked.get(name)}
        page = await self._desk.ask(visit, "list_campaigns", query={**query, "limit": PAGE})
        return visit.page(
            "campaigns.html",
            campaigns=page["items"],
            next=page["next"],
            query=query,
            states=list(CampaignState),
            standing=await self._standings.of(page["items"]),
            may_create=self._desk.allows(visit, "create_campaign"),
        )

    async def one(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        path = {"id": visit.request.match_info["id"]}
        campaign = await self._desk.ask(visit, "read_campaign", path=path)
        reports = {
            by: await self._desk.ask(visit, "report_campaign", path=path, query={"by": by})
            for by in ("hour", "state", "creative")
        }
        geography = self._services.geography
        target = {
            side: [
                named(f"{kind}:{value}", geography)
                for each in campaign["target"].get(side, ())
                for kind, value in each.items()
            ]
            for side in ("include", "exclude")
        }
        by_state = {row["key"]: row for row in reports["state"]["rows"]}
        standing = (await self._standings.of([campaign]))[campaign["id"]]
        curve = (await self._standings.curves([campaign])).get(campaign["id"])
        return visit.page(
            "campaign.html",
            status=200 if problem is None else problem.status,
            campaign=campaign,
            problem=problem,
            reports=reports,
            target=target,
            chart=self._curve(visit, campaign, reports["hour"], curve),
            tiles=TILES,
            states=geography.states,
            by_state=by_state,
            shade=_shades(by_state),
            standing=standing,
            links=await links_of(visit, self._desk, campaign),
            may_take_down=self._desk.allows(visit, "takedown_creative"),
        )

    async def why_not(self, visit: Visit) -> web.Response:
        """Tell what became of the last day's traffic: as a part of the campaign's page, or by itself."""
        path = {"id": visit.request.match_info["id"]}
        campaign = await self._desk.ask(visit, "read_campaign", path=path)
        found = await self._desk.ask(visit, "explain_campaign", path=path, query={"hours": WHY_NOT_HOURS})
        template = "why_not.html" if visit.is_fragment else "why_not_page.html"
        fates = _fates(found["total"])
        return visit.page(template, campaign=campaign, found=found, fates=fates, hours=WHY_NOT_HOURS)

    async def remedies(self, visit: Visit) -> web.Response:
        """Tell what would help a campaign that is at risk, and by how much."""
        path = {"id": visit.request.match_info["id"]}
        campaign = await self._desk.ask(visit, "read_campaign", path=path)
        found = await self._standings.prospects.remedies(campaign["id"])
        template = "remedies.html" if visit.is_fragment else "remedies_page.html"
        zone = pinned_zone(self._services.settings().policy.default_timezone)
        return visit.page(
            template,
            campaign=campaign,
            found=found,
            places=place_names(self._services.geography),
            applied=lambda told: link_of(campaign["id"], told, zone),
        )

    async def act(self, visit: Visit) -> web.Response:
        """Do what a button says; what stands against it is told on the campaign's page."""
        path, action = visit.request.match_info, visit.request.match_info["action"]
        if action not in ACTIONS:
            raise ProblemError("not_found")
        try:
            await self._desk.ask(visit, f"{action}_campaign", path={"id": path["id"]})
        except ProblemError as problem:
            if problem.kind != "conflict":
                raise
            return await self.one(visit, problem)
        return visit.go(f"/campaigns/{path['id']}")

    async def take_down(self, visit: Visit) -> web.Response:
        """Take a text off the air, in every worker."""
        body: dict[str, Any] = {"reason": visit.form.get("reason", "")}
        if visit.form.get("version", "").isdigit():
            body["version"] = int(visit.form["version"])
        campaign = await self._desk.ask(
            visit, "takedown_creative", path={"id": visit.request.match_info["id"]}, body=body
        )
        return visit.go(f"/campaigns/{campaign['id']}")

    async def export(self, visit: Visit) -> web.Response:
        """Give a report as a file."""
        return await exported(visit, self._desk, "report_campaign", {"id": visit.request.match_info["id"]})

    def _curve(
        self, visit: Visit, campaign: Mapping[str, Any], report: Mapping[str, Any], curve: Pace | None
    ) -> dict[str, Any]:
        """Return what was spent so far, hour by hour, beside what an even pace would have spent."""
        hours = [datetime.fromisoformat(row["key"]).timestamp() for row in report["rows"]]
        times = [hour + HOUR_S for hour in hours]
        reached, so_far = 0, []
        for row in report["rows"]:
            reached += row["accepted"] + row["unknown"]
            so_far.append(reached)
        quantity, planned = campaign["quantity"], curve is not None and campaign["quantity"] is not None
        if times:
            begins = hours[0]
            if campaign["starts_at"] is not None:
                begins = min(begins, datetime.fromisoformat(campaign["starts_at"]).timestamp())
            times, so_far = [begins, *times], [0, *so_far]
            times[-1] = max(times[-2], min(times[-1], self._services.now().timestamp()))
        plan = [round(quantity * curve.elapsed(at)) if planned and curve else None for at in times]
        return {
            "data": [times, plan, so_far],
            "labels": [visit.word("campaign.plan"), visit.word("campaign.delivered_so_far")],
            "zone": report["zone"],
        }


async def links_of(
    visit: Visit, desk: Desk, campaign: Mapping[str, Any]
) -> Mapping[tuple[str, int], Mapping[str, Any]]:
    """Return the short links of a campaign's texts, by text and version."""
    if not any(text["link"] for text in campaign["creatives"]):
        return {}
    query = {"campaign": campaign["id"], "limit": MOST_LINKS}
    found = (await desk.ask(visit, "list_links", query=query))["items"]
    return {(each["creative"], each["version"]): each for each in found}


async def exported(visit: Visit, desk: Desk, operation: str, path: Mapping[str, str]) -> web.Response:
    """Return a report's file, as the browser's query asks for it."""
    query = {
        name: value
        for name, value in visit.request.query.items()
        if name in {"by", "format", "from", "to", "brand"} and value
    }
    answer = await desk.answer(visit, operation, path=path, query={"format": "csv", **query})
    if answer.octets is None:
        raise ProblemError("not_acceptable")
    headers = {**HEADERS, **answer.headers, "Content-Type": answer.content_type}
    return web.Response(body=answer.octets, headers=headers)


def _fates(total: Mapping[str, Any]) -> Mapping[str, int]:
    """Return what became of traffic; what others took and what went bare together where each is a secret."""
    fates = {name: total[name] for name in ("inserted", "outside", "blackout", "no_room")}
    rest = total["supply"] - sum(fates.values())
    if total["bare"] is None:
        return {**fates, "elsewhere": rest}
    return {**fates, "others": rest - total["bare"], "bare": total["bare"]}


def _shades(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how dark each state's tile is, from 1 to SHADES, by its share of the most."""
    most = max((row["inserted"] for row in rows.values()), default=0)
    return {
        key: max(1, round(SHADES * row["inserted"] / most))
        for key, row in rows.items()
        if most and row["inserted"]
    }
