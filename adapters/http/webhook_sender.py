"""One attempt to tell a webhook: signed, dialled by address, without redirects, short."""

from collections.abc import Callable
from time import time
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from adapters.http.public_targets import PrivateTargetError, socket_maker
from adapters.postgres.webhooks import Delivery
from inventory.webhooks import SIGNATURE_HEADER, signature

TIMEOUT = ClientTimeout(total=10, sock_connect=5)
AGENT = "posdata-webhooks/1"
_GOOD = range(200, 300)


class WebhookSender:
    """The HTTP client of webhooks; every attempt resolves and dials anew, no answer's body is read."""

    def __init__(self, *, allow_private: Callable[[], bool], timeout: ClientTimeout = TIMEOUT) -> None:
        connector = TCPConnector(
            use_dns_cache=False,
            force_close=True,
            socket_factory=socket_maker(allow_private=allow_private),
        )
        self._session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            timeout=timeout,
            trust_env=False,
            headers={"User-Agent": AGENT},
        )

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what is open."""
        await self._session.close()

    async def tell(self, delivery: Delivery) -> tuple[bool, str]:
        """Return whether it was taken (2xx), and the status or what went wrong."""
        now = int(time())
        headers = {
            "Content-Type": "application/json",
            SIGNATURE_HEADER: signature(delivery.secret, now, delivery.body),
            "Posdata-Event": delivery.kind,
            "Posdata-Event-Id": delivery.event_id,
        }
        try:
            async with self._session.post(
                delivery.url, data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status in _GOOD, str(answer.status)
        except TimeoutError:
            return False, "no answer in time"
        except (ClientError, OSError, ValueError) as error:
            return False, _told(error)


def _told(error: BaseException) -> str:
    """Say what went wrong without what only an address inside would reveal."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, PrivateTargetError):
            return str(cause)
        cause = cause.__cause__
    return f"not reached: {type(error).__name__}"
