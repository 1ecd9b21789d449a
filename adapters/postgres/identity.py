"""Organisations, brands, users, API keys and console sessions in PostgreSQL."""

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.brand_grants import ACTS_FOR
from adapters.postgres.pool import Connection, Pool
from engine.access import OrganisationKind, Principal, Role

KEY_PREFIX = "pos_"
_KEY_OCTETS = 32  # 256 bits
_SHOWN_OF_KEY = 10

SESSION_IDLE = timedelta(hours=8)
SESSION_LONGEST = timedelta(hours=24)
# That a session is in use is written no more often than this.
SESSION_SEEN = timedelta(minutes=1)
LOCK_AFTER = 5
LOCKED_FOR = timedelta(minutes=15)

_BY_KEY = f"""
SELECT 'key:' || k.id AS id, k.prefix AS name, k.organisation, k.role, k.scopes, 'es' AS language,
    {ACTS_FOR.format(who="k")} AS brands, k.sha256
FROM api_keys k
WHERE k.sha256 = ANY($1) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
"""  # noqa: S608  # the only thing put in is an alias of ours

_BY_SESSION = f"""
SELECT 'user:' || u.id AS id, u.email AS name, u.organisation, u.role, u.language, s.csrf, s.seen_at,
    '{{}}'::text[] AS scopes, {ACTS_FOR.format(who="u")} AS brands
FROM web_sessions s JOIN users u ON u.id = s.user_id
WHERE s.sha256 = $1 AND u.disabled_at IS NULL AND s.expires_at > $2 AND s.seen_at > $3
"""  # noqa: S608
_SEEN = "UPDATE web_sessions SET seen_at = $2 WHERE sha256 = $1 AND seen_at < $2"


class DuplicateError(Exception):
    """An organisation, brand or user of that name is there already."""


