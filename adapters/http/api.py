"""The API's front door: a request is identified, checked, limited and remembered before its handler runs."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import structlog
from aiohttp import web
from limits import RateLimitItem, parse
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from adapters.http.json_bodies import no_text, read_document, read_shape, unstorable
from adapters.http.operations import Answer, Call, Operation
from adapters.http.problems import ProblemError, language_of
from adapters.http.rates import make_limiter
from adapters.postgres.pool import DATABASE_AWAY
from engine.access import Principal
from inventory.faults import Fault, shape_faults
from inventory.missed_calls import SCHEME, SIGNATURE_HEADER

PREFIX = "/api/v1"
IDEMPOTENCY_KEY = "Idempotency-Key"
LONGEST_KEY = 255

CLOCK: web.AppKey[Callable[[], float]] = web.AppKey("clock")

# One response of a repeated request, as it was given: status, headers that matter, body.
Remembered = tuple[int, dict[str, str], bytes]

log = structlog.get_logger()


class Identities(Protocol):
    """Who a credential belongs to."""

    async def of_key(self, key: str) -> Principal | None:
        """Return whom an API key belongs to, or None when it is unknown, expired or revoked."""

    async def of_signature(self, key_id: str, header: str, octets: bytes) -> Principal:
        """Return whose API key signed these octets; one that is none, forged or old is a `ProblemError`."""

    async def of_session(self, request: web.Request) -> Principal | None:
        """Return whom the console's session cookie belongs to; a write needs its CSRF token too."""


class Memory(Protocol):
    """Answers to requests that carried an Idempotency-Key, kept for 48 hours."""

    async def begin(self, principal: str, key: str, fingerprint: str) -> Remembered | None:
        """Claim a key, or return the answer it had.

        Raises `KeyReusedError` when the key was used for another request, `KeyBusyError` while the
        first one is being answered.
        """

    async def finish(self, principal: str, key: str, answer: Remembered) -> None:
        """Keep the answer."""

    async def forget(self, principal: str, key: str) -> None:
        """Let go of a key whose request may be tried again: it failed on our side, or came too early."""


class KeyReusedError(Exception):
    """An Idempotency-Key came with another request than before."""


class KeyBusyError(Exception):
    """The first request with this Idempotency-Key has no answer yet."""


