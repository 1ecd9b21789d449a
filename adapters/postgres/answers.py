"""Answers to requests with an Idempotency-Key, kept for 48 hours (DESIGN §10)."""

from collections.abc import Callable
from datetime import datetime, timedelta

from adapters.http.api import KeyBusyError, KeyReusedError, Remembered
from adapters.postgres.pool import Pool

KEPT = timedelta(hours=48)
# A first request that has no answer after this died with its process: its key is free again.
GIVEN_UP = timedelta(minutes=2)


class PostgresAnswers:
    """The memory of the API's front door; `clock` gives aware instants."""

    def __init__(self, pool: Callable[[], Pool], clock: Callable[[], datetime]) -> None:
        self._pool = pool
        self._clock = clock

    async def begin(self, principal: str, key: str, fingerprint: str) -> Remembered | None:
        """Claim a key, or return the answer it had. Raises `KeyReusedError`, `KeyBusyError`."""
        now = self._clock()
        async with self._pool().acquire() as connection, connection.transaction():
            await connection.execute(
                """
                DELETE FROM remembered_answers
                WHERE begun_at < $1 OR (principal = $2 AND key = $3 AND status IS NULL AND begun_at < $4)
                """,
                *(now - KEPT, principal, key, now - GIVEN_UP),
            )
            claimed = await connection.fetchval(
                """
                INSERT INTO remembered_answers (principal, key, fingerprint, begun_at)
                VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true
                """,
                *(principal, key, fingerprint, now),
            )
            if claimed:
                return None
            row = await connection.fetchrow(
                "SELECT * FROM remembered_answers WHERE principal = $1 AND key = $2", principal, key
            )
        if row is None:
            raise KeyBusyError
        if row["fingerprint"] != fingerprint:
            raise KeyReusedError
        if row["status"] is None:
            raise KeyBusyError
        return row["status"], row["headers"], row["body"]

    async def finish(self, principal: str, key: str, answer: Remembered) -> None:
        """Keep the answer."""
        status, headers, body = answer
        async with self._pool().acquire() as connection:
            await connection.execute(
                """
                UPDATE remembered_answers SET status = $3, headers = $4, body = $5
                WHERE principal = $1 AND key = $2
                """,
                *(principal, key, status, headers, body),
            )

    async def forget(self, principal: str, key: str) -> None:
        """Let go of a key whose request failed on our side."""
        async with self._pool().acquire() as connection:
            await connection.execute(
                "DELETE FROM remembered_answers WHERE principal = $1 AND key = $2 AND status IS NULL",
                *(principal, key),
            )
