"""A client for addresses that strangers gave: each time dialled by a checked address, and nothing kept."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.http.public_targets import socket_maker

GOOD = range(200, 300)


class PublicClient:
    """What such clients share: `session` resolves and dials anew for every request, and keeps no cookie."""

    def __init__(self, agent: str, *, allow_private: Callable[[], bool], timeout: ClientTimeout) -> None:
        connector = TCPConnector(
            use_dns_cache=False,
            force_close=True,
            socket_factory=socket_maker(allow_private=allow_private),
        )
        self.session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
            headers={"User-Agent": agent},
        )

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        await self.session.close()
