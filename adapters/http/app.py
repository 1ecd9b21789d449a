"""Everything that control serves over HTTP."""

from collections.abc import Callable

from aiohttp import web

from adapters.http.health import Readiness, health_app
from adapters.metrics.exposition import CONTENT_TYPE


def node_app(readiness: Callable[[], Readiness], metrics: Callable[[], bytes]) -> web.Application:
    """Return the application of a node: health and metrics."""

    async def exposed(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": CONTENT_TYPE})

    app = health_app(readiness)
    app.router.add_get("/metrics", exposed)
    return app
