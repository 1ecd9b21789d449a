"""Campaigns as their owners see them: the list with how far each is, one in detail, its buttons."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aiohttp import web

from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES, named
from adapters.http.console.visit import HEADERS, Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import READERS
from inventory.campaign import CampaignState

PAGE = 50
ACTIONS = ("submit", "pause", "resume", "cancel")
SHADES = 4


def campaigns_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages."""
    shelf = _Shelf(services, desk)
    app.router.add_get("/campaigns", pages.inside(shelf.listed, READERS))
    app.router.add_get("/campaigns/{id}", pages.inside(shelf.one, READERS))
    app.router.add_post("/campaigns/{id}/{action}", pages.inside(shelf.act, READERS))
    app.router.add_get("/campaigns/{id}/report", pages.inside(shelf.export, READERS))
    app.router.add_post("/texts/{id}/takedown", pages.inside(shelf.take_down, READERS))


class _Shelf:
    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

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
            elapsed=self._elapsed,
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
        return visit.page(
            "campaign.html",
            status=200 if problem is None else problem.status,
            campaign=campaign,
            problem=problem,
            reports=reports,
            target=target,
            chart=self._curve(visit, campaign, reports["hour"]),
            tiles=TILES,
            states=geography.states,
            by_state=by_state,
            shade=_shades(by_state),
            elapsed=self._elapsed,
            may_take_down=self._desk.allows(visit, "takedown_creative"),
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

    def _elapsed(self, campaign: Mapping[str, Any]) -> float | None:
        """Return which share of its flight is over; None where it is not served."""
        if campaign["starts_at"] is None or campaign["state"] not in {"live", "paused", "finished"}:
            return None
        begins, ends = (datetime.fromisoformat(campaign[name]) for name in ("starts_at", "ends_at"))
        return min(1.0, max(0.0, (self._services.now() - begins) / (ends - begins)))

    def _curve(self, visit: Visit, campaign: Mapping[str, Any], report: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was delivered so far, hour by hour, beside an even pace towards the quantity."""
        hours = [datetime.fromisoformat(row["key"]).timestamp() for row in report["rows"]]
        ends = [hour + 3600 for hour in hours]
        reached, so_far = 0, []
        for row in report["rows"]:
            reached += row["accepted"] + row["unknown"]
            so_far.append(reached)
        begin, quantity = campaign["starts_at"], campaign["quantity"]
        if ends and begin is not None:
            starts = datetime.fromisoformat(begin).timestamp()
            ends, so_far = [min(starts, hours[0]), *ends], [0, *so_far]
            ends[-1] = min(ends[-1], self._services.now().timestamp())
            flight = datetime.fromisoformat(campaign["ends_at"]).timestamp() - starts
            plan = [
                None if quantity is None else round(quantity * min(1, max(0, at - starts) / flight))
                for at in ends
            ]
        else:
            plan = [None] * len(ends)
        return {
            "data": [ends, plan, so_far],
            "labels": [visit.word("campaign.plan"), visit.word("campaign.delivered_so_far")],
            "zone": report["zone"],
        }


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


def _shades(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Return how dark each state's tile is, from 1 to SHADES, by its share of the most."""
    most = max((row["inserted"] for row in rows.values()), default=0)
    return {
        key: max(1, round(SHADES * row["inserted"] / most))
        for key, row in rows.items()
        if most and row["inserted"]
    }
