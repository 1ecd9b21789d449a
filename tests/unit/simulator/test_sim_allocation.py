"""Simulated days of allocation: the rows, and the exchange with a judge outside."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.simulator.allocation.country import load_country
from adapters.simulator.allocation.exchange import ExchangeError, read_book, read_forecast, read_minutes

CAMPAIGN: dict[str, Any] = {
    "id": "a",
    "name": "a",
    "brand": "b",
    "class": "standard",
    "creatives": [{"text": "Compra hoy"}],
    "target": {"include": [{"lada": "55"}]},
    "starts_at": "2026-11-24T00:00:00-06:00",
    "ends_at": "2026-11-25T00:00:00-06:00",
    "quantity": 3,
}
FORECAST = "hour,lada,municipality,room,count\n2026-11-24T09:00:00-06:00,55,,95,40\n"
MINUTES = """\
# 2026-11-24T09:00:00-06:00
55,,95
55,,95
33,,95

# 2026-11-24T09:01:00-06:00

# 2026-11-24T09:02:00-06:00
55,,95
55,,95
55,,5

"""


def outside(tmp_path: Path, *books: dict[str, Any]) -> list[str]:
    """Write the files of a judge; return the options that name them."""
    (tmp_path / "book.json").write_text(json.dumps(books))
    (tmp_path / "forecast.csv").write_text(FORECAST)
    return ["--book", str(tmp_path / "book.json"), "--forecast", str(tmp_path / "forecast.csv")]


def run(*options: str, stdin: str = "") -> Any:
    """Run the command."""
    return CliRunner().invoke(app, ["simulate", "allocation", *options], input=stdin, catch_exceptions=False)


def test_minutes_are_decided_as_they_come(tmp_path: Path) -> None:
    """A line a notification, a block a minute, an exact stop, and nobody where nothing fits."""
    eager = {**CAMPAIGN, "pacing": "asap"}
    done = run(*outside(tmp_path, eager), "--arrivals", "-", "--decisions", "-", stdin=MINUTES)
    assert done.exit_code == 0
    assert done.stdout == "a\na\n-\n\n\na\n-\n-\n\n"


def test_a_booking_counts_from_when_it_is_known(tmp_path: Path) -> None:
    """`at` and `cancel_at` bound what the planner knows."""
    late = {**CAMPAIGN, "pacing": "asap", "at": "2026-11-24T09:02:00-06:00"}
    gone = {**CAMPAIGN, "id": "z", "pacing": "asap", "cancel_at": "2026-11-24T09:01:00-06:00"}
    options = outside(tmp_path, late, gone)
    done = run(*options, "--arrivals", "-", "--decisions", "-", stdin=MINUTES)
    assert done.stdout == "z\nz\n-\n\n\na\na\n-\n\n"


def test_house_takes_what_is_left(tmp_path: Path) -> None:
    """Without a quantity it serves after the others, without end, and counts nowhere."""
    house = {**CAMPAIGN, "id": "h", "class": "house", "quantity": None}
    options = outside(tmp_path, {**CAMPAIGN, "pacing": "asap"}, house)
    (tmp_path / "minutes").write_text(MINUTES)
    out = tmp_path / "out"
    done = run(*options, "--arrivals", str(tmp_path / "minutes"), "--decisions", str(out), "--json")
    assert sorted(out.read_text().split()) == ["-", "-", "a", "a", "a", "h"]
    assert json.loads(done.stdout)["rows"][0]["over_delivery"] == 0


def test_files_are_measured(tmp_path: Path) -> None:
    """With files for both, the row says how near to the optimum it came."""
    (tmp_path / "minutes").write_text(MINUTES)
    options = outside(tmp_path, {**CAMPAIGN, "pacing": "asap"})
    out = tmp_path / "out"
    done = run(*options, "--arrivals", str(tmp_path / "minutes"), "--decisions", str(out), "--json")
    [row] = json.loads(done.stdout)["rows"]
    assert (row["algorithm"], row["optimum_share_min"], row["over_delivery"]) == ("posdata", 1.0, 0)
    assert out.read_text().split() == ["a", "a", "-", "a", "-", "-"]


@pytest.mark.parametrize(
    ("text", "part"),
    [("x", "first line"), ("hour,lada,municipality,room,count\n1,55,,9,1\n", ":2:"), ("", "first line")],
)
def test_a_bad_forecast_is_named(tmp_path: Path, text: str, part: str) -> None:
    """What is wrong is said with its line."""
    (tmp_path / "f").write_text(text)
    with pytest.raises(ExchangeError, match=part):
        read_forecast(tmp_path / "f", load_country())


def test_a_bad_book_and_bad_minutes_are_named(tmp_path: Path) -> None:
    """So are a campaign that is none, two of one id, and a line that is no notification."""
    country = load_country()
    for books, part in (([{**CAMPAIGN, "quantity": 0}], "quantity"), ([CAMPAIGN, CAMPAIGN], "same id")):
        (tmp_path / "b").write_text(json.dumps(books))
        with pytest.raises(ExchangeError, match=part):
            read_book(tmp_path / "b", country)
    with pytest.raises(ExchangeError, match="arrivals:2"):
        list(read_minutes(io.StringIO("# 2026-11-24T09:00:00-06:00\nx\n\n"), country))


def test_options_that_do_not_go_together_are_usage(tmp_path: Path) -> None:
    """A book needs its forecast and arrivals, and an algorithm must be one."""
    assert run("--only", "luck").exit_code == 2
    assert run("--book", str(tmp_path / "b")).exit_code == 2
