"""`posdata lookup`: one number in, who it is out, or why it is nobody."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from adapters.cli.lookup import lookup_command

FIXTURE = Path(__file__).parents[3] / "fixtures" / "numbering" / "ranges.csv"


def lookup(*arguments: str) -> Result:
    """Run the command alone."""
    app = typer.Typer()
    app.command()(lookup_command)
    return CliRunner().invoke(app, arguments)


@pytest.mark.parametrize(
    "number", ["5501234567", "+5215501234567", "55 0123 4567", "(55) 0123-4567", "044 55 0123 4567"]
)
def test_json_is_the_contract(number: str) -> None:
    """One document of exactly the contract's keys on stdout, however a person typed the number."""
    result = lookup(number, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "subscriber": "5501234567",
        "lada": "55",
        "municipality": None,
        "state": "MX-CMX",
        "timezone": "America/Mexico_City",
        "decided_by": "lada",
    }
    assert result.stderr == ""


def test_a_given_range_decides_first() -> None:
    """With --ranges the same number lies in a municipality of another state."""
    result = lookup("5501234567", "--json", "--ranges", str(FIXTURE))
    document = json.loads(result.stdout)
    assert (document["municipality"], document["state"], document["decided_by"]) == (
        "15104",
        "MX-MEX",
        "range",
    )


def test_people_read_names_shares_and_what_decided() -> None:
    """Without --json: names beside the codes, the time zone, and the shares of a straddling LADA."""
    lines = lookup("8710234567", "--ranges", str(FIXTURE)).stdout
    for part in ("10007  Gómez Palacio", "MX-DUR  Durango", "871  Torreón", "America/Monterrey", "range"):
        assert part in lines
    assert "Coahuila 61%, Durango 39%" in lines
    assert "not known" in lookup("8710234567").stdout


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("", "empty"),
        (" - ", "empty"),
        ("hola", "something else than digits"),
        ("55.0123.4567", "something else than digits"),
        ("٥٥٠١٢٣٤٥٦٧", "something else than digits"),
        ("\udcff", "something else than digits"),
        ("123456", "fewer than ten"),
        ("+34 612 012 345", "foreign"),
        ("15501234567", "foreign"),
        ("055 012 3456", "begins with 2 to 9"),
        ("800 012 3456", "service"),
        ("210 012 3456", "LADA"),
    ],
)
def test_whoever_is_no_subscriber_ends_with_one_and_the_reason(number: str, says: str) -> None:
    """Exit 1, nothing on stdout, one line on stderr."""
    result = lookup(number, "--json")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_bad_range_table_is_a_usage_error(tmp_path: Path) -> None:
    """Exit 2 with the file and line."""
    path = tmp_path / "ranges.csv"
    path.write_text("start,count\n")
    result = lookup("5501234567", "--ranges", str(path))
    assert result.exit_code == 2
    assert f"{path}:1:" in result.stderr
