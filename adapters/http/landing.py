"""Where an advertiser's address ends: redirects followed with care, so that approvers see the last host."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from aiohttp import ClientTimeout

from adapters.http.public_client import GOOD, UNREACHED, PublicClient, unreached

MOST_HOPS = 8
LONGEST_URL = 2000
# Of each hop; no answer's body is read.
TIMEOUT = ClientTimeout(total=5, sock_connect=3)
AGENT = "posdata-links/1"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Landing:
    """The last host, None where it was not reached; and what is wrong, None when nothing is."""

    host: str | None
    fault: str | None = None


class Lander(PublicClient):
    """Follows redirects of the HTTP kind; every hop is resolved and dialled anew, by a checked address."""

    def __init__(self, *, allow_private: Callable[[], bool], timeout: ClientTimeout = TIMEOUT) -> None:
        super().__init__(AGENT, allow_private=allow_private, timeout=timeout)

    async def follow(self, target: str) -> Landing:
        """Return where an address ends."""
        url = target
        for _ in range(MOST_HOPS):
            host = _web_host(url)
            if host is None:
                return Landing(None, "it leads to what is no web address")
            try:
                async with self.session.get(url, allow_redirects=False) as answer:
                    status, location = answer.status, answer.headers.get("Location")
            except UNREACHED as error:
                return Landing(None, unreached(error))
            if status not in _REDIRECTS or location is None:
                return Landing(host, None if status in GOOD else f"it answers {status}")
            url = urljoin(url, location)
        return Landing(None, f"more than {MOST_HOPS} redirects")


def _web_host(url: str) -> str | None:
    """Return the host of a web address, None for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    plain = parts.scheme in {"http", "https"} and parts.username is None and len(url) <= LONGEST_URL
    return host if plain else None
