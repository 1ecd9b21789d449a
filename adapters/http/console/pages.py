"""What a request to a page passes through: session, role, CSRF token; and what goes wrong, as a page."""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog
from aiohttp import web

from adapters.http.console.visit import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Visit
from adapters.http.identities import CSRF_HEADER, SAFE_METHODS, PostgresIdentities
from adapters.http.problems import KINDS, LANGUAGES, ProblemError, language_of
from adapters.http.services import Services
from adapters.postgres.identity import WebSession
from adapters.postgres.pool import DATABASE_AWAY
from engine.access import EVERYBODY, Role

# Before there is a session, the login form's token is this cookie's value.
DOOR_COOKIE = "posdata_door"
CSRF_FIELD = "csrf"
MOST_FIELDS = 2000

Handler = Callable[[Visit], Awaitable[web.StreamResponse]]
Served = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = structlog.get_logger()


class Pages:
    """Makes aiohttp handlers of pages."""

    def __init__(self, services: Services, identities: PostgresIdentities) -> None:
        self._services = services
        self._identities = identities

    def inside(self, show: Handler, roles: frozenset[Role] = EVERYBODY) -> Served:
        """Return the handler of a page for whoever is logged in and has one of the roles."""

        async def guarded(visit: Visit) -> web.StreamResponse:
            if visit.principal is None:
                return visit.go("/login")
            if visit.principal.role not in roles:
                raise ProblemError("forbidden")
            return await show(visit)

        return self.outside(guarded)

    def outside(self, show: Handler) -> Served:
        """Return the handler of a page that needs no login."""

        async def handle(request: web.Request) -> web.StreamResponse:
            visit = self._stranger(request)
            try:
                visit = self._known(visit, await self._identities.web_session(request))
                if request.method not in SAFE_METHODS:
                    visit = await _with_form(visit)
                return await show(visit)
            except ProblemError as problem:
                return _told(visit, problem)
            except DATABASE_AWAY:
                return _told(visit, ProblemError("unavailable"))
            except web.HTTPException:
                raise
            except Exception as error:
                log.error("alarm_internal_error", path=request.path, exc_info=error)
                return _told(visit, ProblemError("internal"))

        return handle

    def _stranger(self, request: web.Request) -> Visit:
        theme = request.cookies.get(THEME_COOKIE, "auto")
        public = self._services.settings().http.public_url
        token = request.cookies.get(DOOR_COOKIE, "")
        return Visit(
            request=request,
            principal=None,
            language=_chosen(request) or language_of(request),
            theme=theme if theme in THEMES else "auto",
            csrf=token if len(token) >= 32 and token.isascii() else secrets.token_urlsafe(24),
            secure=bool(public) and str(public).startswith("https:"),
        )

    def _known(self, visit: Visit, session: WebSession | None) -> Visit:
        if session is None:
            return visit
        language = _chosen(visit.request) or session.principal.language
        return replace(visit, principal=session.principal, csrf=session.csrf, language=language)


def _chosen(request: web.Request) -> str | None:
    language = request.cookies.get(LANGUAGE_COOKIE)
    return language if language in LANGUAGES else None


async def _with_form(visit: Visit) -> Visit:
    """Read the form and check its token, in the form or in the header that htmx sends."""
    posted = await visit.request.post()
    if len(posted) > MOST_FIELDS:
        raise ProblemError("too_large")
    lists: dict[str, list[str]] = {}
    for name, value in posted.items():
        if isinstance(value, str):
            lists.setdefault(name, []).append(value.replace("\r\n", "\n"))
    given = visit.request.headers.get(CSRF_HEADER) or lists.get(CSRF_FIELD, [""])[0]
    expected = visit.csrf
    if visit.principal is None:
        expected = visit.request.cookies.get(DOOR_COOKIE, "")
    if len(expected) < 32 or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ProblemError(
            "forbidden",
            es="la página venció o no es de esta consola; vuelva a cargarla",
            en="the page has expired or is not this console's; load it again",
        )
    return replace(visit, form={name: values[-1] for name, values in lists.items()}, lists=lists)


def _told(visit: Visit, problem: ProblemError) -> web.Response:
    """Return a problem as a page, or as a line for a part of one."""
    spanish = visit.language == "es"
    status, *titles = KINDS[problem.kind]
    faults = [fault.es if spanish else fault.en for fault in problem.faults]
    template = "problem_line.html" if visit.is_fragment else "problem.html"
    return visit.page(
        template,
        status=status,
        title=titles[0 if spanish else 1],
        detail=problem.es if spanish else problem.en,
        faults=faults,
    )
