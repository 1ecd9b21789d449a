"""API keys that are in use, kept in memory for a moment: who asks often waits for no database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from adapters.postgres.pool import DATABASE_FAULTS
from engine.access import Principal

TRUSTED_S = 1.0
"""What was read is used for so long: a key that was revoked elsewhere is worthless within it."""

RENEWED_S = 0.4
"""What is older is read again, behind the request that meets it."""

IN_USE_S = 60.0
MOST = 500

log = structlog.get_logger()


Read = Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, Principal]]]
"""Who keys belong to, by hash, without those that are unknown, expired or revoked."""


@dataclass(slots=True)
class _Known:
    """Whose a key is, as of monotonic second `read_at`; when it was last shown."""

    principal: Principal
    read_at: float
    used_at: float


class KnownKeys:
    """Keys in use are read again together, so that a request with one of them finds it fresh."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._renewing: asyncio.Task[None] | None = None

    def forget(self) -> None:
        """Ask the register from now on: something in it was changed here."""
        self._known = {}

    async def principal(self, sha256: bytes, read: Read) -> Principal | None:
        """Return whom the key of a hash belongs to, or None when it is unknown, expired or revoked."""
        known, now = self._known, self._clock()
        found = known.get(sha256)
        if found is None or now - found.read_at > TRUSTED_S:
            principal = (await read([sha256])).get(sha256)
            known.pop(sha256, None)
            if principal is not None and len(known) < MOST:
                known[sha256] = _Known(principal, now, now)
            return principal
        found.used_at = now
        if now - found.read_at > RENEWED_S and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew(known, read))
        return found.principal

    async def _renew(self, known: dict[bytes, _Known], read: Read) -> None:
        """Read what is in use again. What was forgotten meanwhile stays forgotten."""
        now = self._clock()
        for sha256 in [each for each, found in known.items() if now - found.used_at > IN_USE_S]:
            del known[sha256]
        asked = list(known)
        try:
            principals = await read(asked)
        except DATABASE_FAULTS as error:  # what is known grows too old to be used
            log.warning("keys_not_read", error=f"{type(error).__name__}: {error}")
            return
        for sha256 in asked:
            found, principal = known.get(sha256), principals.get(sha256)
            if principal is None:
                known.pop(sha256, None)
            elif found is not None:
                found.principal, found.read_at = principal, now
