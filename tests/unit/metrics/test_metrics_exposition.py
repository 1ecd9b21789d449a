"""What control exposes is what the workers told, and how old it is."""

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.metrics.answer_figures import AnswerFigures
from adapters.metrics.exposition import Exposition, NodeState
from adapters.metrics.families import FAMILIES
from adapters.metrics.histogram import BOUNDS_S, Histogram
from adapters.metrics.node_figures import NodeFigures
from adapters.processes.messages import Figures, RouteFigures, Seconds

STATE = NodeState(
    workers=1,
    workers_configured=2,
    relay=True,
    database=False,
    ads=True,
    cdr=True,
    journal_disk_bytes=4096,
    data_dir_free_bytes=10**9,
    began_at=1_764_000_000.0,
    unmatched={"principal": 1},
)


def seconds(*samples: float) -> Seconds:
    """Return a histogram of samples as a message has it."""
    histogram = Histogram()
    for sample in samples:
        histogram.observe(sample)
    return Seconds(buckets=tuple(histogram.buckets), total_s=histogram.total_s)


def figures(frames: int = 12, **changes: object) -> Figures:
    """Return one worker's figures."""
    route = RouteFigures(
        sessions=2,
        pdus=(
            ("platform", 4, 0, 7),
            ("platform", 4, 3, 1),
            ("smsc", 0x80000004, 0x58, 2),
            ("engine", 0x80000000, 2, 1),
            ("smsc", 0xDEADBEEF, 0, 1),
        ),
        ours=seconds(0.00004, 0.3, 100),
        answer=seconds(),
        receipts=(("delivered", 3), ("expired", 1)),
        swallowed=2,
        consumed=6,
    )
    told = Figures(
        routes={"principal": route},
        inserted=5,
        outcomes=(("accepted", "", 4), ("rejected", "status", 1)),
        passed={"no_room": 2},
        refused=0,
        faults=0,
        gate="deaf",
        bypass=False,
        frames=frames,
        journal_octets=4096,
        journal_full=False,
        plan_age_s=0.5,
        lease_age_s=None,
    )
    return told.model_copy(update=changes)


def samples(node: NodeFigures, now: float) -> dict[str, float]:
    """Return every sample, its name and labels as the text has them."""
    text = Exposition(node, lambda: STATE, lambda: now).text().decode()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def pdus(command: str, sender: str, status: str) -> str:
    """Return the name of one count of PDUs."""
    return f"posdata_pdus_total{{command={command},route=principal,sender={sender},status={status},worker=3}}"


def test_every_metric_of_the_table_is_exposed_with_its_labels() -> None:
    """A scraper meets each name, type and help, whatever there is to tell."""
    node = NodeFigures()
    node.heard(0, 1, figures(lease_age_s=1.0), 0.0)
    text = Exposition(node, lambda: STATE, lambda: 0.0).text().decode()
    told = {family.name: family for family in text_string_to_metric_families(text)}
    for family in FAMILIES:
        metric = told[family.name.removesuffix("_total")]
        assert (metric.type, metric.documentation) == (family.kind, family.sentence)
        assert metric.samples, family.name
        for sample in metric.samples:
            assert {label for label in sample.labels if label != "le"} == set(family.labels)


def test_what_a_worker_told_is_exposed() -> None:
    """Commands and statuses by name, strange ones together, requests without a status."""
    node = NodeFigures()
    node.heard(3, 1, figures(), 10.0)
    found = samples(node, 12.0)
    assert found[pdus("submit_sm", "platform", "")] == 8
    assert found[pdus("submit_sm_resp", "smsc", "0x58")] == 2
    assert found[pdus("generic_nack", "engine", "0x02")] == 1
    assert found[pdus("other", "smsc", "0x00")] == 1
    assert found["posdata_outcomes_total{cause=status,outcome=rejected,worker=3}"] == 1
    assert found["posdata_worker_gate{reason=deaf,worker=3}"] == 1
    assert found["posdata_worker_inserts{worker=3}"] == 0
    assert found["posdata_worker_silence_seconds{worker=3}"] == 2
    assert found["posdata_plan_age_seconds{worker=3}"] == 2.5
    assert "posdata_lease_age_seconds{worker=3}" not in found
    assert (found["posdata_database_up{}"], found["posdata_workers_configured{}"]) == (0, 2)


