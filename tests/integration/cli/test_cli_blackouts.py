"""`posdata blackouts`: on the national clock, with what is wrong told at once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.cli.app import app

pytestmark = pytest.mark.postgres


@pytest.fixture
def run(tmp_path: Path, postgres_dsn: str) -> Callable[..., Any]:
    """Return what runs a command on a migrated database."""
    config = tmp_path / "posdata.yaml"
    config.write_text(f"database: {json.dumps(postgres_dsn)}\n", encoding="utf-8")
    return lambda *words: CliRunner().invoke(app, ["blackouts", *words, "-c", str(config)])


def test_a_blackout_is_added_listed_and_withdrawn(run: Callable[..., Any]) -> None:
    """Dates and times without an offset are the national clock's; a category that nobody has is named."""
    span = ("--from", "2090-06-03", "--to", "2090-06-06T18:00")
    made = run(
        "add", "Veda", "--category", "politics", "--target", "MX-JAL", "--exclude", "33", *span, "--json"
    )
    assert made.exit_code == 0, made.stderr
    assert "politics" in made.stderr
    document = json.loads(made.stdout)
    assert (document["from"], document["to"]) == ("2090-06-03T00:00:00-06:00", "2090-06-06T18:00:00-06:00")
    assert json.loads(run("list", "--json").stdout) == [document]
    assert "Veda" in run("list").stdout
    assert "withdrawn" in run("withdraw", document["id"]).stdout
    assert run("withdraw", document["id"]).exit_code == 1
    assert run("withdraw", "nobody").exit_code == 1
    assert run("list").stdout == "no blackouts\n"
    assert len(json.loads(run("list", "--all", "--json").stdout)) == 1


def test_what_is_wrong_is_usage(run: Callable[..., Any]) -> None:
    """A place that nobody knows, an end before the beginning, words that are none."""
    for words in (
        ("Veda", "--target", "MX-XX", "--from", "2090-06-03", "--to", "2090-06-04"),
        ("Veda", "--from", "2090-06-03", "--to", "2090-06-01"),
        (" ", "--from", "2090-06-03", "--to", "2090-06-04"),
        ("Veda", "--from", "mañana", "--to", "2090-06-04"),
    ):
        assert run("add", *words).exit_code == 2
