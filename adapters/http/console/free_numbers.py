"""Which response numbers are free for the dates in the campaign form."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from adapters.http.console.campaign_form import document_of, posted
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from adapters.http.services import Services
from engine.access import Role
from segments.clock import pinned_zone


def free_number_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the part of the form."""

    async def show(visit: Visit) -> web.StreamResponse:
        zone = pinned_zone(services.settings().policy.default_timezone)
        document = document_of(posted(visit.form, visit.lists), zone)
        numbers = (await desk.ask(visit, "list_response_numbers"))["items"]
        return visit.page("free_numbers.html", numbers=_free(numbers, document))

    app.router.add_post("/free-numbers", pages.inside(show, frozenset({Role.ADVERTISER})))


def _free(numbers: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> list[str] | None:
    """Return the numbers that nobody has in a document's flight; None when it has no dates yet."""
    try:
        begins, ends = (datetime.fromisoformat(document[name] or "") for name in ("starts_at", "ends_at"))
    except ValueError:
        return None
    return [
        each["number"]
        for each in numbers
        if not any(_meets(assigned, begins, ends) for assigned in each["assignments"])
    ]


def _meets(assigned: Mapping[str, Any], begins: datetime, ends: datetime) -> bool:
    until = assigned["ends_at"]
    return datetime.fromisoformat(assigned["starts_at"]) < ends and (
        until is None or begins < datetime.fromisoformat(until)
    )
