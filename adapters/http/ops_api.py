"""`ops/…`: how the node is right now, its sessions, and the switch that takes all ads off."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from adapters.files.node_status import ads_are_off, switch_ads
from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.metrics.node_figures import WorkerMemory
from adapters.postgres.pool import DATABASE_AWAY
from adapters.postgres.switches import PostgresSwitches
from engine.access import CARRIER_ROLES, Role

OPERATORS = frozenset({Role.OPS})
RECENT_S = 10
# Workers confirm within a second; a node that beats less often than this is not waited for.
CONFIRM_S = 2.0
LOOK_S = 0.05
SEEN_WITHIN = timedelta(seconds=15)


class AdsSwitch(Shape):
    """Whether ads may be inserted at all, on every node."""

    on: bool


class NodeWord(Shape):
    """A node, and whether all its workers act on the switch."""

    name: str
    confirmed: bool


class AdsAnswer(Shape):
    """The switch as it is now, and which nodes act on it."""

    on: bool
    nodes: list[NodeWord]


class Status(Shape):
    """A node as it is: rates a second over the last seconds, latencies in seconds, ages in seconds."""

    node: str
    mode: Literal["insert", "observe", "bypass"]
    share: float
    ads_on: bool | None
    notifications_per_s: float
    ads_per_s: float
    ours_p50_s: float | None
    ours_p99_s: float | None
    answer_p50_s: float | None
    answer_p99_s: float | None
    sessions: int
    workers: list[dict[str, Any]]
    routes: list[dict[str, Any]]
    pass_through: dict[str, int]
    nodes: list[dict[str, Any]]


class SessionList(Shape):
    """Live sessions, and the workers that did not answer."""

    items: list[dict[str, Any]]
    silent: list[int]


def ops_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    example = {"on": False}
    return [
        Operation("GET", "/ops/status", "ops_status", "Tell how the node is right now.", "ops",
                  desk.status, roles=CARRIER_ROLES, answer=Status),
        Operation("GET", "/ops/sessions", "list_sessions", "List the live SMPP sessions.", "ops",
                  desk.sessions, roles=CARRIER_ROLES, answer=SessionList),
        Operation("POST", "/ops/ads", "switch_ads", "Switch ads on or off, on every node.", "ops",
                  desk.switch, roles=OPERATORS, body=AdsSwitch, answer=AdsAnswer, example=example,
                  answer_example={"on": False, "nodes": [{"name": "relay-1", "confirmed": True}]}),
    ]  # fmt: skip


class _Desk:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def status(self, _: Call[NoQuery, None]) -> Answer:
        workers = self._workers()
        rate, ads = self._services.pulse.recently(RECENT_S)
        ours50, answer50 = self._services.pulse.latency(0.5, RECENT_S)
        ours99, answer99 = self._services.pulse.latency(0.99, RECENT_S)
        settings = self._services.settings()
        nodes, ads_on = await self._nodes()
        passed: dict[str, int] = {}
        for worker in workers:
            for reason, count in worker.figures.passed.items():
                passed[reason] = passed.get(reason, 0) + count
        routes = [route for worker in workers for route in _routes(worker)]
        return Answer(
            {
                "node": settings.node.name,
                "mode": settings.relay.mode,
                "share": settings.ads.share,
                "ads_on": ads_on,
                "notifications_per_s": round(rate, 1),
                "ads_per_s": round(ads, 1),
                "ours_p50_s": ours50,
                "ours_p99_s": ours99,
                "answer_p50_s": answer50,
                "answer_p99_s": answer99,
                "sessions": sum(route["sessions"] for route in routes),
                "workers": [_worker(worker, time.monotonic()) for worker in workers],
                "routes": routes,
                "pass_through": dict(sorted(passed.items(), key=lambda item: -item[1])),
                "nodes": nodes,
            }
        )

    async def sessions(self, _: Call[NoQuery, None]) -> Answer:
        if self._services.node is None:
            return Answer({"items": [], "silent": []})
        try:
            live = await self._services.node.sessions()
        except TimeoutError:
            raise ProblemError(
                "unavailable", es="el proceso de control no responde", en="control does not answer"
            ) from None
        return Answer({"items": [each.model_dump() for each in live.sessions], "silent": list(live.silent)})

    async def switch(self, call: Call[NoQuery, AdsSwitch]) -> Answer:
        """Switch this node first, which needs no database, then every other by the database."""
        on, data_dir = call.body.on, self._services.data_dir
        if data_dir is not None:
            await asyncio.to_thread(switch_ads, data_dir, on=on)
        try:
            switches = PostgresSwitches(self._services.pool)
            version = await switches.ads(on=on, by=call.principal.name, now=self._services.now())
            return Answer({"on": on, "nodes": await self._confirmed(switches, version)})
        except DATABASE_AWAY:
            raise ProblemError(
                "unavailable",
                es="este nodo ya cambió; los demás no lo saben: repítalo cuando responda la base de datos",
                en="this node has switched; no other was told: repeat it when the database answers",
                headers={"Retry-After": "2"},
            ) from None

    async def _confirmed(self, switches: PostgresSwitches, version: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + CONFIRM_S
        while True:
            since = self._services.now() - SEEN_WITHIN
            nodes = [node for node in await switches.nodes() if node.seen_at >= since]
            words = [{"name": node.name, "confirmed": node.confirmed >= version} for node in nodes]
            if all(word["confirmed"] for word in words) or time.monotonic() > deadline:
                return words
            await asyncio.sleep(LOOK_S)

    async def _nodes(self) -> tuple[list[dict[str, Any]], bool | None]:
        """Return every node's last word and the switch; nothing of the others while the database is away."""
        data_dir = self._services.data_dir
        off_here = data_dir is not None and ads_are_off(data_dir)
        try:
            switches = PostgresSwitches(self._services.pool)
            now, current = self._services.now(), await switches.read()
            nodes = [
                {
                    "name": node.name,
                    "seen_s": round(max(0.0, (now - node.seen_at).total_seconds()), 1),
                    "confirmed": node.confirmed >= current.version,
                }
                for node in await switches.nodes()
            ]
        except DATABASE_AWAY:
            return [], False if off_here else None
        return nodes, current.ads_on and not off_here

    def _workers(self) -> Sequence[WorkerMemory]:
        return () if self._services.node is None else self._services.node.workers()


def _worker(worker: WorkerMemory, now: float) -> dict[str, Any]:
    figures, silence = worker.figures, now - worker.heard_at
    return {
        "worker": worker.worker,
        "gate": figures.gate,
        "bypass": figures.bypass,
        "restarts": worker.lives - 1,
        "silence_s": round(silence, 1),
        "plan_age_s": None if figures.plan_age_s is None else round(figures.plan_age_s + silence, 1),
        "lease_age_s": None if figures.lease_age_s is None else round(figures.lease_age_s + silence, 1),
        "journal_bytes": figures.journal_octets,
        "journal_full": figures.journal_full,
        "unsettled": worker.unsettled,
        "unsettled_s": 0.0 if worker.behind_since is None else round(now - worker.behind_since, 1),
    }


def _routes(worker: WorkerMemory) -> list[dict[str, Any]]:
    return [
        {"worker": worker.worker, "route": name, "sessions": route.sessions}
        for name, route in worker.figures.routes.items()
    ]
