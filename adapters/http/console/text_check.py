"""A text as it is typed: what is wrong with it and where, what would pass, how it looks on a handset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.http.console.campaign_form import MOST_TEXTS, posted
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from adapters.http.fitting import with_fits
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role
from engine.composition import PART_SEPTETS, septets_of

# A notification as a platform may write it; its number is nobody's.
SAMPLE = "Tienes 1 llamada perdida de 5501234567. 24/11 10:32"
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text: plain, or what an `error` or a `warning` is about."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Handset:
    """A notification with its ad as a subscriber reads it, and the septets that are left of the SMS."""

    notification: str
    ad: str
    left: int | None


def text_check_pages(app: web.Application, pages: Pages, services: Services, desk: Desk) -> None:
    """Add the part of a page."""

    async def show(visit: Visit) -> web.StreamResponse:
        slot = visit.request.match_info["slot"]
        if not slot.isdigit() or not 1 <= int(slot) <= MOST_TEXTS:
            raise ProblemError("not_found")
        text = visit.form.get(f"text-{slot}", "")
        target = [
            dict([place.split(":", 1)]) for place in posted(visit.form, visit.lists).include if ":" in place
        ]
        checked = await judged(visit, services, desk, text, {"include": target, "exclude": []})
        return visit.page("verdict.html", slot=slot, **checked)

    app.router.add_post("/check/{slot}", pages.inside(show, frozenset({Role.ADVERTISER})))


async def judged(
    visit: Visit, services: Services, desk: Desk, text: str, target: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what the verdict on a text shows."""
    verdict = await desk.ask(visit, "check_text", body={"text": text[:LONGEST]})
    [with_share] = with_fits({"target": target, "creatives": [{"text": text[:LONGEST]}]}, services)[
        "creatives"
    ]
    return {
        "text": text,
        "verdict": verdict,
        "pieces": pieces(text, verdict["findings"]),
        "fits": with_share["fits"],
        "handset": handset(text, services.settings().ads.separator),
    }


def pieces(text: str, findings: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """Return a text cut where findings begin and end; an error covers a warning."""
    marks = [""] * len(text)
    for severity in ("warning", "error"):
        for each in findings:
            if each["severity"] == severity:
                end = min(len(text), each["start"] + each["length"])
                marks[each["start"] : end] = [severity] * max(0, end - each["start"])
    cut: list[Piece] = []
    begin = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or marks[at] != marks[begin]:
            cut.append(Piece(text[begin:at], marks[begin]))
            begin = at
    return cut


def handset(text: str, separator: str) -> Handset:
    """Return the sample notification with a text; no room is known for what an SMS can't hold."""
    try:
        left = PART_SEPTETS - septets_of(SAMPLE + separator + text)
    except ValueError:
        left = None
    return Handset(SAMPLE + separator, text, left)
