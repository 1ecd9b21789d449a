"""Coming in and going out: password, session cookie, lock after failures; language and colours."""

import asyncio

from aiohttp import web
from limits import parse

from adapters.http.api import Door
from adapters.http.console.pages import DOOR_COOKIE, Pages
from adapters.http.console.visit import LANGUAGE_COOKIE, THEME_COOKIE, THEMES, Visit, local
from adapters.http.identities import COOKIE
from adapters.http.passwords import password_matches
from adapters.http.problems import LANGUAGES, ProblemError
from adapters.http.services import Services
from engine.access import Role

HOME = {
    Role.ADVERTISER: "/campaigns",
    Role.BRAND_MANAGER: "/overview",
    Role.APPROVER: "/review",
    Role.OPS: "/live",
    Role.ADMIN: "/users",
}
_A_YEAR = 365 * 24 * 3600
# Per address: above what people do, below what guessing needs.
_TRIES = parse("30/minute")
# An argon2 hash takes 64 MiB while it is made.
_HASHES_AT_A_TIME = 2


def login_pages(app: web.Application, pages: Pages, services: Services, door: Door) -> None:
    """Add the pages."""
    gate = _Gate(services, door)
    app.router.add_get("/login", pages.outside(gate.show))
    app.router.add_post("/login", pages.outside(gate.enter))
    app.router.add_post("/logout", pages.outside(gate.leave))
    app.router.add_post("/preferences", pages.outside(gate.prefer))
    app.router.add_get("/", pages.inside(_home))


async def _home(visit: Visit) -> web.Response:
    return visit.go(HOME[visit.who.role])


class _Gate:
    """The console's door."""

    def __init__(self, services: Services, door: Door) -> None:
        self._services = services
        self._door = door
        self._hashing = asyncio.Semaphore(_HASHES_AT_A_TIME)

    async def show(self, visit: Visit) -> web.StreamResponse:
        if visit.principal is not None:
            return visit.go("/")
        return self._form(visit)

    async def enter(self, visit: Visit) -> web.StreamResponse:
        address = visit.request.remote or ""
        if not await self._door.limiter.hit(_TRIES, "login", address):
            raise ProblemError("too_many", headers={"Retry-After": "60"})
        email, password = visit.form.get("email", ""), visit.form.get("password", "")
        identity, now = self._services.identity, self._services.now()
        login = await identity.login(email.strip())
        async with self._hashing:
            good = await password_matches(login.password_hash if login else None, password)
        if login is None or (login.locked_until is not None and login.locked_until > now):
            return self._form(visit, email=email, refused=True)
        if not good:
            await identity.login_failed(login.user_id, at=now)
            return self._form(visit, email=email, refused=True)
        # What the browser brought is worth nothing from here on: a planted cookie is not taken over.
        if former := visit.request.cookies.get(COOKIE):
            await identity.close_session(former)
        token = await identity.open_session(login.user_id, at=now)
        response = visit.go("/")
        response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=visit.secure, path="/")
        response.del_cookie(DOOR_COOKIE, path="/")
        return response

    async def leave(self, visit: Visit) -> web.StreamResponse:
        if token := visit.request.cookies.get(COOKIE):
            await self._services.identity.close_session(token)
        response = visit.go("/login")
        response.del_cookie(COOKIE, path="/", httponly=True, samesite="Lax", secure=visit.secure)
        return response

    async def prefer(self, visit: Visit) -> web.StreamResponse:
        response = visit.go(local(visit.form.get("next", "/")))
        language, theme = visit.form.get("language"), visit.form.get("theme")
        if language in LANGUAGES:
            _keep(response, visit, LANGUAGE_COOKIE, str(language))
        if theme in THEMES:
            _keep(response, visit, THEME_COOKIE, str(theme))
        return response

    def _form(self, visit: Visit, *, email: str = "", refused: bool = False) -> web.Response:
        response = visit.page("login.html", status=401 if refused else 200, email=email, refused=refused)
        response.set_cookie(
            DOOR_COOKIE, visit.csrf, httponly=True, samesite="Strict", secure=visit.secure, path="/"
        )
        return response


def _keep(response: web.Response, visit: Visit, name: str, value: str) -> None:
    response.set_cookie(
        name, value, max_age=_A_YEAR, httponly=True, samesite="Lax", secure=visit.secure, path="/"
    )
