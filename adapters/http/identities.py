"""Whom a request comes from: an API key, or the console's session cookie."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from adapters.http.known_keys import KnownKeys
from adapters.http.problems import ProblemError
from adapters.postgres.identity import PostgresIdentity, WebSession, hash_of_key
from engine.access import Principal
from inventory.missed_calls import read_signature

COOKIE = "posdata_session"
CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class PostgresIdentities:
    """Who a credential belongs to; `clock` gives aware instants."""

    def __init__(
        self, identity: Callable[[], PostgresIdentity], known: KnownKeys, clock: Callable[[], datetime]
    ) -> None:
        self._identity = identity
        self._known = known
        self._clock = clock

    async def of_key(self, key: str) -> Principal | None:
        """Return whom an API key belongs to, or None when it is unknown, expired or revoked."""
        sha256 = hash_of_key(key)
        return None if sha256 is None else await self._known.principal(sha256, self._read)

    async def of_signature(self, key_id: str, header: str, octets: bytes) -> Principal | None:
        """Return whose API key signed these octets, or None when the signature is none, forged or old."""
        signature, now = read_signature(header), self._clock()
        if signature is None or not signature.is_fresh(now.timestamp()):
            return None
        found = await self._identity().signer(key_id, at=now)
        if found is None:
            return None
        principal, secret = found
        return principal if signature.signs(secret, octets) else None

    async def of_session(self, request: web.Request) -> Principal | None:
        """Return whom the session cookie belongs to. Raises `ProblemError` for a write without its token."""
        session = await self.web_session(request)
        if session is None:
            return None
        if request.method not in SAFE_METHODS:
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), session.csrf.encode()):
                raise ProblemError("forbidden", es="falta el código CSRF", en="the CSRF token is missing")
        return session.principal

    async def _read(self, hashes: Sequence[bytes]) -> Mapping[bytes, Principal]:
        return await self._identity().principals_of_keys(hashes, at=self._clock())

    async def web_session(self, request: web.Request) -> WebSession | None:
        """Return the console session of a request."""
        token = request.cookies.get(COOKIE)
        return await self._identity().session(token, at=self._clock()) if token else None
