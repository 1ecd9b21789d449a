"""docs/metrics.md and the rules say what there is: every metric and label, every alert, and nothing else."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.metrics.families import FAMILIES

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "metrics.md").read_text(encoding="utf-8")
RULES = DOCS / "prometheus" / "posdata.rules.yml"
PROMTOOL = shutil.which("promtool")
NAMES = {family.name: family for family in FAMILIES}
EVENTS = (DOCS / "operations.md").read_text(encoding="utf-8")


def rules() -> list[dict[str, Any]]:
    """Return the rules of every group."""
    document = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    assert set(document) == {"groups"}
    assert all(set(group) == {"name", "rules"} for group in document["groups"])
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_every_metric_has_its_row_and_every_row_its_metric() -> None:
    """Name, kind, labels and sentence, in the table's order."""
    rows = re.findall(r"^\| `(posdata_[a-z_]+)` \| (\w+) \| (.*?) \| (.*) \|$", PAGE, re.MULTILINE)
    wanted = [(f.name, f.kind, ", ".join(f"`{x}`" for x in f.labels), f.sentence) for f in FAMILIES]
    assert rows == wanted


def test_no_other_metric_is_named_on_the_page() -> None:
    """The running text names metrics that exist."""
    assert set(re.findall(r"posdata_[a-z_]+", PAGE)) == set(NAMES)


def test_every_alert_has_its_row_and_every_row_its_alert() -> None:
    """An operator finds each alert, what it means and what to do."""
    rows = re.findall(r"^\| `(Posdata\w+)` \| .+ \| .+ \|$", PAGE, re.MULTILINE)
    assert rows == [rule["alert"] for rule in rules()]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (Debian's package prometheus has it)")
def test_prometheus_own_checker_takes_the_rules() -> None:
    """`promtool check rules` finds nothing wrong with an expression or a template."""
    assert PROMTOOL is not None
    checked = subprocess.run(
        [PROMTOOL, "check", "rules", str(RULES)], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules())} rules found" in checked.stdout + checked.stderr


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_is_one_that_prometheus_loads_and_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    """Fields, durations, metric names and labels exist; its events are in docs/operations.md."""
    assert {"alert", "expr", "labels", "annotations"} <= set(rule) <= {
        "alert", "expr", "for", "labels", "annotations",
    }  # fmt: skip
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(rule["annotations"]) == {"summary", "see"}
    expression = rule["expr"]
    assert expression.count("(") == expression.count(")")
    named = re.findall(r"(posdata_[a-z_]+?)(_bucket)?(?:\{(.*?)\})?(?=[^a-z_{]|$)", expression)
    assert named
    for name, bucket, matchers in named:
        assert (NAMES[name].kind == "histogram") is bool(bucket)
        labels = set(re.findall(r"(\w+)=~?\"", matchers))
        assert labels <= set(NAMES[name].labels)
    allowed = {label for name, _, _ in named for label in NAMES[name].labels} | {"instance", "le"}
    for clause in re.findall(r"by \((.*?)\)", expression):
        assert set(clause.split(", ")) <= allowed
    used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
    assert used <= allowed
    events = re.findall(r"\b(?:alarm_[a-z_]+|session_ended|smsc_unreachable)\b", rule["annotations"]["see"])
    assert [event for event in events if f"`{event}`" not in EVENTS] == []