def test_a_histogram_is_cumulative() -> None:
    """Each bucket holds those below it; the last one all."""
    node = NodeFigures()
    node.heard(0, 1, figures(), 0.0)
    found = samples(node, 0.0)
    name = "posdata_relay_seconds"
    buckets = [found[f"{name}_bucket{{le={le},route=principal,worker=0}}"] for le in ("5e-05", "0.25", "0.5")]
    assert buckets == [1, 1, 2]
    assert found[f"{name}_bucket{{le=+Inf,route=principal,worker=0}}"] == 3
    assert found[f"{name}_count{{route=principal,worker=0}}"] == 3
    assert found[f"{name}_sum{{route=principal,worker=0}}"] == pytest.approx(100.30004)


def test_a_new_life_of_a_worker_is_a_restart() -> None:
    """Its figures replace the former ones."""
    node = NodeFigures()
    node.heard(0, 1, figures(), 0.0)
    node.heard(0, 1, figures(), 1.0)
    node.heard(0, 2, figures(inserted=1), 2.0)
    found = samples(node, 2.0)
    assert found["posdata_worker_restarts_total{worker=0}"] == 1
    assert found["posdata_insertions_total{worker=0}"] == 1


def test_a_journal_is_behind_until_what_was_told_is_settled() -> None:
    """The age begins when a frame is told of that is not settled, and ends when it is."""
    node = NodeFigures()

    def tell(now: float, frames: int, applied: int) -> tuple[float, float]:
        node.heard(0, 1, figures(frames=frames), now)
        node.settled(0, applied, now)
        found = samples(node, now + 0.5)
        return (
            found["posdata_unsettled_frames{worker=0}"],
            found["posdata_unsettled_seconds{worker=0}"],
        )

    assert tell(0, 10, 10) == (0, 0)
    assert tell(1, 20, 10) == (10, 0.5)
    assert tell(2, 30, 10) == (20, 1.5)
    assert tell(3, 40, 25) == (15, 0.5)
    assert tell(4, 40, 40) == (0, 0)


def test_every_bound_has_its_bucket() -> None:
    """A sample at a bound counts below it, one above all bounds is kept."""
    for index, bound in enumerate(BOUNDS_S):
        assert seconds(bound).buckets.index(1) == index
    assert seconds(10_000).buckets[-1] == 1


def test_answers_to_missed_calls_are_told_by_what_became_of_them() -> None:
    """Answered or not, how soon, what is owed, who runs out of coupons; one tried again is none yet."""
    answers = AnswerFigures()
    for state, waited_s in (("sent", 0.2), ("delivered", 2.0), ("failed", 9.0), ("due", 1.0)):
        answers.settled(state, waited_s)
    answers.open, answers.stocks = {"due": 4, "waiting": 2}, {"out": 1}
    state = replace(STATE, answers=answers)
    node = NodeFigures()
    node.heard(3, 1, figures(), 0.0)
    text = Exposition(node, lambda: state, lambda: 0.0).text().decode().splitlines()
    for line in (
        'posdata_consumed_total{route="principal",worker="3"} 6.0',
        'posdata_answers_total{outcome="answered"} 2.0',
        'posdata_answers_total{outcome="failed"} 1.0',
        'posdata_answers_total{outcome="unknown"} 0.0',
        'posdata_answers_open{state="waiting"} 2.0',
        'posdata_answers_open{state="sending"} 0.0',
        "posdata_lead_answer_seconds_count 2.0",
        'posdata_lead_answer_seconds_bucket{le="0.25"} 1.0',
        'posdata_coupon_engagements{stock="out"} 1.0',
        'posdata_coupon_engagements{stock="low"} 0.0',
    ):
        assert line in text, line
