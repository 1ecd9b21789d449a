"""One attempt to tell a webhook: signed, dialled by address, without redirects, short."""

from collections.abc import Callable
from time import time

from aiohttp import ClientTimeout

from adapters.http.public_client import GOOD, UNREACHED, PublicClient, unreached
from adapters.postgres.webhooks import Delivery
from inventory.webhooks import SIGNATURE_HEADER, signature

TIMEOUT = ClientTimeout(total=10, sock_connect=5)
AGENT = "posdata-webhooks/1"


class WebhookSender(PublicClient):
    """The HTTP client of webhooks; every attempt resolves and dials anew, no answer's body is read."""

    def __init__(self, *, allow_private: Callable[[], bool], timeout: ClientTimeout = TIMEOUT) -> None:
        super().__init__(AGENT, allow_private=allow_private, timeout=timeout)

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
            async with self.session.post(
                delivery.url, data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status in GOOD, str(answer.status)
        except UNREACHED as error:
            return False, unreached(error)
