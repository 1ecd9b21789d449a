"""Every command that needs the database says in one line that it is out of reach, and ends with 3."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.cli import ads, database
from adapters.cli.app import COMMANDS as TABLE
from adapters.cli.app import app, load
from adapters.files.node_status import take_node_lock
from adapters.postgres.server import EmbeddedServer

CAMPAIGN = {
    "name": "Buen Fin",
    "brand": "tienda-sol",
    "category": "retail",
    "class": "guaranteed",
    "creatives": [{"text": "Buen Fin en tienda sol. Marca 5512345678"}],
    "starts_at": "2020-11-24T09:00:00-06:00",
    "ends_at": "2099-11-30T21:00:00-06:00",
    "quantity": 1000,
}
COMMANDS = (
    ("campaigns", "import", "campaign.json", "--approve"),
    ("campaigns", "list"),
    ("availability",),
    ("plan", "show"),
    ("plan", "explain", "buen-fin"),
    ("keys", "create", "import", "--organisation", "Sol", "--role", "advertiser"),
    ("users", "create", "ana@sol.example", "--name", "Ana", "--organisation", "Sol", "--role", "advertiser"),
    ("counts",),
    ("counts", "--json"),
    ("ads", "off"),
    ("ads", "on"),
    ("ads", "stop", "buen-fin"),
    ("ads", "resume", "buen-fin"),
    ("blackouts", "add", "silencio electoral", "--from", "2099-06-02", "--to", "2099-06-06"),
    ("blackouts", "list"),
    ("blackouts", "withdraw", "00000000-0000-4000-8000-000000000000"),
    ("suppressions", "import", "list.csv"),
    ("suppressions", "add", "5501234567"),
    ("suppressions", "remove", "5501234567"),
    ("subscribers", "export", "5501234567"),
    ("subscribers", "erase", "5501234567"),
    ("audit", "verify"),
    ("db", "migrate"),
)
EMBEDDED = (*COMMANDS, ("db", "backup", "copy.dump"))
# These read settings and ask no database that runs.
WITHOUT = {"serve", "sessions", "trace", "receipts learn", "db restore"}


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for no answer as long as an operator would."""
    monkeypatch.setattr(database, "OPEN_S", 0.1)
    monkeypatch.setattr(ads, "ANSWER_S", 0.1)
    monkeypatch.setenv("POSDATA_PASSWORD", "correct horse battery")


@pytest.fixture
def silent() -> Iterator[str]:
    """Address of a server that lets everybody connect and says nothing, as a frozen one does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"postgresql://posdata:s3cr3t@127.0.0.1:{listening.getsockname()[1]}/posdata"


@pytest.fixture
def refused() -> Iterator[str]:
    """Address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"postgresql://posdata:s3cr3t@127.0.0.1:{taken.getsockname()[1]}/posdata"


@pytest.fixture
def hung(data_dir: Path) -> Iterator[None]:
    """A node runs, and its PostgreSQL lets nobody in."""
    node, server = take_node_lock(data_dir), EmbeddedServer(data_dir)
    assert node is not None
    assert server.try_own()
    yield
    asyncio.run(server.stop())
    os.close(node)


def refusal(directory: Path, dsn: str, *arguments: str) -> str:
    """Run a command with settings of its own; return its one line on stderr."""
    files = {
        "posdata.yaml": {
            "node": {"data_dir": str(directory / "data")},
            "database": dsn,
            "policy": {"allow_unreviewed": True},
        },
        "campaign.json": CAMPAIGN,
        "list.csv": 5501234567,
    }
    for name, content in files.items():
        (directory / name).write_text(json.dumps(content), encoding="utf-8")
    words = [str(directory / word) if word in files else word for word in arguments]
    ended = CliRunner().invoke(app, [*words, "-c", str(directory / "posdata.yaml")])
    assert (ended.exit_code, ended.stderr.count("\n")) == (3, 1), ended.stderr
    assert ended.stderr.endswith("\n")
    assert "s3cr3t" not in ended.output
    return ended.stderr


def leaves(command: Any, *path: str) -> Iterator[str]:
    """Name a command that takes settings, or those of its group."""
    if hasattr(command, "commands"):
        for name, each in command.commands.items():
            yield from leaves(each, *path, name)
    elif any(parameter.name == "config" for parameter in command.params):
        yield " ".join(path)


def test_every_command_with_settings_is_asked() -> None:
    """A new command stands among those that this module runs, or needs no database."""
    known = {leaf for name in TABLE for leaf in leaves(load(name), name)}
    asked = {leaf for leaf in known for words in EMBEDDED if " ".join(words).startswith(leaf)}
    assert known - asked == WITHOUT


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("server", ["silent", "refused"])
def test_a_database_out_of_reach_is_one_line(
    server: str,
    command: tuple[str, ...],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Frozen, behind a black hole, or not there: exit 3 soon, one line that says what to do."""
    line = refusal(tmp_path, request.getfixturevalue(server), *command)
    assert "cannot be reached" in line
    assert "mend 'database' in the settings" in line
    assert caplog.records == []  # what a library logs would be a line more


@pytest.mark.parametrize("command", EMBEDDED, ids=" ".join)
def test_an_embedded_database_that_lets_nobody_in_is_one_line(
    command: tuple[str, ...], tmp_path: Path, hung: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The running node's PostgreSQL gives no answer: exit 3 soon, one line."""
    assert "lets nobody in; see postgres.log" in refusal(tmp_path, "embedded", *command)
    assert caplog.records == []
