"""Commands against a real PostgreSQL: all or nothing, and one line for whatever goes wrong."""

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from adapters.cli.app import app

pytestmark = pytest.mark.postgres

BAD = Path(__file__).parents[3] / "fixtures" / "campaigns" / "bad"
Posdata = Callable[..., Result]


def campaign(**changes: Any) -> dict[str, Any]:
    """Return a campaign document that may serve for a long time, with changes."""
    return {
        "name": "Buen Fin",
        "brand": "tienda-sol",
        "category": "retail",
        "class": "guaranteed",
        "creatives": [{"text": "Buen Fin en tienda sol. Marca 5512345678"}],
        "target": {"include": [{"city": "Guadalajara, MX-JAL"}]},
        "starts_at": "2020-11-24T09:00:00-06:00",
        "ends_at": "2099-11-30T21:00:00-06:00",
        "hours": {"from": "09:00", "to": "20:00"},
        "quantity": 1000,
    } | changes


def write(path: Path, document: object) -> Path:
    """Write a document as JSON."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def configured(directory: Path, dsn: str, *, allow_unreviewed: bool = True) -> Posdata:
    """Return what runs a command with -c and a settings file of its own."""
    config = {
        "node": {"data_dir": str(directory / "data")},
        "database": dsn,
        "policy": {"allow_unreviewed": allow_unreviewed},
    }
    path = write(directory / "posdata.yaml", config)
    return lambda *arguments: CliRunner().invoke(app, [*map(str, arguments), "-c", str(path)])


@pytest.fixture
def posdata(tmp_path: Path, postgres_dsn: str) -> Posdata:
    """Run commands on a migrated database."""
    return configured(tmp_path, postgres_dsn)


def listed(posdata: Posdata) -> list[dict[str, Any]]:
    """Return the campaigns there are."""
    found: list[dict[str, Any]] = json.loads(posdata("campaigns", "list", "--json").stdout)
    return found


def test_an_approved_import_is_listed_and_counted(posdata: Posdata, tmp_path: Path) -> None:
    """What was imported comes back with its id, approved, with an empty ledger and balanced books."""
    file = write(tmp_path / "campaigns.json", [campaign(), campaign(name="Norte", quantity=50)])
    imported = posdata("campaigns", "import", file, "--approve", "--json")
    assert (imported.exit_code, imported.stderr) == (0, "")
    first, second = listed(posdata)
    assert [(each["id"], each["name"]) for each in (first, second)] == [
        (each["id"], each["name"]) for each in json.loads(imported.stdout)
    ]
    assert (first["state"], first["quantity"], first["serving"]) == ("approved", 1000, True)
    assert first["hours"] == [
        {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "09:00", "to": "20:00"}
    ]
    counts = json.loads(posdata("counts", "--json", "--campaign", second["id"]).stdout)
    assert [each["ledger"] for each in counts["campaigns"]] == [{"settled": 0, "leased": 0, "free": 50}]
    assert (counts["notifications"], counts["unsettled"]) == (0, 0)


def test_people_get_tables(posdata: Posdata, tmp_path: Path) -> None:
    """Without --json: ids and names, a list with its head, and a word on the balance."""
    file = write(tmp_path / "campaigns.json", campaign())
    line = posdata("campaigns", "import", file, "--approve").stdout
    assert line.endswith("  Buen Fin\n")
    assert "2099-12-01 03:00Z" in posdata("campaigns", "list").stdout
    shown = posdata("counts")
    assert (shown.exit_code, shown.stdout.splitlines()[-1]) == (0, "The books balance.")


def test_without_approval_nothing_serves(posdata: Posdata, tmp_path: Path) -> None:
    """A campaign of a known brand waits for its review."""
    posdata("campaigns", "import", write(tmp_path / "first.json", campaign()), "--approve")
    waiting = posdata("campaigns", "import", write(tmp_path / "second.json", campaign(name="Espera")))
    assert waiting.exit_code == 0
    last = listed(posdata)[-1]
    assert (last["name"], last["serving"]) == ("Espera", False)
    assert last["state"] not in {"approved", "live"}
    assert [creative["review"] for creative in last["creatives"]] == ["pending"]


def test_an_unknown_brand_needs_approval(posdata: Posdata, tmp_path: Path) -> None:
    """Without --approve a brand nobody registered is refused, with the whole file."""
    refused = posdata("campaigns", "import", write(tmp_path / "c.json", campaign()))
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert "unknown brand tienda-sol" in refused.stderr
    assert listed(posdata) == []


def test_approval_needs_the_policy(tmp_path: Path, postgres_dsn: str) -> None:
    """--approve where policy.allow_unreviewed is false: exit 2, one line, nothing imported."""
    posdata = configured(tmp_path, postgres_dsn, allow_unreviewed=False)
    refused = posdata("campaigns", "import", write(tmp_path / "c.json", campaign()), "--approve")
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "--approve needs policy.allow_unreviewed: true" in refused.stderr
    assert listed(posdata) == []


@pytest.mark.parametrize(
    "name",
    [
        "wrong_yaml.yaml",
        "unknown_field.yaml",
        "unreadable_row.yaml",
        "text_accent.yaml",
        "quantity_zero.yaml",
        "end_before_start.yaml",
        "unknown_city.yaml",
        "empty.yaml",
    ],
)
def test_a_bad_file_is_one_clear_line(name: str, posdata: Posdata) -> None:
    """One fault: exit 2, one line with file and line on stderr, nothing on stdout, nothing imported."""
    refused = posdata("campaigns", "import", BAD / name, "--approve", "--json")
    expected = (BAD / name).with_suffix(".expected").read_text(encoding="utf-8")
    # The fixtures' campaigns may be over by the day this runs: that is said too, on a line of its own.
    told = [line for line in refused.stderr.splitlines(keepends=True) if "has passed" not in line]
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert told == [f"{BAD / name}:{expected}"]
    assert listed(posdata) == []


def test_one_bad_campaign_keeps_the_others_out(posdata: Posdata, tmp_path: Path) -> None:
    """All or nothing: the good ones of a file with a bad one are not imported."""
    file = write(tmp_path / "c.json", [campaign(), campaign(quantity=0), campaign()])
    refused = posdata("campaigns", "import", file, "--approve")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "/1/quantity" in refused.stderr
    assert listed(posdata) == []


def test_a_campaign_that_is_over_is_too_late(posdata: Posdata, tmp_path: Path) -> None:
    """A window that has ended is refused."""
    file = write(tmp_path / "c.json", campaign(ends_at="2020-11-30T21:00:00-06:00"))
    refused = posdata("campaigns", "import", file, "--approve")
    assert (refused.exit_code, refused.stderr) == (
        2,
        f"{file}:1: /ends_at: has passed: the campaign is over\n",
    )


def test_counts_of_an_unknown_campaign_are_a_no(posdata: Posdata) -> None:
    """An id that nobody has: exit 1 and what to do."""
    refused = posdata("counts", "--campaign", "nadie")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "posdata campaigns list" in refused.stderr


def test_books_that_do_not_balance_are_a_no(posdata: Posdata, postgres_dsn: str) -> None:
    """A notification that went nowhere: the counts are shown, the sentence is on stderr, exit 1."""

    async def lose_one() -> None:
        connection = await asyncpg.connect(postgres_dsn)
        await connection.execute("INSERT INTO notification_counts (hour, notifications) VALUES (1, 1)")
        await connection.close()

    asyncio.run(lose_one())
    shown = posdata("counts", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["notifications"]) == (1, 1)
    assert "the books do not balance: 1 notifications, but 0 inserted" in shown.stderr


def test_migrations_are_named_once(tmp_path: Path, empty_dsn: str) -> None:
    """The first `db migrate` names what it applied, the second has nothing to do."""
    posdata = configured(tmp_path, empty_dsn)
    assert "0001_campaigns" in posdata("db", "migrate").stdout
    assert posdata("db", "migrate").stdout == "up to date\n"


def test_a_database_out_of_reach_is_exit_3(tmp_path: Path) -> None:
    """Nobody listens there: one line, without the password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        posdata = configured(
            tmp_path, f"postgresql://posdata:s3cr3t@127.0.0.1:{taken.getsockname()[1]}/posdata"
        )
        refused = posdata("counts")
    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (3, "", 1)
    assert "postgresql://posdata:***@127.0.0.1" in refused.stderr
    assert "s3cr3t" not in refused.stderr


def test_a_wrong_database_name_is_exit_3(tmp_path: Path, postgres_dsn: str) -> None:
    """The server is there, the database is not: unreachable all the same."""
    posdata = configured(tmp_path, postgres_dsn.replace("/test_", "/nowhere_"))
    refused = posdata("counts")
    assert (refused.exit_code, refused.stderr.count("\n")) == (3, 1)


def test_the_embedded_database_is_started_for_a_command(tmp_path: Path) -> None:
    """With no node running, a command runs the server for its own duration, twice over the same data."""
    posdata = configured(tmp_path, "embedded")
    file = write(tmp_path / "c.json", campaign())
    assert posdata("campaigns", "import", file, "--approve").exit_code == 0
    assert [each["name"] for each in listed(posdata)] == ["Buen Fin"]
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()
