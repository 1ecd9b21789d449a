"""A backup of the embedded database, and its way back with what was leased then fenced."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from adapters.files.journal_reader import epoch_folder
from adapters.files.node_status import ads_are_off, take_node_lock
from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import open_pool
from adapters.postgres.server import owned_or_joined
from inventory.books import Batch, CountKey, Epoch, Event, LeaseRequest
from tests.integration.cli.test_cli_database import campaign, configured, write
from tests.unit.files.journals import make_writer

pytestmark = pytest.mark.postgres

EPOCH = Epoch("relay-1", 0, 7)
LATER = Epoch("relay-1", 0, 8)
HOUR = int(datetime.now(UTC).timestamp()) // 3600


async def spend(data_dir: Path, *epochs: Epoch) -> None:
    """Lease units of campaign 1 to each epoch, and accept ten of them."""
    async with owned_or_joined(data_dir) as dsn, await open_pool(dsn) as pool:
        books = PostgresBooks(pool)
        for epoch in epochs:
            await books.open_epoch(epoch, "boot")
            await books.grant(epoch, [LeaseRequest(1, 0, 20)], 5, 1, now=datetime.now(UTC))
            key = CountKey(1, 1, 33, HOUR)
            events = {(key, Event.INSERTED, ""): 10, (key, Event.ACCEPTED, ""): 10}
            await books.settle(Batch(epoch, 0, 1, events, {HOUR: 10}))


def the_campaign(result: Result) -> dict[str, dict[str, int]]:
    """Return the only campaign of `counts --json`."""
    [one] = json.loads(result.stdout)["campaigns"]
    return one


def test_a_restore_spends_nothing_twice(tmp_path: Path) -> None:
    """What the backup says is leased comes back unknown; ads are off; later journals are set aside."""
    posdata = configured(tmp_path, "embedded")
    data_dir = tmp_path / "data"
    file = write(tmp_path / "campaign.json", campaign())
    assert posdata("campaigns", "import", file, "--approve").exit_code == 0
    asyncio.run(spend(data_dir, EPOCH))
    backup = tmp_path / "posdata.dump"
    result = posdata("db", "backup", backup)
    assert result.exit_code == 0, result.stderr
    assert backup.stat().st_mode & 0o777 == 0o600
    before = the_campaign(posdata("counts", "--json"))
    held = before["ledger"]["leased"]
    assert held > 0
    asyncio.run(spend(data_dir, LATER))
    make_writer(data_dir, LATER).close()
    assert the_campaign(posdata("counts", "--json"))["accepted"] == 20

    result = posdata("db", "restore", backup)
    assert result.exit_code == 0, result.stderr
    assert f"epoch 7: {held} units unknown" in result.stdout
    after = the_campaign(posdata("counts", "--json"))
    assert (after["accepted"], after["unknown"], after["ledger"]["leased"]) == (10, held, 0)
    assert after["ledger"]["settled"] == 10 + held
    assert after["ledger"]["free"] == before["ledger"]["free"]
    assert ads_are_off(data_dir)
    assert not epoch_folder(data_dir, LATER).exists()
    assert len(list(data_dir.glob("journal.before-*"))) == len(list(data_dir.glob("postgres.before-*"))) == 1


def test_what_cannot_be_restored_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """No dump, a running node, a database of somebody's own: exit 2, one line."""
    posdata = configured(tmp_path, "embedded")
    data_dir = tmp_path / "data"
    no_dump = tmp_path / "no.dump"
    no_dump.write_bytes(b"PGDMP and then nothing")
    result = posdata("db", "restore", no_dump)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert not data_dir.exists()
    other = configured(tmp_path, "postgresql://db.example/posdata")
    for command in ("backup", "restore"):
        result = other("db", command, no_dump)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)


def test_a_running_node_is_not_restored_under(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node's lock is held: stop it first."""
    monkeypatch.setattr("adapters.cli.db.check", lambda *_: None)
    lock = take_node_lock(tmp_path / "data")
    assert lock is not None
    result = configured(tmp_path, "embedded")("db", "restore", tmp_path / "any.dump")
    assert result.exit_code == 2
    assert "a node runs in" in result.stderr
    os.close(lock)
