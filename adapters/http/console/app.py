"""The console put together: templates, assets, pages."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import tzinfo
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from adapters.http.api import Door
from adapters.http.console import wording
from adapters.http.console.alerts import Alert
from adapters.http.console.assets import load_assets, serve_assets
from adapters.http.console.blackouts import blackouts_pages
from adapters.http.console.campaigns import campaigns_pages
from adapters.http.console.composer import composer_pages
from adapters.http.console.described import described_pages
from adapters.http.console.desk import Desk
from adapters.http.console.engagements import engagements_pages
from adapters.http.console.free_numbers import free_number_pages
from adapters.http.console.live import beat, live_pages
from adapters.http.console.login import login_pages
from adapters.http.console.overview import overview_pages
from adapters.http.console.pages import CSRF_FIELD, Pages
from adapters.http.console.people import people_pages
from adapters.http.console.places import places_pages
from adapters.http.console.reviewing import reviewing_pages
from adapters.http.console.standing import Standings
from adapters.http.console.stock import stock_pages
from adapters.http.console.support import support_pages
from adapters.http.console.text_check import text_check_pages
from adapters.http.console.visit import Visit
from adapters.http.console.words import WORDS
from adapters.http.identities import PostgresIdentities
from adapters.http.operations import Operation
from adapters.http.people_api import AUDITORS
from adapters.http.problems import KINDS, ProblemError
from adapters.http.services import Services
from adapters.http.suppressions_api import KEEPERS
from engine.access import CARRIER_ROLES, READERS, Role
from segments.clock import pinned_zone

# Path, word, who sees it.
MENU: tuple[tuple[str, str, frozenset[Role]], ...] = (
    ("/review", "nav.review", frozenset({Role.APPROVER})),
    ("/campaigns", "nav.campaigns", READERS),
    ("/overview", "nav.overview", READERS),
    ("/engagements", "nav.engagements", READERS),
    ("/live", "nav.live", CARRIER_ROLES),
    ("/blackouts", "nav.blackouts", CARRIER_ROLES),
    ("/opt-outs", "nav.opt_outs", KEEPERS),
    ("/support", "nav.support", KEEPERS),
    ("/users", "nav.users", frozenset({Role.ADMIN})),
    ("/brands", "nav.brands", frozenset({Role.ADMIN})),
    ("/keys", "nav.keys", frozenset({Role.ADMIN})),
    ("/audit", "nav.audit", AUDITORS),
)


def console_app(
    app: web.Application,
    services: Services,
    operations: Sequence[Operation],
    identities: PostgresIdentities,
    door: Door,
    clock: Callable[[], float],
) -> None:
    """Add the console to an application that has the API's clock; `clock` gives Unix seconds."""
    assets = load_assets()
    aiohttp_jinja2.setup(
        app,
        loader=jinja2.PackageLoader("adapters.http", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment = aiohttp_jinja2.get_env(app)
    environment.globals.update(_globals(services))
    environment.globals["asset"] = lambda name: assets[name].address
    serve_assets(app, assets)
    desk = Desk(operations, door)
    pages = Pages(services, identities)
    standings = Standings(services)
    login_pages(app, pages, services, door)
    composer_pages(app, pages, services, desk)
    campaigns_pages(app, pages, services, desk, standings)
    text_check_pages(app, pages, services, desk)
    stock_pages(app, pages, services, desk)
    free_number_pages(app, pages, services, desk)
    places_pages(app, pages, desk)
    reviewing_pages(app, pages, services, desk)
    overview_pages(app, pages, services, desk, standings)
    live_pages(app, pages, services, desk, standings)
    people_pages(app, pages, desk)
    engagements_pages(app, pages, services, desk)
    blackouts_pages(app, pages, services, desk)
    support_pages(app, pages, services, desk)
    described_pages(app, pages, operations)

    async def beating(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.ensure_future(beat(services, standings.prospects.stand_ready, clock))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    app.cleanup_ctx.append(beating)


def _globals(services: Services) -> dict[str, Any]:
    """Return what every template may use."""
    zone = pinned_zone(services.settings().policy.default_timezone)
    return {
        "number": wording.number,
        "percent": wording.percent,
        "millis": wording.millis,
        "age": wording.age,
        "octets": wording.octets,
        "moment": lambda instant, visit: wording.moment(instant, visit.language, zone),
        "day": lambda instant, visit: wording.day(instant, visit.language, zone),
        "reason": _named("reason"),
        "deed": _named("deed"),
        "thing": _named("thing"),
        "csrf": _csrf,
        "hour": lambda instant: wording.hour(instant, zone),
        "told": lambda alert, visit: _told(alert, visit, zone),
        "menu": _menu,
        "said": None,
        "problem_title": _problem_title,
    }


def _csrf(visit: Visit) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, visit.csrf)


def _menu(visit: Visit) -> list[dict[str, Any]]:
    here = visit.request.path
    return [
        {"path": path, "word": word, "here": here == path or here.startswith(f"{path}/")}
        for path, word, roles in MENU
        if visit.who.role in roles
    ]


def _named(family: str) -> Callable[[str, Visit], str]:
    """Return what names a code of a family of words; one that has no word stays as it is."""

    def name(code: str, visit: Visit) -> str:
        key = f"{family}.{code}"
        return visit.word(key) if key in WORDS else code

    return name


def _told(alert: Alert, visit: Visit, zone: tzinfo) -> str:
    """Return an alert's sentence."""
    forms: Mapping[str, Callable[[Any], str]] = {
        "share": wording.percent,
        "count": wording.number,
        "at": lambda instant: wording.moment(instant, visit.language, zone),
    }
    values = {name: forms.get(name, str)(value) for name, value in alert.values.items()}
    return visit.word(alert.word, **values)


def _problem_title(problem: ProblemError, visit: Visit) -> str:
    _, spanish, english = KINDS[problem.kind]
    return spanish if visit.language == "es" else english
