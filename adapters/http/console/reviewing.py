"""The approver's desk: what waits, most urgent first; one campaign and what helps to decide."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from adapters.http.console.campaigns import links_of
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import named
from adapters.http.console.text_check import handset
from adapters.http.console.visit import Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role

APPROVERS = frozenset({Role.APPROVER})
MOST = 200
# Keys of the sentences that a reason may begin with.
REASONS = ("why.unclear", "why.claim", "why.link", "why.brand", "why.offence", "why.law")
HISTORY = 10


def reviewing_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the pages."""
    review = _Review(services, desk)
    app.router.add_get("/review", pages.inside(review.queue, APPROVERS))
    app.router.add_post("/review", pages.inside(review.approve_many, APPROVERS))
    app.router.add_get("/review/{id}", pages.inside(review.one, APPROVERS))
    app.router.add_post("/review/{id}/{decision}", pages.inside(review.decide, APPROVERS))
    app.router.add_post("/review/{id}/texts/{text}/{decision}", pages.inside(review.decide_text, APPROVERS))


class _Review:
    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk

    async def queue(
        self, visit: Visit, refused: list[tuple[str, ProblemError]] | None = None
    ) -> web.Response:
        waiting = await self._in_state(visit, "submitted")
        waiting.sort(key=lambda each: (each["decide_by"] or {}).get("on_time", ""))
        changed = [
            each
            for state in ("live", "approved", "paused")
            for each in await self._in_state(visit, state)
            if any(text["review"] == "pending" for text in each["creatives"])
        ]
        return visit.page(
            "review.html",
            waiting=waiting,
            changed=changed,
            refused=refused or [],
            now=self._services.now().isoformat(),
        )

    async def one(self, visit: Visit, problem: ProblemError | None = None) -> web.Response:
        campaign = await self._desk.ask(visit, "read_campaign", path={"id": visit.request.match_info["id"]})
        query = {"brand": campaign["brand"], "limit": HISTORY + 1}
        history = (await self._desk.ask(visit, "list_campaigns", query=query))["items"]
        separator = self._services.settings().ads.separator
        beside = {each["creative"]: each for each in campaign["review"] or ()}
        geography = self._services.geography
        target = [
            named(f"{kind}:{value}", geography)
            for each in campaign["target"].get("include", ())
            for kind, value in each.items()
        ]
        return visit.page(
            "review_one.html",
            status=200 if problem is None else problem.status,
            campaign=campaign,
            problem=problem,
            beside=beside,
            handsets={each["id"]: handset(each["text"], separator) for each in campaign["creatives"]},
            history=[each for each in history if each["id"] != campaign["id"] and each["state"] != "draft"][
                :HISTORY
            ],
            reasons=REASONS,
            links=await links_of(visit, self._desk, campaign),
            target=target,
            now=self._services.now().isoformat(),
        )

    async def decide(self, visit: Visit) -> web.Response:
        texts = list(visit.lists.get("text", ()))
        return await self._decided(visit, "campaign", visit.request.match_info["id"], {"texts": texts})

    async def decide_text(self, visit: Visit) -> web.Response:
        return await self._decided(visit, "creative", visit.request.match_info["text"], {})

    async def _decided(
        self, visit: Visit, what: str, subject: str, rejected: Mapping[str, Any]
    ) -> web.Response:
        """Approve, or reject with the reason that was given and what else belongs to that."""
        decision = visit.request.match_info["decision"]
        if decision not in {"approve", "reject"}:
            raise ProblemError("not_found")
        body = {"reason": visit.form.get("reason", ""), **rejected} if decision == "reject" else None
        try:
            await self._desk.ask(visit, f"{decision}_{what}", path={"id": subject}, body=body)
        except ProblemError as problem:
            return await self.one(visit, problem)
        return visit.go("/review")

    async def approve_many(self, visit: Visit) -> web.Response:
        """Approve each campaign that was ticked; those that can't be are told, the others are approved."""
        refused = []
        for campaign in visit.lists.get("campaign", ())[:MOST]:
            try:
                await self._desk.ask(visit, "approve_campaign", path={"id": campaign})
            except ProblemError as problem:
                refused.append((visit.form.get(f"name-{campaign}", campaign), problem))
        return await self.queue(visit, refused) if refused else visit.go("/review")

    async def _in_state(self, visit: Visit, state: str) -> list[Mapping[str, Any]]:
        page = await self._desk.ask(visit, "list_campaigns", query={"state": state, "limit": MOST})
        return list(page["items"])
