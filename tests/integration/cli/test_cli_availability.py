"""`posdata availability` and the import's warning, against a real PostgreSQL on a cold start."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from adapters.cli.app import app

pytestmark = pytest.mark.postgres

Posdata = Callable[..., Result]
# Ten million notifications a day are assumed until some are counted: no state has so many in a week.
TOO_MANY = 100_000_000


@pytest.fixture
def posdata(tmp_path: Path, postgres_dsn: str) -> Posdata:
    """Run commands on a migrated database, without lead time."""
    path = tmp_path / "posdata.yaml"
    settings = {
        "node": {"data_dir": str(tmp_path / "data")},
        "database": postgres_dsn,
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0},
    }
    path.write_text(json.dumps(settings), encoding="utf-8")
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments), "-c", str(path)])


def campaign(quantity: int) -> dict[str, Any]:
    """Return a guaranteed campaign in Jalisco from tomorrow on for a week."""
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    return {
        "name": f"Buen Fin {quantity}",
        "brand": "tienda-sol",
        "class": "guaranteed",
        "creatives": [{"text": "Buen Fin en tienda sol. Marca 5512345678"}],
        "target": {"include": [{"state": "MX-JAL"}]},
        "starts_at": begin.isoformat(),
        "ends_at": (begin + timedelta(days=7)).isoformat(),
        "quantity": quantity,
    }


def test_an_import_warns_of_a_shortfall_and_availability_explains_it(
    posdata: Posdata, tmp_path: Path
) -> None:
    """Booked all the same; afterwards there is less to buy, and the answer says who is in the way."""
    small, huge = tmp_path / "small.json", tmp_path / "huge.json"
    small.write_text(json.dumps(campaign(200_000)), encoding="utf-8")
    huge.write_text(json.dumps(campaign(TOO_MANY)), encoding="utf-8")
    asked = posdata("availability", "--file", small, "--json")
    assert asked.exit_code == 0, asked.output
    [before] = json.loads(asked.stdout)
    assert (before["enough"], before["cold_start"], before["quantity"]) == (True, True, 200_000)
    assert 0 < before["p20"] < before["p50"] == before["eligible"]["p50"]

    imported = posdata("campaigns", "import", small, "--approve")
    assert (imported.exit_code, imported.stderr) == (0, "")
    imported = posdata("campaigns", "import", huge, "--approve", "--json")
    assert imported.exit_code == 0
    assert "of 100,000,000 are expected (P20)" in imported.stderr
    [booked] = json.loads(imported.stdout)

    asked = posdata("availability", "--file", small, "--json")
    assert asked.exit_code == 1
    [after] = json.loads(asked.stdout)
    assert (after["available"], after["enough"], after["contention"]["missing"]) == (0, False, 200_000)
    [guaranteed] = after["contention"]["contending"]
    assert booked["id"] in {each["id"] for each in guaranteed["bookings"]}
    assert {each["change"] for each in after["suggestions"]} >= {"dates", "target"}
    prospects = json.loads(posdata("availability", "--json").stdout)
    assert [each["at_risk"] for each in prospects["campaigns"]] == [True, True]
    shown = posdata("availability", "--file", small)
    assert "SHORT BY 200,000" in shown.stdout
    assert f"Buen Fin {TOO_MANY}" in shown.stdout
    assert "AT RISK" in posdata("availability").stdout


def test_what_can_not_be_answered_has_a_reason(posdata: Posdata) -> None:
    """Dates that have passed and an empty target are no, with the sentence; faults of usage are 2."""
    past = posdata(
        "availability", "--target", "MX-JAL", "--from", "2020-01-01", "--to", "2020-01-02", "--json"
    )
    assert past.exit_code == 1
    assert json.loads(past.stdout)["reason"] == "past"
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    empty = posdata("availability", "--target", "MX-JAL", "--exclude", "MX-JAL", "--to", tomorrow)
    assert empty.exit_code == 1
    assert "The target covers no place" in empty.stdout
    unknown = posdata("availability", "--target", "Guadalajra", "--to", tomorrow)
    assert (unknown.exit_code, "Guadalajara" in unknown.stderr) == (2, True)
    assert posdata("availability", "--from", tomorrow).exit_code == 2
