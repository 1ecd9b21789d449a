"""How many can be bought, beside the quantity as the form is filled in, and what would bring more."""

from typing import Any

from aiohttp import web

from adapters.http.console.campaign_form import document_of, posted
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import place_names
from adapters.http.console.visit import Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role
from segments.clock import pinned_zone
from validators.check import check
from validators.rules import RuleSet


def stock_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the part of the form."""

    async def show(visit: Visit) -> web.StreamResponse:
        zone = pinned_zone(services.settings().policy.default_timezone)
        document = document_of(posted(visit.form, visit.lists), zone)
        try:
            found = await desk.ask(visit, "ask_availability", body=_wish(document, services.rules))
        except ProblemError as problem:
            if problem.kind not in {"invalid", "unavailable"}:
                raise
            return visit.page("available.html", found=None, waits=problem.kind == "unavailable", places=str)
        return visit.page("available.html", found=found, waits=False, places=place_names(services.geography))

    app.router.add_post("/available", pages.inside(show, frozenset({Role.ADVERTISER})))


def _wish(document: dict[str, Any], rules: RuleSet) -> dict[str, Any]:
    """Return what is asked for; texts that do not pass yet are left out, so that the rest can be told."""
    texts = [each["text"] for each in document["creatives"] if check(each["text"], rules).ok]
    wish = {
        "target": document["target"],
        "from": document["starts_at"],
        "to": document["ends_at"],
        "hours": document.get("hours", []),
        "class": document["class"],
        "category": document.get("category", ""),
    }
    if texts:
        wish["texts"] = texts
    if document["quantity"] is not None:
        wish["quantity"] = document["quantity"]
    return wish
