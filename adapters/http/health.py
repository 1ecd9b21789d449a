"""`/healthz` and `/readyz`: is the process there, and does the node take traffic."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Readiness:
    """What `/readyz` tells; the node is ready when its relay is, ads or not."""

    relay: bool
    database: bool
    ads: bool


def health_app(app: web.Application, readiness: Callable[[], Awaitable[Readiness]]) -> None:
    """Add what is answered from the start, with or without a database."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        now = await readiness()
        return web.json_response({"ready": now.relay, **asdict(now)}, status=200 if now.relay else 503)

    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
