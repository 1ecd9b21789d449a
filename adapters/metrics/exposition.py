"""`/metrics` in Prometheus' text format, from what control knows at the moment."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.metrics.answer_figures import OPEN, OUTCOMES, STOCKS, AnswerFigures
from adapters.metrics.families import FAMILIES, Family
from adapters.metrics.histogram import BOUNDS_S
from adapters.metrics.node_figures import NodeFigures, WorkerMemory
from adapters.processes.messages import RouteFigures, Seconds
from adapters.smpp.commands import command_name, status_name

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LE = [*(str(bound) for bound in BOUNDS_S), "+Inf"]


@dataclass(frozen=True, slots=True)
class NodeState:
    """What control knows of the node as a whole; `unmatched` counts receipts by route."""

    workers: int
    workers_configured: int
    relay: bool
    database: bool
    ads: bool
    cdr: bool
    journal_disk_bytes: int
    data_dir_free_bytes: int
    began_at: float
    unmatched: Mapping[str, int] = field(default_factory=dict)
    answers: AnswerFigures = field(default_factory=AnswerFigures)


class Exposition:
    """Writes all metrics; `state` and `now` (monotonic seconds) are asked at each scrape."""

    def __init__(self, node: NodeFigures, state: Callable[[], NodeState], now: Callable[[], float]) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_NodeCollector(node, state, now))

    def text(self) -> bytes:
        """Return the document."""
        return generate_latest(self._registry)


class _Samples:
    """Samples by metric, in the order of the table."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[tuple[list[str], float]]] = defaultdict(list)
        self._seconds: defaultdict[str, list[tuple[list[str], Seconds]]] = defaultdict(list)

    def add(self, name: str, value: float | None, *labels: object) -> None:
        """Add a sample; one that is not known is left out."""
        if value is not None:
            self._values[f"posdata_{name}"].append(([str(label) for label in labels], value))

    def add_seconds(self, name: str, seconds: Seconds, *labels: object) -> None:
        """Add a histogram."""
        self._seconds[f"posdata_{name}"].append(([str(label) for label in labels], seconds))

    def families(self) -> Iterator[Metric]:
        """Yield every metric of the table."""
        for family in FAMILIES:
            if family.kind == "histogram":
                yield self._histogram(family)
                continue
            kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
            metric = kind(family.name, family.sentence, labels=family.labels)
            for labels, value in self._values[family.name]:
                metric.add_metric(labels, value)
            yield metric

    def _histogram(self, family: Family) -> Metric:
        metric = HistogramMetricFamily(family.name, family.sentence, labels=family.labels)
        for labels, seconds in self._seconds[family.name]:
            buckets = list(zip(_LE, map(float, accumulate(seconds.buckets)), strict=True))
            metric.add_metric(labels, buckets, seconds.total_s)
        return metric


class _NodeCollector(Collector):
    """What prometheus_client asks at a scrape."""

    def __init__(self, node: NodeFigures, state: Callable[[], NodeState], now: Callable[[], float]) -> None:
        self._node = node
        self._state = state
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics."""
        samples = _Samples()
        now = self._now()
        for worker in self._node.workers:
            _add_work(samples, worker)
            _add_health(samples, worker, now)
        _add_state(samples, self._state())
        yield from samples.families()


def _add_work(samples: _Samples, worker: WorkerMemory) -> None:
    """Add what a worker did."""
    number, figures = worker.worker, worker.figures
    for route, each in figures.routes.items():
        _add_route(samples, number, route, each)
    for reason, count in figures.passed.items():
        samples.add("pass_through_total", count, number, reason)
    samples.add("insertions_total", figures.inserted, number)
    for outcome, cause, count in figures.outcomes:
        samples.add("outcomes_total", count, number, outcome, cause)
    samples.add("refused_total", figures.refused, number)
    samples.add("internal_errors_total", figures.faults, number)
    samples.add("receipts_overasked_total", figures.overasked, number)
    samples.add("journal_bytes_total", figures.journal_octets, number)


def _add_route(samples: _Samples, worker: int, route: str, figures: RouteFigures) -> None:
    samples.add("sessions", figures.sessions, worker, route)
    samples.add("consumed_total", figures.consumed, worker, route)
    samples.add_seconds("relay_seconds", figures.ours, worker, route)
    samples.add_seconds("answer_seconds", figures.answer, worker, route)
    for state, count in figures.receipts:
        samples.add("receipts_total", count, worker, route, state)
    samples.add("receipts_swallowed_total", figures.swallowed, worker, route)
    counted: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for sender, command, status, count in figures.pdus:
        counted[sender, command_name(command), status_name(command, status)] += count
    for labels, count in counted.items():
        samples.add("pdus_total", count, worker, route, *labels)


def _add_health(samples: _Samples, worker: WorkerMemory, now: float) -> None:
    """Add how a worker is; ages go on while it is silent."""
    number, figures = worker.worker, worker.figures
    silence = now - worker.heard_at
    samples.add("worker_inserts", figures.gate is None and not figures.bypass, number)
    if figures.gate is not None:
        samples.add("worker_gate", 1, number, figures.gate)
    samples.add("worker_bypass", figures.bypass, number)
    samples.add("worker_restarts_total", worker.lives - 1, number)
    samples.add("worker_silence_seconds", silence, number)
    samples.add("plan_age_seconds", _older(figures.plan_age_s, silence), number)
    samples.add("lease_age_seconds", _older(figures.lease_age_s, silence), number)
    samples.add("journal_room", not figures.journal_full, number)
    samples.add("unsettled_frames", worker.unsettled, number)
    behind = worker.behind_since
    samples.add("unsettled_seconds", 0 if behind is None else now - behind, number)


def _add_state(samples: _Samples, state: NodeState) -> None:
    samples.add("workers", state.workers)
    samples.add("workers_configured", state.workers_configured)
    samples.add("relay_ready", state.relay)
    samples.add("database_up", state.database)
    samples.add("ads_ready", state.ads)
    samples.add("cdr_ready", state.cdr)
    samples.add("journal_disk_bytes", state.journal_disk_bytes)
    samples.add("data_dir_free_bytes", state.data_dir_free_bytes)
    samples.add("control_start_time_seconds", state.began_at)
    for route, receipts in state.unmatched.items():
        samples.add("receipt_unmatched_total", receipts, route)
    answers = state.answers
    for outcome in OUTCOMES:
        samples.add("answers_total", answers.outcomes[outcome], outcome)
    for name in OPEN:
        samples.add("answers_open", answers.open.get(name, 0), name)
    for level in STOCKS:
        samples.add("coupon_engagements", answers.stocks.get(level, 0), level)
    seconds = Seconds(buckets=tuple(answers.seconds.buckets), total_s=answers.seconds.total_s)
    samples.add_seconds("lead_answer_seconds", seconds)


def _older(age: float | None, by: float) -> float | None:
    return None if age is None else age + by
