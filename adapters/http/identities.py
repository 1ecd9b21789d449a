"""Whom a request comes from: an API key, or the console's session cookie."""

import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from aiohttp import web

from adapters.http.known_keys import KnownKeys
from adapters.http.problems import ProblemError
from adapters.postgres.identity import PostgresIdentity, WebSession, hash_of_key
from engine.access import Principal
from inventory.missed_calls import MOST_SKEW_S, SCHEME, read_signature

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

    async def of_signature(self, key_id: str, header: str, octets: bytes) -> Principal:
        """Return whose API key signed these octets. Raises `ProblemError`, which says why it is nobody's."""
        signature, now = read_signature(header), self._clock()
        if signature is None:
            raise _unsigned(
                "Posdata-Signature debe ser t=SEGUNDOS,n=NONCE,v1=HEX",
                "Posdata-Signature must be t=SECONDS,n=NONCE,v1=HEX",
            )
        if not signature.is_fresh(now.timestamp()):
            clock = int(now.timestamp())
            raise _unsigned(
                f"la firma es de más de {MOST_SKEW_S} s antes o después de t={clock}, nuestra hora:"
                " ajuste el reloj y firme de nuevo",
                f"the signature is over {MOST_SKEW_S} s from t={clock}, our time: set the clock, sign anew",
            )
        found = await self._identity().signer(key_id, at=now)
        if found is not None and signature.signs(found[1], octets):
            return found[0]
        raise _unsigned(
            "no hay tal clave, o la firma no es de este cuerpo con ella",
            "there is no such key, or the signature is not of this body with it",
        )

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


def _unsigned(es: str, en: str) -> ProblemError:
    return ProblemError("unauthorized", es=es, en=en, headers={"WWW-Authenticate": SCHEME})
