"""The figures: how long the API takes beside a busy relay, and how long the relay takes beside the API."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from statistics import median

from adapters.bench.load import LoadError, Order, Sent, awake
from adapters.bench.process import family, unpin, urgent
from adapters.bench.relay import Bench, benched
from tests.http_figures.client import Client
from tests.http_figures.world import World, settled, world

WINDOW = 100
BINDS = 4
# So many notifications leave a bind at once: one by one, the load itself would take most of a small machine.
TOGETHER = 10
WARM_UP_S = 2.0
GROUPINGS = ("day", "hour", "state", "municipality", "lada", "creative")

# Asked (the project's promise for the API): milliseconds at the 99th percentile.
TEXT_CHECK_MS = 5.0
LIST_MS = 100.0
REPORT_MS = 300.0
# Unhurt: what a neighbour of any kind may add to the relay's p99.
RELAY_FACTOR = 1.25
RELAY_EXTRA_MS = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: rounds of so many seconds without and with requests; both rates, a second."""

    rate: float = 10_000
    rounds: int = 3
    seconds: float = 30.0
    asking: float = 10.0


@dataclass(slots=True)
class Asked:
    """One kind of request, what its p99 may be, and how long each took, in seconds."""

    name: str
    bound_ms: float
    share: int
    requests: Iterator[tuple[str, str, bytes | None]]
    took: list[float] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        """The 99th percentile."""
        return quantile(self.took, 0.99) * 1e3


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures; the relay's calm and busy rounds in pairs; how much of a core each role took when busy."""

    asked: Sequence[Asked]
    calm: Sequence[Sent]
    busy: Sequence[Sent]
    cpu: Mapping[str, float]

    @property
    def calm_ms(self) -> float:
        """The relay's p99 by itself."""
        return median(each.p99_us for each in self.calm) / 1e3

    @property
    def busy_ms(self) -> float:
        """The relay's p99 beside requests."""
        return median(each.p99_us for each in self.busy) / 1e3

    @property
    def relay_bound_ms(self) -> float:
        """What the relay's p99 may be beside requests."""
        return max(RELAY_FACTOR * self.calm_ms, self.calm_ms + RELAY_EXTRA_MS)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def measure(plan: Plan, told: Callable[[str], None]) -> Measured:
    """Measure in turns, so that a busy machine meets both alike. Raises `LoadError`."""
    async with benched() as bench:
        told("booking 10,000 campaigns and counting a month")
        async with world(bench) as made:
            # Only the load and the worker keep a core to themselves: whoever asks, and who answers, run where
            # there is room, as they do without a load on the same machine.
            unpin(set(family(made.node.pid)) - set(made.node.workers))
            asked = _questions(made)
            order = Order(WINDOW, int(plan.rate * plan.seconds), plan.rate, BINDS, together=TOGETHER)
            await bench.send(made.node.port, replace(order, count=int(plan.rate * WARM_UP_S)))
            await asyncio.to_thread(_visit, made, asked)
            calm, busy = [], []
            cpu: Counter[str] = Counter()
            for turn in range(plan.rounds):
                told(f"the relay alone, round {turn + 1} of {plan.rounds}")
                calm.append(await _relayed(bench, made, order))
                told(f"the relay beside requests, round {turn + 1} of {plan.rounds}")
                before, began = made.node.cpu(), time.monotonic()
                busy.append(await _beside(bench, made, order, asked, 1 / plan.asking))
                for role, seconds in made.node.cpu().items():
                    cpu[role] += (seconds - before[role]) / (time.monotonic() - began) / plan.rounds
    return Measured(asked, calm, busy, cpu)


async def _relayed(bench: Bench, made: World, order: Order) -> Sent:
    await settled(made.node)
    with urgent([bench.sink_pid, *made.node.workers]):
        async with awake(bench.program):
            sent = await bench.send(made.node.port, order)
    if not sent.count:
        raise LoadError("the relay answered nothing")
    return sent


async def _beside(bench: Bench, made: World, order: Order, asked: Sequence[Asked], every_s: float) -> Sent:
    """Send notifications and ask meanwhile, one request at a time, until the notifications are sent."""
    over: list[bool] = []
    asking = asyncio.create_task(asyncio.to_thread(_ask, made, asked, over, every_s))
    try:
        return await _relayed(bench, made, order)
    finally:
        over.append(True)
        await asking


def _ask(made: World, asked: Sequence[Asked], over: list[bool], every_s: float) -> None:
    turns = [each for each in asked for _ in range(each.share)]
    keys = cycle(made.keys)
    due = time.perf_counter()
    with Client(made.address) as client:
        for each in cycle(turns):
            if over:
                break
            due += every_s
            if (early_s := due - time.perf_counter()) > 0:
                time.sleep(early_s)
            else:
                due -= early_s
            took = _answered(client, made, next(each.requests), next(keys))
            if took is None:
                time.sleep(1)
            else:
                each.took.append(took)


def _visit(made: World, asked: Sequence[Asked]) -> None:
    """Ask once for each kind, which is not counted: what a process reads for its first visitors."""
    with Client(made.address) as client:
        for each in asked:
            _answered(client, made, next(each.requests), made.keys[0])


def _answered(client: Client, made: World, request: tuple[str, str, bytes | None], key: str) -> float | None:
    """Return how many seconds an answer took; None where it was that too much is asked."""
    method, path, body = request
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if not path.startswith("/api/"):
        headers = {"Cookie": made.cookie}
    answer = client.ask(method, path, headers, body)
    if answer.status not in {200, 429}:
        raise LoadError(f"{path}: {answer.status} {answer.body[:300].decode()}")
    return answer.took if answer.status == 200 else None


def _questions(made: World) -> list[Asked]:
    return [
        Asked("text check", TEXT_CHECK_MS, 6, _texts()),
        Asked("list of 10,000 campaigns", LIST_MS, 1, _listed("/api/v1/campaigns?limit=50")),
        Asked("the same, 200 a page", LIST_MS, 1, _listed("/api/v1/campaigns?limit=200")),
        Asked("the same, searched", LIST_MS, 1, _listed("/api/v1/campaigns?q=campaign%20{n}")),
        Asked("the console's list", LIST_MS, 1, _listed("/campaigns")),
        Asked("report, 30 days × 400 LADAs", REPORT_MS, 2, _reports(made.reported)),
    ]


def _texts() -> Iterator[tuple[str, str, bytes | None]]:
    number = 0
    while True:
        number += 1
        text = f"Buen Fin en tienda sol, {number % 90} de descuento. Marca 5512345678"
        if number % 3 == 0:
            text = f"¡Gran oferta {number}! www.tienda.example/a?b={number} llama ya 55 1234 5678 y gana"
        document = {"text": text, "target": {"include": [{"state": "MX-JAL"}], "exclude": []}}
        yield "POST", "/api/v1/texts/check", json.dumps(document).encode()


def _listed(path: str) -> Iterator[tuple[str, str, bytes | None]]:
    number = 0
    while True:
        number += 37
        yield "GET", path.replace("{n}", str(number % 10_000)), None


def _reports(campaign: str) -> Iterator[tuple[str, str, bytes | None]]:
    for by in cycle(GROUPINGS):
        yield "GET", f"/api/v1/campaigns/{campaign}/report?by={by}", None
