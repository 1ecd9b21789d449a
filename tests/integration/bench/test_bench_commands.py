"""`posdata bench` in its shortest form: all is started, measured and told; how fast is not asked here."""

import json
import shutil
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.bench.node import ROLES
from adapters.bench.relay import NO_RELAY, PASSED, RAW, WITH_ADS
from adapters.cli.app import app

pytestmark = [
    pytest.mark.node,
    pytest.mark.postgres,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the generator is C"),
]


def bench(*arguments: str) -> Any:
    """Return the document of a bench."""
    result = CliRunner().invoke(app, ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_relays_and_peers_are_measured_in_one_run() -> None:
    """Each relay answers every request, a peer beside ours, and the node with campaigns inserts ads."""
    shortest = "--notifications 1000 --rounds 1 --full-seconds 0.2 --latency-seconds 0.2 --campaigns 5"
    told = bench("relay", *shortest.split(), "--peers", "aiosmpplib,smpp34")
    assert [row["name"].split(" ")[0] for row in told["relays"][4:]] == ["aiosmpplib", "smpp34"]
    assert [row["name"] for row in told["relays"][:4]] == [NO_RELAY, RAW, PASSED, WITH_ADS]
    assert all(row["refused"] == 0 and row["cpu_us"] > 0 and row["p50_ms"] > 0 for row in told["relays"])
    passed, ads = told["nodes"]
    assert passed["ads"] == 0
    assert 0 < ads["ads"] <= 1
    assert set(ads["cpu_us"]) == set(ROLES)
    assert {figure["figure"] for figure in told["asked"]} >= {"added p50, ms", "added p99, ms"}


def test_memory_is_sampled() -> None:
    """The first sample is taken after the warm-up, the last after every message was answered."""
    told = bench("memory", "--campaigns", "5", "--messages", "2000", "--seconds", "5")["memory"]
    assert told["messages"] == 2000
    assert len(told["samples"]) >= 2
    assert all(0 < sample["pss"] <= sample["rss"] for sample in told["samples"])
    assert told["relative"]["min"] <= told["relative"]["last"] <= told["relative"]["max"]
