"""A text as it is typed: what is wrong with it and where, what would pass, how it looks on a handset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from adapters.http.console.campaign_form import MOST_TEXTS, FormText, posted
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.visit import Visit
from adapters.http.fitting import key
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import Role
from engine.composition import PART_SEPTETS, septets_of
from inventory.faults import Fault
from inventory.short_links import CODE_LENGTH, Shortener, code_in, shortened, site_of

# A notification as a platform may write it; its number is nobody's.
SAMPLE = "Tienes 1 llamada perdida de 5501234567. 24/11 10:32"
LONGEST = 1000
LONGEST_NUMBER = 30
_SAMPLE_CODE = "x" * CODE_LENGTH


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
        given = FormText(text, link=visit.form.get(f"link-{slot}", "").strip())
        number = visit.form.get("response_number", "").strip()
        checked = await judged(visit, services, desk, given, {"include": target, "exclude": []}, number)
        return visit.page("verdict.html", slot=slot, **checked)

    app.router.add_post("/check/{slot}", pages.inside(show, frozenset({Role.ADVERTISER})))


async def judged(
    visit: Visit, services: Services, desk: Desk, given: FormText, target: Mapping[str, Any], number: str
) -> dict[str, Any]:
    """Return what the verdict on a text shows, with its link made short; `number` is to be called, if any."""
    text, link_faults = with_link(given, site_of(services.settings().http.public_url))
    asked = {"text": text[:LONGEST], "response_number": number[:LONGEST_NUMBER] or None}
    verdict = await desk.ask(visit, "check_text", body=asked)
    return {
        "text": text,
        "link_faults": link_faults,
        "verdict": verdict,
        "pieces": pieces(text, verdict["findings"]),
        "fits": await services.fitting.of(text[:LONGEST], key(target), services),
        "handset": handset(text, services.settings().ads.separator),
    }


def with_link(given: FormText, site: str | None) -> tuple[str, Sequence[Fault]]:
    """Return a text with its link as short as it will be, and what is wrong with the link."""
    if not given.link:
        return given.text, []
    if site is not None and code_in(given.text, site) is not None:
        return given.text, []
    creative = {"text": given.text, "link": given.link}
    made, faults = shortened(creative, Shortener(site, lambda: _SAMPLE_CODE))
    return str(made["text"]), faults


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
