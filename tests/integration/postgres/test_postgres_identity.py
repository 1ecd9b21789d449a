"""Who is who in PostgreSQL: keys, sessions, locks, brands, and the chain of the audit log."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from adapters.http.api import KeyBusyError, KeyReusedError
from adapters.postgres.answers import GIVEN_UP, KEPT, PostgresAnswers
from adapters.postgres.audit import BrokenLink, Flaw, check_audit, read_audit
from adapters.postgres.brand_grants import withdraw_brand
from adapters.postgres.identity import (
    LOCK_AFTER,
    LOCKED_FOR,
    SESSION_IDLE,
    SESSION_LONGEST,
    DuplicateError,
    MissingError,
    PostgresIdentity,
)
from adapters.postgres.pool import Pool, close_pool, open_pool
from engine.access import OrganisationKind, Principal, Role

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def async_pool(postgres_dsn: str) -> AsyncIterator[Pool]:
    """Open a pool on this test's database."""
    pool = await open_pool(postgres_dsn)
    yield pool
    await close_pool(pool)


@pytest.fixture
def identity(async_pool: Pool) -> PostgresIdentity:
    """Return the register."""
    return PostgresIdentity(async_pool)


async def organisation(
    identity: PostgresIdentity, name: str = "Sol", kind: OrganisationKind = OrganisationKind.ADVERTISER
) -> str:
    """Register an organisation."""
    return await identity.add_organisation(name, kind, actor="cli", at=NOW)


async def user(identity: PostgresIdentity, of: str, role: Role = Role.ADVERTISER) -> str:
    """Register Ana."""
    return await identity.add_user(
        "Ana@Sol.example", "Ana", of, role,
        password_hash="hash", brands=None, language="es", actor="cli", at=NOW,
    )  # fmt: skip


async def test_a_key_is_its_owner_until_it_expires_or_is_revoked(identity: PostgresIdentity) -> None:
    """Shown once, kept as a hash; worth nothing later, altered or revoked."""
    sol = await organisation(identity)
    await identity.add_brand("tienda-sol", "retail", sol, actor="cli", at=NOW)
    new = await identity.create_key(
        "import", sol, Role.ADVERTISER,
        brands=None, scopes=["campaigns"], expires_at=NOW + MINUTE, actor="cli", at=NOW,
    )  # fmt: skip
    expected = Principal(
        f"key:{new.id}", new.secret[:10], sol, Role.ADVERTISER,
        frozenset({"tienda-sol"}), frozenset({"campaigns"}),
    )  # fmt: skip
    assert await identity.principal_of_key(new.secret, at=NOW) == expected
    assert await identity.principal_of_key(new.secret, at=NOW + MINUTE) is None
    assert await identity.principal_of_key(new.secret + "x", at=NOW) is None
    await identity.revoke_key(new.id, actor="cli", at=NOW)
    assert await identity.principal_of_key(new.secret, at=NOW) is None
    [row] = await identity.keys()
    assert new.secret not in str(row)


async def test_a_session_ends_when_idle_when_old_when_closed_and_with_its_user(
    identity: PostgresIdentity,
) -> None:
    """Use keeps it alive, but not beyond its longest life."""
    ana = await user(identity, await organisation(identity))
    token = await identity.open_session(ana, at=NOW)
    session = await identity.session(token, at=NOW + SESSION_IDLE - MINUTE)
    assert session is not None
    assert session.principal.name == "ana@sol.example"
    at = NOW + SESSION_IDLE - MINUTE
    while at < NOW + SESSION_LONGEST:
        assert await identity.session(token, at=at) is not None
        at += SESSION_IDLE - MINUTE
    assert await identity.session(token, at=at) is None
    idle = await identity.open_session(ana, at=NOW)
    assert await identity.session(idle, at=NOW + SESSION_IDLE) is None
    closed = await identity.open_session(ana, at=NOW)
    await identity.close_session(closed)
    assert await identity.session(closed, at=NOW) is None
    last = await identity.open_session(ana, at=NOW)
    await identity.disable_user(ana, actor="cli", at=NOW)
    assert await identity.session(last, at=NOW) is None
    assert await identity.login("ana@sol.example") is None


async def test_wrong_passwords_lock_a_user_for_a_while(identity: PostgresIdentity) -> None:
    """The fifth in a row; a good one forgets them."""
    ana = await user(identity, await organisation(identity))
    for _ in range(LOCK_AFTER):
        login = await identity.login("ANA@sol.example")
        assert login is not None
        assert login.locked_until is None
        await identity.login_failed(ana, at=NOW)
    login = await identity.login("ana@sol.example")
    assert login is not None
    assert login.locked_until == NOW + LOCKED_FOR
    await identity.open_session(ana, at=NOW + LOCKED_FOR)
    login = await identity.login("ana@sol.example")
    assert login is not None
    assert login.locked_until is None


