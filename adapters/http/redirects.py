"""`/r/CODE`: from a short link to where it leads, at once or over a page with the carrier's opt-out line."""

from collections import OrderedDict
from ipaddress import ip_network
from time import monotonic
from typing import Final

import jinja2
from aiohttp import web
from limits import RateLimitItemPerMinute

from adapters.http.clicks import kind_of
from adapters.http.problems import language_of
from adapters.http.rates import make_limiter
from adapters.http.services import Services
from adapters.postgres.links import PostgresLinks
from adapters.postgres.pool import DATABASE_AWAY
from inventory.books import hour_of
from inventory.short_links import CODE_LENGTH, host_of

KNOWN_S: Final = 5.0
MOST_KNOWN: Final = 10_000
_LONGEST_CODE: Final = 32

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}
_WORDS: Final = {
    "es": {"title": "Enlace de un anuncio", "leads": "Este enlace lleva a", "go": "Continuar"},
    "en": {"title": "Link of an advertisement", "leads": "This link leads to", "go": "Continue"},
}


class Redirects:
    """Answers `/r/CODE` and counts; targets are remembered for KNOWN_S, longer while the database is away."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._limiter = make_limiter()
        self._pages = jinja2.Environment(
            loader=jinja2.PackageLoader("adapters.http", "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
        )

    async def follow(self, request: web.Request) -> web.Response:
        """Answer one request, HEAD too."""
        if not await self._may_follow(request.remote or ""):
            return web.Response(status=429, headers={**_HEADERS, "Retry-After": "60"})
        code = request.match_info["code"]
        if not (code.isascii() and code.isalnum() and CODE_LENGTH <= len(code) <= _LONGEST_CODE):
            return web.Response(status=404, headers=_HEADERS)
        try:
            target = await self._target(code)
        except DATABASE_AWAY:
            return web.Response(status=503, headers={**_HEADERS, "Retry-After": "2"})
        if target is None:
            return web.Response(status=404, headers=_HEADERS)
        kind = kind_of(request.method, request.headers)
        self._services.clicks.add(code, hour_of(self._services.now()), kind)
        links = self._services.settings().links
        if not links.interstitial:
            return web.Response(status=302, headers={**_HEADERS, "Location": target})
        language = language_of(request)
        page = self._pages.get_template("landing.html").render(
            language=language,
            words=_WORDS[language],
            target=target,
            host=host_of(target),
            opt_out=links.opt_out,
        )
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def _may_follow(self, address: str) -> bool:
        """Count one request of an address; an IPv6 one stands for its /64, which is one customer's."""
        most = self._services.settings().links.per_minute
        if most is None:
            return True
        if ":" in address:
            address = str(ip_network((address.partition("%")[0], 64), strict=False))
        return await self._limiter.hit(RateLimitItemPerMinute(most), "follow", address)

    async def _target(self, code: str) -> str | None:
        """Return where a code leads. Raises what the database raises, unless the code is remembered."""
        held = self._known.get(code)
        if held is not None and monotonic() - held[1] < KNOWN_S:
            return held[0]
        try:
            target = await PostgresLinks(self._services.pool).target(code)
        except DATABASE_AWAY:
            if held is None:
                raise
            return held[0]
        if target is None:
            self._known.pop(code, None)
            return None
        self._known[code] = (target, monotonic())
        self._known.move_to_end(code)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return target


def redirects_app(app: web.Application, services: Services) -> None:
    """Add the route; every answer is no-store, so that each click comes here."""
    app.router.add_get("/r/{code}", Redirects(services).follow)