class MissingError(Exception):
    """What is referred to does not exist."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class WebSession:
    """A console session: who, and the token that a write must bring besides the cookie."""

    principal: Principal
    csrf: str


@dataclass(frozen=True, slots=True)
class Login:
    """What is needed to check a password; `locked_until` is set after too many failures."""

    user_id: str
    password_hash: str | None
    locked_until: datetime | None


class PostgresIdentity:
    """Who is who; all instants are passed in, every change is audited under `actor`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    # -- organisations and brands -----------------------------------------------------------------

    async def add_organisation(self, name: str, kind: OrganisationKind, *, actor: str, at: datetime) -> str:
        """Register an organisation and return its id. Raises `DuplicateError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            return await _insert(
                connection,
                "INSERT INTO organisations (name, kind, created_at) VALUES ($1, $2, $3) RETURNING id",
                (name, kind.value, at),
                actor,
                "organisation",
                {"name": name, "kind": kind.value},
                at,
            )

    async def organisations(self) -> Sequence[Mapping[str, Any]]:
        """Return all organisations by name: id, name, kind, created_at."""
        return await self._rows("SELECT id, name, kind, created_at FROM organisations ORDER BY name")

    async def organisation_named(self, name: str) -> str | None:
        """Return an organisation's id."""
        async with self._pool.acquire() as connection:
            found = await connection.fetchval("SELECT id FROM organisations WHERE name = $1", name)
        return None if found is None else str(found)

    async def add_brand(
        self, name: str, category: str, organisation: str, *, actor: str, at: datetime
    ) -> None:
        """Register a brand, or take over one that has no owner. Raises `DuplicateError`, `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                added = await connection.fetchval(
                    """
                    INSERT INTO brands (name, category, organisation) VALUES ($1, $2, $3)
                    ON CONFLICT (name) DO UPDATE SET organisation = excluded.organisation,
                        category = excluded.category
                    WHERE brands.organisation IS NULL
                    RETURNING name
                    """,
                    *(name, category, organisation),
                )
            except asyncpg.ForeignKeyViolationError:
                raise MissingError("organisation") from None
            if added is None:
                raise DuplicateError(name)
            after = {"name": name, "category": category, "organisation": organisation}
            await write_audit(connection, actor, "create", "brand", name, None, after, at)

    async def grant_brand(self, brand: str, organisation: str, *, actor: str, at: datetime) -> None:
        """Let an agency act for a brand. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                await connection.execute(
                    "INSERT INTO brand_grants VALUES ($1, $2) ON CONFLICT DO NOTHING", brand, organisation
                )
            except asyncpg.ForeignKeyViolationError:
                raise MissingError("brand or organisation") from None
            await write_audit(
                connection, actor, "grant", "brand", brand, None, {"organisation": organisation}, at
            )

    async def brands_of(self, organisation: str) -> frozenset[str]:
        """Return the brands that an organisation owns or was granted."""
        rows = await self._rows(
            """
            SELECT name FROM brands WHERE organisation = $1
            UNION SELECT brand FROM brand_grants WHERE organisation = $1
            """,
            organisation,
        )
        return frozenset(row["name"] for row in rows)

    async def brands(self, principal: Principal) -> Sequence[Mapping[str, Any]]:
        """Return the brands a principal sees, by name: name, category, organisation."""
        return await self._rows(
            "SELECT name, category, organisation FROM brands WHERE $1 OR name = ANY($2) ORDER BY name",
            *(principal.is_carrier, sorted(principal.brands)),
        )

    # -- users ------------------------------------------------------------------------------------

    async def add_user(
        self,
        email: str,
        name: str,
        organisation: str,
        role: Role,
        *,
        password_hash: str | None,
        brands: Collection[str] | None,
        language: str,
        actor: str,
        at: datetime,
    ) -> str:
        """Register a user and return the id. Raises `DuplicateError`, `MissingError`."""
        email = email.lower()
        after = {"email": email, "role": role.value, "organisation": organisation}
        async with self._pool.acquire() as connection, connection.transaction():
            return await _insert(
                connection,
                """
                INSERT INTO users (email, name, organisation, role, password_hash, brands, language,
                    created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
                """,
                (email, name, organisation, role.value, password_hash, _list(brands), language, at),
                actor,
                "user",
                after,
                at,
            )

    async def users(self) -> Sequence[Mapping[str, Any]]:
        """Return all users by e-mail, without their password hashes."""
        return await self._rows(
            """
            SELECT id, email, name, organisation, role, brands, language, created_at, disabled_at
            FROM users ORDER BY email
            """
        )

    async def disable_user(self, user_id: str, *, actor: str, at: datetime) -> None:
        """Shut a user out at once, sessions included. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            done = await connection.fetchval(
                "UPDATE users SET disabled_at = COALESCE(disabled_at, $2) WHERE id = $1 RETURNING email",
                *(user_id, at),
            )
            if done is None:
                raise MissingError("user")
            await connection.execute("DELETE FROM web_sessions WHERE user_id = $1", user_id)
            await write_audit(connection, actor, "disable", "user", user_id, None, {"email": done}, at)

    async def login(self, email: str) -> Login | None:
        """Return what checking a password needs, or None for nobody."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(
                "SELECT id, password_hash, locked_until FROM users WHERE email = $1 AND disabled_at IS NULL",
                email.lower(),
            )
        return None if row is None else Login(str(row["id"]), row["password_hash"], row["locked_until"])

    async def login_failed(self, user_id: str, *, at: datetime) -> None:
        """Count a wrong password; LOCK_AFTER of them in a row lock the user for LOCKED_FOR."""
        async with self._pool.acquire() as connection:
            await connection.execute(
                """
                UPDATE users SET failed_logins = failed_logins + 1,
                    locked_until = CASE WHEN (failed_logins + 1) % $2 = 0 THEN $3 ELSE locked_until END
                WHERE id = $1
                """,
                *(user_id, LOCK_AFTER, at + LOCKED_FOR),
            )

    # -- console sessions -------------------------------------------------------------------------

    async def open_session(self, user_id: str, *, at: datetime) -> str:
        """Begin a session after a good password and return the cookie's token."""
        token = secrets.token_urlsafe(_KEY_OCTETS)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "UPDATE users SET failed_logins = 0, locked_until = NULL WHERE id = $1", user_id
            )
            await connection.execute("DELETE FROM web_sessions WHERE expires_at < $1", at)
            await connection.execute(
                "INSERT INTO web_sessions VALUES ($1, $2, $3, $4, $4, $5)",
                *(_sha256(token), user_id, secrets.token_urlsafe(24), at, at + SESSION_LONGEST),
            )
            await write_audit(connection, f"user:{user_id}", "login", "user", user_id, None, None, at)
        return token

    async def session(self, token: str, *, at: datetime) -> WebSession | None:
        """Return a session that is neither idle nor too old, and note once a minute that it is used."""
        sha256 = _sha256(token)
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(_BY_SESSION, sha256, at, at - SESSION_IDLE)
            if row is not None and at - row["seen_at"] > SESSION_SEEN:
                await connection.execute(_SEEN, sha256, at)
        return None if row is None else WebSession(_principal(row), row["csrf"])

    async def close_session(self, token: str) -> None:
        """End a session."""
        async with self._pool.acquire() as connection:
            await connection.execute("DELETE FROM web_sessions WHERE sha256 = $1", _sha256(token))

    # -- keys -------------------------------------------------------------------------------------

    async def create_key(
        self,
        name: str,
        organisation: str,
        role: Role,
        *,
        brands: Collection[str] | None,
        scopes: Collection[str],
        expires_at: datetime | None,
        actor: str,
        at: datetime,
    ) -> NewKey:
        """Make an API key of 256 random bits; only its hash is kept. Raises `MissingError`."""
        secret = KEY_PREFIX + secrets.token_urlsafe(_KEY_OCTETS)
        prefix = secret[:_SHOWN_OF_KEY]
        after = {"name": name, "prefix": prefix, "role": role.value, "organisation": organisation}
        async with self._pool.acquire() as connection, connection.transaction():
            key_id = await _insert(
                connection,
                """
                INSERT INTO api_keys (name, prefix, sha256, organisation, role, brands, scopes, created_at,
                    created_by, expires_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id
                """,
                (
                    *(name, prefix, _sha256(secret), organisation, role.value, _list(brands)),
                    *(sorted(scopes), at, actor, expires_at),
                ),
                actor,
                "key",
                after,
                at,
            )
        return NewKey(key_id, secret)

    async def keys(self) -> Sequence[Mapping[str, Any]]:
        """Return all keys, newest first, without their secrets."""
        return await self._rows(
            """
            SELECT id, name, prefix, organisation, role, brands, scopes, created_at, created_by, expires_at,
                revoked_at
            FROM api_keys ORDER BY created_at DESC, id
            """
        )

    async def revoke_key(self, key_id: str, *, actor: str, at: datetime) -> None:
        """Make a key worthless at once. Raises `MissingError`."""
        async with self._pool.acquire() as connection, connection.transaction():
            name = await connection.fetchval(
                "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1 RETURNING name",
                *(key_id, at),
            )
            if name is None:
                raise MissingError("key")
            await write_audit(connection, actor, "revoke", "key", key_id, None, {"name": name}, at)

    async def principal_of_key(self, secret: str, *, at: datetime) -> Principal | None:
        """Return whom a key belongs to; None when it is unknown, expired or revoked."""
        sha256 = hash_of_key(secret)
        return None if sha256 is None else (await self.principals_of_keys([sha256], at=at)).get(sha256)

    async def principals_of_keys(self, hashes: Sequence[bytes], *, at: datetime) -> Mapping[bytes, Principal]:
        """Return by hash whom keys belong to, without those that are unknown, expired or revoked."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_BY_KEY, hashes, at)
        return {bytes(row["sha256"]): _principal(row) for row in rows}

    async def signer(self, key_id: str, *, at: datetime) -> tuple[Principal, bytes] | None:
        """Return whom a key's id belongs to and the key's SHA-256; None as for `principal_of_key`."""
        async with self._pool.acquire() as connection:
            secret = await connection.fetchval("SELECT sha256 FROM api_keys WHERE id::text = $1", key_id)
            row = None if secret is None else await connection.fetchrow(_BY_KEY, [secret], at)
        return None if row is None else (_principal(row), bytes(secret))

    async def _rows(self, query: str, *arguments: object) -> Sequence[Mapping[str, Any]]:
        async with self._pool.acquire() as connection:
            return [dict(row) for row in await connection.fetch(query, *arguments)]


async def _insert(
    connection: Connection,
    statement: str,
    values: Sequence[object],
    actor: str,
    subject_type: str,
    after: Mapping[str, Any],
    at: datetime,
) -> str:
    """Insert one row that gets an id, and audit it."""
    try:
        added = str(await connection.fetchval(statement, *values))
    except asyncpg.UniqueViolationError:
        raise DuplicateError(subject_type) from None
    except asyncpg.ForeignKeyViolationError:
        raise MissingError("organisation") from None
    await write_audit(connection, actor, "create", subject_type, added, None, after, at)
    return added


def hash_of_key(secret: str) -> bytes | None:
    """Return what is kept of a key; None for what can be none."""
    return _sha256(secret) if secret.startswith(KEY_PREFIX) else None


def _sha256(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _list(names: Collection[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _principal(row: asyncpg.Record) -> Principal:
    return Principal(
        id=row["id"],
        name=row["name"],
        organisation=str(row["organisation"]),
        role=Role(row["role"]),
        brands=frozenset(row["brands"]),
        scopes=frozenset(row["scopes"]),
        language=row["language"],
    )
