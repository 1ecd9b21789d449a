"""Everything that a node serves over HTTP."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from time import time

from aiohttp import web

from adapters.http.api import api_app, make_door, problems_for_errors
from adapters.http.availability_api import availability_operations
from adapters.http.blackouts_api import blackouts_operations
from adapters.http.call_figures_api import call_figures_operations
from adapters.http.campaign_import_api import import_operations
from adapters.http.campaigns_api import campaigns_operations
from adapters.http.console.app import console_app
from adapters.http.coupons_api import coupons_operations
from adapters.http.creatives_api import creatives_operations
from adapters.http.engagements_api import engagements_operations
from adapters.http.health import Readiness, health_app
from adapters.http.identities import PostgresIdentities
from adapters.http.leads_api import lead_addresses_app, leads_operations
from adapters.http.links_api import links_operations
from adapters.http.look_up_api import look_up_operations
from adapters.http.missed_calls_api import missed_calls_operations
from adapters.http.openapi import openapi_document
from adapters.http.operations import Operation
from adapters.http.ops_api import ops_operations
from adapters.http.opt_outs_api import opt_outs_operations
from adapters.http.people_api import people_operations
from adapters.http.redirects import redirects_app
from adapters.http.reports_api import reports_operations
from adapters.http.response_numbers_api import response_numbers_operations
from adapters.http.samples_api import samples_operations
from adapters.http.segments_api import segments_operations
from adapters.http.services import Services
from adapters.http.subscribers_api import subscribers_operations
from adapters.http.suppressions_api import suppressions_operations
from adapters.http.texts_api import texts_operations
from adapters.http.webhooks_api import webhooks_operations
from adapters.http.why_not_api import why_not_operations
from adapters.metrics.exposition import CONTENT_TYPE
from adapters.postgres.answers import PostgresAnswers

# For whatever brings none of its own: data, which no browser is to keep, to guess at or to show in a frame.
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
)


def all_operations(services: Services) -> Sequence[Operation]:
    """Return every operation of the API, in the order of its document."""
    return [
        *texts_operations(services),
        *segments_operations(services.geography),
        *import_operations(services),
        *campaigns_operations(services),
        *creatives_operations(services),
        *availability_operations(services),
        *why_not_operations(services),
        *reports_operations(services),
        *people_operations(services),
        *webhooks_operations(services),
        *links_operations(services),
        *samples_operations(services),
        *response_numbers_operations(services),
        *call_figures_operations(services),
        *engagements_operations(services),
        *coupons_operations(services),
        *missed_calls_operations(services),
        *leads_operations(services),
        *blackouts_operations(services),
        *suppressions_operations(services),
        *opt_outs_operations(services),
        *subscribers_operations(services),
        *look_up_operations(services),
        *ops_operations(services),
    ]


def node_app(
    readiness: Callable[[], Awaitable[Readiness]],
    metrics: Callable[[], Awaitable[bytes]],
    services: Services,
) -> web.Application:
    """Return the application of a node: health, metrics, the API and its document, the console.

    `metrics` may raise `TimeoutError`, which answers 503.
    """

    async def exposed(_: web.Request) -> web.Response:
        try:
            return web.Response(body=await metrics(), headers={"Content-Type": CONTENT_TYPE})
        except TimeoutError:
            return web.Response(status=503, text="control does not answer\n")

    operations = all_operations(services)
    document = openapi_document(operations, version("posdata"))

    async def described(_: web.Request) -> web.Response:
        return web.json_response(document)

    identities = PostgresIdentities(lambda: services.identity, services.known_keys, services.now)
    door = make_door(identities, PostgresAnswers(lambda: services.pool, services.now))
    app = web.Application(middlewares=[problems_for_errors])
    app.on_response_prepare.append(_guarded)
    health_app(app, readiness)
    app.router.add_get("/metrics", exposed)
    app.router.add_get("/openapi.json", described)
    api_app(app, operations, door, time)
    redirects_app(app, services)
    lead_addresses_app(app, services)
    console_app(app, services, operations, identities, door, time)
    return app


async def _guarded(_: web.Request, response: web.StreamResponse) -> None:
    for name, value in _HEADERS:
        response.headers.setdefault(name, value)
