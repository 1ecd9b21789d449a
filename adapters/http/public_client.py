"""A client for addresses that strangers gave: each time dialled by a checked address, and nothing kept."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.http.public_targets import PrivateTargetError, socket_maker

GOOD = range(200, 300)
UNREACHED = (ClientError, OSError, ValueError)
"""What a request raises that got no answer; too late an answer is an `OSError`, too."""


def unreached(error: BaseException) -> str:
    """Say what went wrong without what only an address inside would reveal."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PrivateTargetError):
            return str(cause)
        cause = cause.__cause__
    return f"not reached: {type(error).__name__}"


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
