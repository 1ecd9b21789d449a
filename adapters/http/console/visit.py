"""One request to the console: who asks, in which language and colours, and how a page is given back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp_jinja2
from aiohttp import web
from multidict import MultiDictProxy

from adapters.http.console.words import WORDS
from engine.access import Principal

LANGUAGE_COOKIE = "posdata_language"
THEME_COOKIE = "posdata_theme"
THEMES = ("auto", "light", "dark")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Form = MultiDictProxy[str]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with what every page needs; `principal` is None before the login."""

    request: web.Request
    principal: Principal | None
    language: str
    theme: str
    csrf: str
    secure: bool
    form: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, list[str]] = field(default_factory=dict)

    @property
    def who(self) -> Principal:
        """Who is logged in; only for pages that need it."""
        if self.principal is None:
            raise LookupError("nobody is logged in")
        return self.principal

    @property
    def is_fragment(self) -> bool:
        """Tell whether htmx asks for a part of a page."""
        return "HX-Request" in self.request.headers

    def word(self, key: str, **values: object) -> str:
        """Return a sentence of the catalogue in the visitor's language."""
        text = WORDS[key][0 if self.language == "es" else 1]
        return text.format(**values) if values else text

    def page(self, template: str, *, status: int = 200, **context: Any) -> web.Response:
        """Return a page or a part of one."""
        text = aiohttp_jinja2.render_string(
            template, self.request, {"visit": self, "t": self.word, **context}
        )
        return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)

    def go(self, path: str) -> web.Response:
        """Send the browser to another page of the console, also when htmx asks."""
        if self.is_fragment:
            return web.Response(status=204, headers={**HEADERS, "HX-Redirect": path})
        return web.Response(status=303, headers={**HEADERS, "Location": path})


Show = Callable[[Visit], Any]


def local(path: str) -> str:
    """Return a path to go on to, if it is one of this console; else the start page."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if good else "/"