@dataclass(frozen=True, slots=True)
class Door:
    """What every operation's request passes through."""

    identities: Identities
    memory: Memory
    limiter: SlidingWindowCounterRateLimiter

    def handler(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """Return the aiohttp handler of an operation."""
        limit = parse(operation.rate)

        async def handle(request: web.Request) -> web.StreamResponse:
            language = language_of(request)
            try:
                return await self._handle(operation, limit, request)
            except ProblemError as problem:
                return problem.response(language, request.path)
            except DATABASE_AWAY:
                away = ProblemError(
                    "unavailable",
                    es="la base de datos no responde",
                    en="the database does not answer",
                    headers={"Retry-After": "2"},
                )
                return away.response(language, request.path)

        return handle

    async def _handle(self, operation: Operation, limit: RateLimitItem, request: web.Request) -> web.Response:
        octets = None
        if operation.signed and request.headers.get("Authorization", "").startswith(f"{SCHEME} "):
            octets = await _read_octets(operation, request)
        principal = await self._principal(operation, request, octets)
        await self.limit(operation, limit, principal, request.app[CLOCK]())
        language = language_of(request, principal.language)
        given = [*request.match_info.values(), *request.query.values(), *request.query]
        if given and unstorable(given):
            raise no_text()
        query = _read_query(operation, request)
        if octets is None:
            octets = await _read_octets(operation, request)
        body = _read_body(operation, octets)
        call = Call(request, principal, language, dict(request.match_info), query, body)
        key = request.headers.get(IDEMPOTENCY_KEY)
        if key is None or not operation.repeatable:
            return await _answered(await operation.handler(call), language)
        return await self._once(operation, call, key, octets)

    async def _principal(self, operation: Operation, request: web.Request, signed: bytes | None) -> Principal:
        scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
        principal = None
        if signed is not None:
            header = request.headers.get(SIGNATURE_HEADER, "")
            principal = await self.identities.of_signature(credential.strip(), header, signed)
        elif scheme.lower() == "bearer":
            principal = await self.identities.of_key(credential.strip())
        elif not scheme:
            principal = await self.identities.of_session(request)
        if principal is None:
            raise ProblemError("unauthorized", headers={"WWW-Authenticate": 'Bearer realm="posdata"'})
        if principal.role not in operation.roles or not principal.may(operation.tag, writes=operation.writes):
            raise ProblemError("forbidden")
        return principal

    async def limit(
        self, operation: Operation, limit: RateLimitItem, principal: Principal, now: float
    ) -> None:
        """Count one request of a principal; `now` in Unix seconds. Raises `ProblemError` for one too many."""
        if not await self.limiter.hit(limit, operation.name, principal.id):
            reset, _ = await self.limiter.get_window_stats(limit, operation.name, principal.id)
            wait = max(1, round(reset - now))
            raise ProblemError("too_many", headers={"Retry-After": str(wait)})

    async def _once(
        self, operation: Operation, call: Call[Any, Any], key: str, octets: bytes
    ) -> web.Response:
        """Do a request with an Idempotency-Key once; answer its repetitions alike."""
        if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
            raise _faulty(
                "", "bad_key", "Idempotency-Key: de 1 a 255 caracteres ASCII", "1–255 ASCII characters"
            )
        principal = call.principal.id
        fingerprint = hashlib.sha256(
            b"\0".join((operation.name.encode(), call.request.path_qs.encode(), octets))
        ).hexdigest()
        try:
            former = await self.memory.begin(principal, key, fingerprint)
        except KeyReusedError:
            raise _faulty(
                "",
                "key_reused",
                "esa Idempotency-Key ya se usó con otra solicitud; use una nueva",
                "that Idempotency-Key was used for another request; use a new one",
            ) from None
        except KeyBusyError:
            raise ProblemError(
                "conflict",
                es="la primera solicitud con esa Idempotency-Key aún no termina",
                en="the first request with that Idempotency-Key is not finished",
                headers={"Retry-After": "1"},
            ) from None
        if former is not None:
            status, headers, body = former
            return web.Response(status=status, headers={**headers, "Idempotent-Replayed": "true"}, body=body)
        try:
            response = await _answered(await operation.handler(call), call.language)
        except ProblemError as problem:
            response = problem.response(call.language, call.request.path)
        except BaseException:
            await self.memory.forget(principal, key)
            raise
        if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR or "Retry-After" in response.headers:
            await self.memory.forget(principal, key)
            return response
        kept = {
            name: response.headers[name]
            for name in ("Content-Type", "ETag", "Location")
            if name in response.headers
        }
        await self.memory.finish(principal, key, (response.status, kept, bytes(response.body or b"")))  # type: ignore[arg-type]  # our answers are octets
        return response


def api_app(
    app: web.Application, operations: Sequence[Operation], door: Door, clock: Callable[[], float]
) -> None:
    """Add all operations to an application; paths are below PREFIX. `clock` gives Unix seconds."""
    app[CLOCK] = clock
    for operation in operations:
        app.router.add_route(operation.method, PREFIX + operation.path, door.handler(operation))


def make_door(identities: Identities, memory: Memory) -> Door:
    """Return a door whose rate limits are this process's own."""
    return Door(identities, memory, make_limiter())


@web.middleware
async def problems_for_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer what aiohttp refuses by itself, and bugs, with problem details below /api."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if not request.path.startswith("/api/") or error.status < 400:
            raise
        kind = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
            error.status, "bad_request"
        )
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return ProblemError(kind, headers=allow).response(language_of(request), request.path)
    except Exception as error:
        if not request.path.startswith("/api/"):
            raise
        log.error("alarm_internal_error", path=request.path, exc_info=error)
        return ProblemError("internal").response(language_of(request), request.path)


def _read_query(operation: Operation, request: web.Request) -> BaseModel:
    given: dict[str, Any] = {}
    for name in request.query:
        values = request.query.getall(name)
        given[name] = values[0] if len(values) == 1 else values
    try:
        return operation.query.model_validate(given)
    except ValidationError as error:
        faults = [
            Fault("?" + fault.pointer.removeprefix("/"), fault.code, fault.es, fault.en)
            for fault in shape_faults(error, operation.query)
        ]
        raise ProblemError("invalid", faults=faults) from None


async def _read_octets(operation: Operation, request: web.Request) -> bytes:
    if operation.body is None and not operation.raw_body:
        return b""
    if request.can_read_body and request.content_type not in operation.body_types:
        accepted = ", ".join(operation.body_types)
        raise ProblemError("unsupported_type", es=f"se acepta {accepted}", en=f"{accepted} is accepted")
    if (request.content_length or 0) > operation.max_octets:
        raise ProblemError("too_large")
    octets = bytearray()
    async for chunk in request.content.iter_chunked(65536):
        octets += chunk
        if len(octets) > operation.max_octets:
            raise ProblemError("too_large")
    return bytes(octets)


def _read_body(operation: Operation, octets: bytes) -> Any:
    if operation.body is None:
        return octets if operation.raw_body else None
    return read_document(octets) if operation.raw_body else read_shape(octets, operation.body)


async def _answered(answer: Answer, language: str) -> web.Response:
    if answer.large:
        return await asyncio.to_thread(_response, answer, language)
    return _response(answer, language)


def _response(answer: Answer, language: str) -> web.Response:
    headers = {"Content-Language": language, **answer.headers}
    if answer.octets is not None:
        return web.Response(
            body=answer.octets, status=answer.status, content_type=answer.content_type, headers=headers
        )
    if answer.document is None:
        return web.Response(status=answer.status if answer.status != 200 else 204, headers=headers)
    return web.Response(
        body=to_json(answer.document),
        status=answer.status,
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


def _faulty(pointer: str, code: str, es: str, en: str) -> ProblemError:
    return ProblemError("invalid", faults=[Fault(pointer, code, es, en)])