async def test_an_agency_acts_for_the_brands_granted_to_it(
    identity: PostgresIdentity, async_pool: Pool
) -> None:
    """And for no other brand of their owner, even if named; for none once that is withdrawn."""
    sol = await organisation(identity)
    agency = await organisation(identity, "Agencia", OrganisationKind.AGENCY)
    for brand in ("tienda-sol", "sol-movil"):
        await identity.add_brand(brand, "retail", sol, actor="cli", at=NOW)
    await identity.grant_brand("tienda-sol", agency, actor="cli", at=NOW)
    key = await identity.create_key(
        "a", agency, Role.ADVERTISER, brands=None, scopes=[], expires_at=None, actor="cli", at=NOW
    )
    principal = await identity.principal_of_key(key.secret, at=NOW)
    assert principal is not None
    assert principal.brands == {"tienda-sol"}
    assert [row["name"] for row in await identity.brands(principal)] == ["tienda-sol"]
    named = await identity.create_key(
        "b", agency, Role.ADVERTISER,
        brands=["tienda-sol", "sol-movil"], scopes=[], expires_at=None, actor="cli", at=NOW,
    )  # fmt: skip
    assert await identity.principal_of_key(named.secret, at=NOW) == replace(
        principal, id=f"key:{named.id}", name=named.secret[:10]
    )
    assert await withdraw_brand(async_pool, "tienda-sol", agency, actor="cli", at=NOW)
    for each in (key, named):
        left = await identity.principal_of_key(each.secret, at=NOW)
        assert left is not None
        assert not left.brands
    assert not await withdraw_brand(async_pool, "tienda-sol", agency, actor="cli", at=NOW)


async def test_what_is_there_twice_or_not_at_all_is_said(identity: PostgresIdentity) -> None:
    """Names are taken once; nothing hangs in the air."""
    sol = await organisation(identity)
    with pytest.raises(DuplicateError):
        await organisation(identity)
    await identity.add_brand("tienda-sol", "retail", sol, actor="cli", at=NOW)
    with pytest.raises(DuplicateError):
        await identity.add_brand("tienda-sol", "retail", sol, actor="cli", at=NOW)
    await user(identity, sol)
    with pytest.raises(DuplicateError):
        await user(identity, sol)
    nowhere = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(MissingError):
        await identity.grant_brand("tienda-sol", nowhere, actor="cli", at=NOW)
    with pytest.raises(MissingError):
        await identity.revoke_key(nowhere, actor="cli", at=NOW)


async def test_the_audit_log_shows_tampering(identity: PostgresIdentity, async_pool: Pool) -> None:
    """Rows can't be changed; if somebody with the database in hand does, the chain breaks there."""
    sol = await organisation(identity)
    await identity.add_brand("tienda-sol", "retail", sol, actor="ana", at=NOW)
    await identity.add_brand("sol-movil", "retail", sol, actor="ana", at=NOW)
    newest = (await read_audit(async_pool))[0]
    assert (newest.sequence, newest.actor, newest.action, newest.subject_id) == (
        3,
        "ana",
        "create",
        "sol-movil",
    )
    assert (await check_audit(async_pool)).broken is None
    async with async_pool.acquire() as connection:
        with pytest.raises(asyncpg.RaiseError):
            await connection.execute("UPDATE audit SET actor = 'eve'")
        await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_is_append_only")
        await connection.execute("UPDATE audit SET actor = 'eve' WHERE sequence = 2")
        broken = (await check_audit(async_pool)).broken
        assert broken is not None
        assert broken.entry is not None
        assert (broken.sequence, broken.flaw, broken.entry.actor) == (2, Flaw.ALTERED, "eve")
        await connection.execute("UPDATE audit SET actor = 'ana' WHERE sequence = 2")
        assert (await check_audit(async_pool)).broken is None
        await connection.execute("DELETE FROM audit WHERE sequence = 1")
    assert (await check_audit(async_pool)).broken == BrokenLink(1, Flaw.MISSING)


async def test_a_repeated_request_gets_its_first_answer_for_two_days(async_pool: Pool) -> None:
    """Another body is refused, a busy key waits, a key whose process died is free again."""
    clock = [NOW]
    memory = PostgresAnswers(lambda: async_pool, lambda: clock[0])
    assert await memory.begin("ana", "k", "first") is None
    with pytest.raises(KeyBusyError):
        await memory.begin("ana", "k", "first")
    assert await memory.begin("eva", "k", "other") is None
    await memory.finish("ana", "k", (201, {"ETag": '"1"'}, b"{}"))
    assert await memory.begin("ana", "k", "first") == (201, {"ETag": '"1"'}, b"{}")
    with pytest.raises(KeyReusedError):
        await memory.begin("ana", "k", "second")
    clock[0] = NOW + GIVEN_UP + MINUTE
    assert await memory.begin("eva", "k", "third") is None
    await memory.forget("eva", "k")
    assert await memory.begin("eva", "k", "fourth") is None
    clock[0] = NOW + KEPT + MINUTE
    assert await memory.begin("ana", "k", "second") is None
