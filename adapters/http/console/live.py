"""The operations page: the node as it is right now, sent on by server-sent events; the switch for ads."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from itertools import count
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from adapters.http.console.alerts import RUNNING, Alerted, alerts
from adapters.http.console.call_figures import CallCounter
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES
from adapters.http.console.standing import Standings
from adapters.http.console.streams import EVERY_S, Streams
from adapters.http.console.visit import Visit
from adapters.http.services import Services
from engine.access import CARRIER_ROLES, Role

# What is sent again each time; the sessions, which workers have to be asked for, less often.
PARTS = ("live_glance", "live_workers", "live_reasons", "live_switch")
SESSIONS_EVERY = 3
SLOW_PARTS = ("live_danger", "live_calls")
SLOW_EVERY = 15
MOST_ALERTS = 12


def live_pages(
    app: web.Application, pages: Pages, services: Services, desk: Desk, standings: Standings
) -> None:
    """Add the pages."""
    watch = _Watch(services, desk, standings, Streams(app))
    app.router.add_get("/live", pages.inside(watch.show, CARRIER_ROLES))
    app.router.add_get("/live/events", pages.inside(watch.events, CARRIER_ROLES))
    app.router.add_post("/live/ads", pages.inside(watch.switch, frozenset({Role.OPS})))


class _Watch:
    def __init__(self, services: Services, desk: Desk, standings: Standings, streams: Streams) -> None:
        self._services = services
        self._desk = desk
        self._standings = standings
        self._calls = CallCounter(services, desk)
        self._streams = streams

    async def show(self, visit: Visit) -> web.StreamResponse:
        node = await self._desk.ask(visit, "ops_status")
        sessions = await self._desk.ask(visit, "list_sessions")
        columns = [list(column) for column in zip(*self._services.pulse.rates(), strict=True)]
        chart = {
            "data": columns or [[], [], []],
            "labels": [visit.word("notifications"), visit.word("ads")],
            "zone": self._services.settings().policy.default_timezone,
        }
        return visit.page(
            "live.html",
            node=node,
            sessions=sessions["items"],
            chart=chart,
            **await self._slow(visit),
        )

    async def switch(self, visit: Visit) -> web.StreamResponse:
        await self._desk.ask(visit, "switch_ads", body={"on": visit.form.get("on") == "yes"})
        return visit.go("/live")

    async def events(self, visit: Visit) -> web.StreamResponse:
        return await self._streams.send(visit, self._parts(visit))

    async def _parts(self, visit: Visit) -> AsyncGenerator[Mapping[str, Any], None]:
        sent = 0.0
        for tick in count():
            node = await self._desk.ask(visit, "ops_status")
            html = {name.replace("_", "-"): _part(visit, name, node=node) for name in PARTS}
            if tick % SESSIONS_EVERY == 0:
                sessions = await self._desk.ask(visit, "list_sessions")
                html["live-sessions"] = _part(visit, "live_sessions", sessions=sessions["items"])
            if tick % SLOW_EVERY == SLOW_EVERY - 1:
                slow = await self._slow(visit)
                html |= {name.replace("_", "-"): _part(visit, name, **slow) for name in SLOW_PARTS}
            points = [point for point in self._services.pulse.rates() if point[0] > sent]
            sent = points[-1][0] if points else sent
            yield {"html": html, "points": points}

    async def _slow(self, visit: Visit) -> dict[str, Any]:
        """Return what the parts show that change slowly: campaigns in danger, missed calls."""
        told: list[Alerted] = []
        if self._desk.allows(visit, "list_campaigns"):
            told = await alerts(
                visit, self._desk, self._standings, self._services.now(), states=RUNNING, receipts=False
            )
        calls = await self._calls.figures(visit)
        return {
            "alerts": told[:MOST_ALERTS],
            "more_alerts": len(told[MOST_ALERTS:]),
            "calls": calls,
            "tiles": TILES,
        }


def _part(visit: Visit, name: str, **context: Any) -> str:
    return aiohttp_jinja2.render_string(
        f"{name}.html", visit.request, {"visit": visit, "t": visit.word, **context}
    )


async def beat(services: Services, stand_ready: Callable[[], None], clock: Callable[[], float]) -> None:
    """Take the node's pulse each second until cancelled, and make ready; `clock` gives Unix seconds."""
    while True:
        if services.node is not None:
            services.pulse.take(services.node.workers(), clock())
        stand_ready()
        await asyncio.sleep(EVERY_S)
