"""`posdata keys create` and `users create`: the first credentials of a node."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.http.passwords import password_matches
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import close_pool, open_pool
from engine.access import Role

pytestmark = pytest.mark.postgres

Run = Callable[..., Any]
PASSWORD = "correct horse battery"


@pytest.fixture
def run(tmp_path: Path, postgres_dsn: str) -> Run:
    """Return what runs a command on a migrated database."""
    config = tmp_path / "posdata.yaml"
    config.write_text(f"database: {json.dumps(postgres_dsn)}\n", encoding="utf-8")

    def run(*words: str, password: str | None = PASSWORD) -> Any:
        return CliRunner().invoke(app, [*words, "-c", str(config)], env={"POSDATA_PASSWORD": password})

    return run


def with_identity(dsn: str, work: Callable[[PostgresIdentity], Any]) -> Any:
    """Return what a coroutine on the register returns."""

    async def go() -> Any:
        pool = await open_pool(dsn)
        try:
            return await work(PostgresIdentity(pool))
        finally:
            await close_pool(pool)

    return asyncio.run(go())


def test_the_first_key_brings_its_organisation(run: Run, postgres_dsn: str) -> None:
    """The secret is printed alone; with it one is the role, for the brands, under the scopes asked for."""
    words = ("--organisation", "Sol", "--role", "advertiser")
    assert run("keys", "create", "erp", *words).exit_code == 2
    made = run(
        "keys", "create", "erp", *words, "--kind", "advertiser", "--brand", "tienda-sol",
        "--category", "retail", "--scope", "campaigns:read", "--days", "30",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    secret = made.stdout.strip()
    now = datetime.now(UTC)
    who = with_identity(postgres_dsn, lambda identity: identity.principal_of_key(secret, at=now))
    assert (who.role, who.brands, who.scopes) == (
        Role.ADVERTISER,
        frozenset({"tienda-sol"}),
        frozenset({"campaigns:read"}),
    )
    again = run("keys", "create", "otro", *words, "--json")
    assert json.loads(again.stdout).keys() == {"id", "secret"}


def test_a_user_is_registered_with_a_password_from_the_environment(run: Run, postgres_dsn: str) -> None:
    """Kept as a hash; too short, twice the same address and a role for others are refused."""
    words = ("--name", "Ana", "--organisation", "Operador", "--kind", "carrier", "--role", "approver")
    made = run("users", "create", "Ana@operador.example", *words)
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output
    login = with_identity(postgres_dsn, lambda identity: identity.login("ana@operador.example"))
    assert asyncio.run(password_matches(login.password_hash, PASSWORD))
    assert run("users", "create", "ana@operador.example", *words).exit_code == 1
    assert run("users", "create", "b@operador.example", *words, password="short").exit_code == 2
    assert run("users", "create", "nobody", *words).exit_code == 2
    assert run("users", "create", "c@operador.example", *words[:-1], "advertiser").exit_code == 2


def test_without_a_terminal_a_password_must_be_given(run: Run) -> None:
    """It says how."""
    words = ("--name", "Ana", "--organisation", "Sol", "--kind", "advertiser", "--role", "advertiser")
    refused = run("users", "create", "ana@sol.example", *words, password=None)
    assert refused.exit_code == 2
    assert "POSDATA_PASSWORD" in refused.stderr
