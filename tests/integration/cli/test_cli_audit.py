"""`posdata audit verify`: whole or broken, and where, as people and programs read it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.postgres.audit import write_audit
from adapters.postgres.pool import close_pool, open_pool
from adapters.postgres.retention import PostgresRetention

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


async def write(dsn: str) -> None:
    """Write four entries, of which the first is too old to be kept, and cut the log there."""
    pool = await open_pool(dsn)
    async with pool.acquire() as connection:
        for number, age in enumerate((90, 9, 8, 7), 1):
            at = NOW - timedelta(days=age)
            await write_audit(connection, "ana", "create", "brand", f"b{number}", None, None, at)
    await PostgresRetention(pool).expire_audit(NOW, 30)
    await close_pool(pool)


async def tamper(dsn: str, statement: str) -> None:
    """Do what nobody may, with the database in hand."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only")
    await connection.execute(statement)
    await connection.close()


def test_the_first_entry_that_does_not_fit_is_named(tmp_path: Path, postgres_dsn: str) -> None:
    """0 while the log holds from where it was cut; 1 with what is altered, gone, or was never written."""
    config = tmp_path / "posdata.yaml"
    config.write_text(f"database: {json.dumps(postgres_dsn)}\n", encoding="utf-8")

    def verify(*words: str) -> Any:
        return CliRunner().invoke(app, ["audit", "verify", *words, "-c", str(config)])

    assert verify().stdout.startswith("0 entries hold")
    asyncio.run(write(postgres_dsn))
    whole = verify("--json")
    document = json.loads(whole.stdout)
    assert (whole.exit_code, document["ok"], document["entries"], document["upto"]) == (0, True, 4, 5)
    assert document["hash"] in verify().stdout

    asyncio.run(tamper(postgres_dsn, "UPDATE audit SET actor = 'eve' WHERE sequence = 3"))
    altered = verify()
    assert altered.exit_code == 1
    assert "entry 3 is altered: 2026-11-16T15:00:00+00:00 eve create brand b3\n1 entries" in altered.stdout
    asyncio.run(tamper(postgres_dsn, "DELETE FROM audit WHERE sequence = 3"))
    assert json.loads(verify("--json").stdout)["broken"] == {"sequence": 3, "flaw": "missing"}
    asyncio.run(tamper(postgres_dsn, "UPDATE audit SET sequence = 1 WHERE sequence = 4"))
    assert verify().stdout.startswith("entry 1 is added")
