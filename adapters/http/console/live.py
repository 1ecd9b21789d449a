"""The operations page: the node as it is right now, sent on by server-sent events; the switch for ads."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp_jinja2
from aiohttp import web

from adapters.http.console.alerts import RUNNING, Alerted, alerts
from adapters.http.console.call_figures import CallCounter
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.places import TILES
from adapters.http.console.standing import Standings
from adapters.http.console.visit import HEADERS, Visit
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from engine.access import CARRIER_ROLES, Role

EVERY_S = 1.0
# What is sent again each time; the sessions, which workers have to be asked for, less often.
PARTS = ("live_glance", "live_workers", "live_reasons", "live_switch")
SESSIONS_EVERY = 3
SLOW_PARTS = ("live_danger", "live_calls")
SLOW_EVERY = 15
MOST_ALERTS = 12
# A stream ends by itself, so that a session that was closed meanwhile is noticed; the browser comes back.
LONGEST_S = 120
MOST_STREAMS = 50


def live_pages(
    app: web.Application, pages: Pages, services: Services, desk: Desk, standings: Standings
) -> None:
    """Add the pages."""
    watch = _Watch(services, desk, standings)
    app.router.add_get("/live", pages.inside(watch.show, CARRIER_ROLES))
    app.router.add_get("/live/events", pages.inside(watch.events, CARRIER_ROLES))
    app.router.add_post("/live/ads", pages.inside(watch.switch, frozenset({Role.OPS})))
    app.on_shutdown.append(watch.end)


class _Watch:
    def __init__(self, services: Services, desk: Desk, standings: Standings) -> None:
        self._services = services
        self._desk = desk
        self._standings = standings
        self._calls = CallCounter(services, desk)
        self._streams: set[asyncio.Task[Any]] = set()

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
        if len(self._streams) >= MOST_STREAMS:
            raise ProblemError("too_many", headers={"Retry-After": "10"})
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled in a task")
        self._streams.add(task)
        try:
            return await self._stream(visit)
        finally:
            self._streams.discard(task)

    async def _stream(self, visit: Visit) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
        )
        await response.prepare(visit.request)
        sent = 0.0
        for tick in range(int(LONGEST_S / EVERY_S)):
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
            data = json.dumps({"html": html, "points": points})
            await response.write(f"event: parts\ndata: {data}\n\n".encode())
            await asyncio.sleep(EVERY_S)
        return response

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

    async def end(self, _: web.Application) -> None:
        """End all streams, so that a node that stops need not wait for them."""
        for task in self._streams:
            task.cancel()


def _part(visit: Visit, name: str, **context: Any) -> str:
    return aiohttp_jinja2.render_string(
        f"{name}.html", visit.request, {"visit": visit, "t": visit.word, **context}
    )


async def beat(services: Services, clock: Callable[[], float]) -> None:
    """Take the node's pulse each second until cancelled; `clock` gives Unix seconds."""
    while True:
        if services.node is not None:
            services.pulse.take(services.node.workers(), clock())
        await asyncio.sleep(EVERY_S)
