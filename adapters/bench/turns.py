"""Nodes that take turns at full speed or a fixed rate: what a notification costs each, who got an ad."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from adapters.bench.load import Order
from adapters.bench.node import Node
from adapters.bench.process import cpu_seconds
from adapters.bench.relay import Bench, Plan


@dataclass(frozen=True, slots=True)
class Turns:
    """Of one node: medians of its rounds, and what came of all their notifications.

    CPU of its workers in microseconds per notification, notifications a second; the share that got an ad,
    and why others got none, since the node's start.
    """

    us: float
    rate: float
    ads: float
    reasons: Mapping[str, int]


async def one_round(bench: Bench, plan: Plan, node: Node, rate: float = 0) -> tuple[float, float]:
    """Return microseconds of the workers' CPU per notification, and notifications a second; 0: full speed."""
    before = sum(map(cpu_seconds, node.workers))
    count, seconds = plan.notifications // plan.rounds, plan.full_seconds / plan.rounds
    if rate:
        count = max(1, min(count, int(rate * seconds)))
    sent = await bench.send(node.port, Order(plan.window, count, rate, plan.binds, seconds))
    return 1e6 * (sum(map(cpu_seconds, node.workers)) - before) / sent.count, sent.rate


async def in_turns(
    bench: Bench,
    plan: Plan,
    nodes: Sequence[Node],
    name: str,
    told: Callable[[str], None],
    rate: float = 0,
) -> list[Turns]:
    """Measure nodes round by round, so that a busy neighbour of the machine meets them all alike."""
    before = [await node.when(lambda figures: figures.settled) for node in nodes]
    rounds: list[list[tuple[float, float]]] = [[] for _ in nodes]
    for turn in range(plan.rounds):
        told(f"{name}, round {turn + 1} of {plan.rounds}")
        for node, each in zip(nodes, rounds, strict=True):
            each.append(await one_round(bench, plan, node, rate))
    after = [await node.when(lambda figures: figures.settled) for node in nodes]
    found = []
    for each, early, late in zip(rounds, before, after, strict=True):
        us, rate = map(median, zip(*each, strict=True))
        ads = (late.ads - early.ads) / (late.notifications - early.notifications)
        found.append(Turns(us, rate, ads, late.reasons))
    return found
