"""What is asked of the figures: ratios are taken between the right rows, bounds on the right side."""

import pytest
from typer.testing import CliRunner

from adapters.bench.asked import memory_figures, relay_figures, rules_figures, workers_figures
from adapters.bench.memory import Memory, Sample
from adapters.bench.node import Figures
from adapters.bench.relay import NO_RELAY, PASSED, RAW, WITH_ADS, Measured, Missing, Row, WholeNode
from adapters.bench.rules import Rules, Weighed
from adapters.bench.workers import Workers
from adapters.cli.app import app
from adapters.cli.bench_report import Report, document, show

METRICS = """# TYPE posdata_pdus_total counter
posdata_pdus_total{command="submit_sm",route="a",sender="platform",status="",worker="0"} 40.0
posdata_pdus_total{command="submit_sm_resp",route="a",sender="smsc",status="0x00",worker="0"} 39.0
posdata_pdus_total{command="submit_sm",route="a",sender="platform",status="",worker="1"} 2.0
posdata_insertions_total{worker="0"} 30.0
posdata_pass_through_total{worker="0",reason="cap_busy"} 2.0
posdata_pass_through_total{worker="1",reason="cap_busy"} 3.0
posdata_unsettled_frames{worker="0"} 1.0
posdata_database_up 1.0
"""


def row(name: str, cpu_us: float, rate: float, p50_ms: float, p99_ms: float) -> Row:
    """Return a row with nothing refused."""
    return Row(name, cpu_us, 0.9, rate, p50_ms, p99_ms, 0)


MEASURED = Measured(
    [
        row(NO_RELAY, 0.1, 1e6, 0.1, 0.2),
        row(RAW, 0.2, 1e6, 0.2, 0.5),
        row(PASSED, 3.2, 2e5, 0.3, 0.9),
        row(WITH_ADS, 5.8, 1e5, 0.375, 1.0),
        row("slow 1.0", 100, 1e4, 1, 2),
        row("fast 2.0", 9, 2e4, 1, 2),
    ],
    [
        WholeNode(
            WITH_ADS, 1e5, 0.99, {"supervisor": 1, "workers": 5, "control": 2, "HTTP": 1, "PostgreSQL": 1}
        )
    ],
    [Missing("node-smpp", "needs node and npm")],
)
MEMORY = Memory(5000, 1000, 1e4, [Sample(0, 100, 90), Sample(3, 99, 90), Sample(6, 103, 91)])
WORKERS = Workers(4, [2, 2], 10, 11, 1e5, 1.8e5, (1, 1))


def held(figures: object) -> dict[str, bool]:
    """Return which figures hold, by name."""
    assert isinstance(figures, list)
    return {each.name: each.holds for each in figures}


def test_relays_are_held_against_the_raw_one_and_the_peers() -> None:
    """CPU and latency against the raw relay's row, the rate against each peer's."""
    assert held(relay_figures(MEASURED)) == {
        "CPU with an ad, × raw relay": True,
        "CPU passed, × raw relay": False,
        "rate with ads, × slow 1.0": True,
        "rate with ads, × fast 2.0": False,
        "added p50, ms": False,
        "added p99, ms": True,
    }


def test_workers_and_memory_are_held_against_their_own_first() -> None:
    """Two workers against one, the later samples against the first, in both directions."""
    assert all(held(workers_figures(WORKERS)).values())
    assert list(held(memory_figures(MEMORY)).values()) == [True, False]
    assert list(held(workers_figures(Workers(4, [3, 1], 10, 12, 1, 1, (1, 1)))).values()) == [False, False]


def test_a_missing_peer_is_told_in_words_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has no node reads that it was not installed, and all other figures."""
    report = Report(MEASURED, WORKERS, MEMORY)
    show(report)
    out = capsys.readouterr().out
    assert "node-smpp: not installed" in out
    assert "node-smpp: needs node and npm" in out
    assert out.count("does not hold") == 4
    told = document(report)
    assert told["not_installed"] == [{"name": "node-smpp", "reason": "needs node and npm"}]
    assert told["relays"][5]["posdata_times"] == 5
    assert told["workers"]["ratio"] == pytest.approx(1.1)
    assert len(told["asked"]) == 10


def test_metrics_are_read_by_name_and_label() -> None:
    """Only requests of platforms are notifications, of all workers together."""
    figures = Figures(METRICS)
    assert (figures.notifications, figures.ads, figures.settled) == (42, 30, False)
    assert figures.each("posdata_database_up") == [1]
    assert figures.reasons == {"cap_busy": 5}


def test_a_peer_nobody_knows_is_refused() -> None:
    """The line names the peers there are."""
    result = CliRunner().invoke(app, ["bench", "relay", "--peers", "jasmin"])
    assert result.exit_code == 2
    assert "smpp34, node-smpp, aiosmpplib, none; not 'jasmin'" in result.stderr


def test_all_rules_are_held_against_none() -> None:
    """Rules may cost a quarter more CPU at any rate; the report shows the multiples and who got ads."""
    burst, most = Weighed(10_000, (4.0, 5.0), (1.0, 0.97)), Weighed(0, (4.0, 5.1), (0.9, 0.97))
    found = Rules(6, (burst, most))
    assert held(rules_figures(found)) == {
        "CPU with all rules, × without, 10,000/s": True,
        "CPU with all rules, × without, full speed": False,
    }
    told = document(Report(rules=found))["rules"]
    assert [(each["rate"], each["ratio"], each["ads"]) for each in told["weighed"]] == [
        (10_000, 1.25, (1.0, 0.97)),
        (0, 1.275, (0.9, 0.97)),
    ]
