"""Long addresses in texts replaced by short ones of ours, `sol.mx/r/CODE`, whose clicks are counted."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from inventory.faults import Fault
from inventory.webhooks import is_web_address

CODE_CHARACTERS: Final = "23456789bcdfghjkmnpqrstvwxyzBCDFGHJKLMNPQRSTVWXYZ"
"""No 0, O, 1, l, which are mistaken for one another, and no vowels, so that no word comes about."""

CODE_LENGTH: Final = 7
"""So that a host of 15 characters stays within a text's 25 for a link: 49⁷ = 6.8 × 10¹¹ codes."""

PATH: Final = "/r/"

_CODE = f"[A-Za-z0-9]{{{CODE_LENGTH},}}"
_NOT_BEFORE = r"(?<![\w./@-])"
# A link that goes on is another link; a stop or a comma after it ends a sentence.
_NOT_AFTER = r"/?(?![\w/?&=#%~+-]|[.:][\w/])"


@dataclass(frozen=True, slots=True)
class KnownLink:
    """Where a code leads, and the text it stands in."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Shortener:
    """How links become short: our site (None: none), codes nobody has, codes the campaign has."""

    site: str | None
    fresh: Callable[[], str]
    known: Mapping[str, KnownLink] = field(default_factory=dict)


def site_of(public_url: str | None) -> str | None:
    """Return what a short link begins with: the public URL without its scheme."""
    if public_url is None:
        return None
    parts = urlsplit(public_url)
    return parts.netloc + parts.path.rstrip("/")


def host_of(target: str) -> str:
    """Return the host that a link leads to."""
    return urlsplit(target).hostname or ""


def code_in(text: str, site: str) -> str | None:
    """Return the code of the short link in a text."""
    found = _ours(site).search(text)
    return found.group(1) if found else None


def shortened(
    creative: Mapping[str, Any], shortener: Shortener | None
) -> tuple[Mapping[str, Any], list[Fault]]:
    """Return a creative with its link made short in its text, and what is wrong; pointers begin at it.

    A code is kept while neither target nor text have changed: another version of a text has another code.
    """
    text, link = creative.get("text"), creative.get("link")
    site = None if shortener is None else shortener.site
    if not isinstance(text, str) or not (link is None or isinstance(link, str)):
        return creative, []  # the shape says so
    if link is None:
        ours = site is not None and code_in(text, site) is not None
        return creative, [_LINK_MISSING] if ours else []
    if shortener is None or site is None:
        return creative, [_NO_SITE]
    if faults := list(_link_faults(link, site)):
        return creative, faults
    code = code_in(text, site)
    known = shortener.known.get(code) if code else None
    if known is not None and (known.target, known.text) == (link, text):
        return creative, []
    place = _ours(site) if code else _written(link)
    short, times = place.subn(site + PATH + shortener.fresh(), text)
    return ({**creative, "text": short}, []) if times == 1 else (creative, [_NOT_ONCE])


def _link_faults(link: str, site: str) -> Iterator[Fault]:
    if not is_web_address(link):
        yield _BAD_LINK
    elif host_of(link) == host_of("//" + site) and PATH in urlsplit(link).path:
        yield _CIRCLE


def _ours(site: str) -> re.Pattern[str]:
    return re.compile(_NOT_BEFORE + re.escape(site + PATH) + f"({_CODE})(?![A-Za-z0-9])", re.IGNORECASE)


def _written(link: str) -> re.Pattern[str]:
    """Return what finds a link in a text, with or without its scheme."""
    scheme, _, rest = link.partition("://")
    return re.compile(
        f"{_NOT_BEFORE}(?:{scheme}://)?{re.escape(rest.rstrip('/'))}{_NOT_AFTER}", re.IGNORECASE
    )


_NO_SITE = Fault(
    "/link",
    "no_public_url",
    "los enlaces medidos necesitan http.public_url en los ajustes; use null",
    "measured links need http.public_url in the settings; use null",
)
_BAD_LINK = Fault(
    "/link",
    "bad_url",
    "debe ser una dirección http o https completa, sin usuario ni fragmento",
    "must be a whole http or https address without a user or a fragment",
)
_CIRCLE = Fault("/link", "short_link", "ya es un enlace corto nuestro", "is a short link of ours already")
_NOT_ONCE = Fault(
    "/text",
    "link_not_in_text",
    "debe llevar la dirección de link una vez: ahí va el enlace corto",
    "must hold the address in link once: the short link goes there",
)
_LINK_MISSING = Fault(
    "/link",
    "link_missing",
    "el texto lleva un enlace corto: diga adónde lleva",
    "the text has a short link: say where it leads",
)
