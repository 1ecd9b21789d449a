"""What is to be sent through our own session, in PostgreSQL: answers to leads, notices to the short code.

The state is written before a message may leave, so that nothing is sent twice: what was `claimed` when its
sender died surely did not leave and is due again, what was `sending` may have left and is `unknown`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import asyncpg

from adapters.postgres.pool import Connection, Pool

Box = Literal["answers", "notices"]

# Any number that no other advisory lock has: "answers" in ASCII.
LOCK: Final = int.from_bytes(b"answers")

_FAULT_CHARACTERS: Final = 200
_RECEIPTS_KEPT: Final = timedelta(days=1)

_ABANDONED = """
UPDATE answers SET state = CASE WHEN state = 'sending' AND kind <> 'webhook' THEN 'unknown' ELSE 'due' END,
    fault = CASE WHEN state = 'sending' AND kind <> 'webhook' THEN 'the sender died' ELSE fault END
WHERE state IN ('claimed', 'sending')
"""

_SENDING = "UPDATE answers SET state = 'sending' WHERE number = $1 AND state = 'claimed' RETURNING 1"

# A late answer makes known what was unknown; what is over stays as it is.
_SETTLE = """
UPDATE answers SET state = $2, attempts = attempts + $3, next_at = COALESCE($4, next_at), fault = $5,
    message_id = $6, sent_at = CASE WHEN $2 IN ('sent', 'delivered', 'unknown') THEN $7 ELSE sent_at END
WHERE number = $1 AND state IN ('claimed', 'sending', 'unknown')
"""

_MATCH = """
UPDATE answers SET state = r.state FROM answer_receipts r
WHERE r.message_id = ANY($1) AND answers.message_id = r.message_id AND answers.state = 'sent'
RETURNING r.message_id
"""

_CLAIM_ANSWERS = """
WITH picked AS (
    SELECT number FROM answers WHERE state = 'due' AND next_at <= $1 AND kind <> 'webhook'
    ORDER BY next_at, number LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE answers a SET state = 'claimed' FROM picked WHERE a.number = picked.number
RETURNING a.number, a.lead, a.kind, a.engagement
"""

_GIVE = """
UPDATE coupons SET lead = $2, given_at = $3
WHERE (engagement, position) = (
    SELECT engagement, position FROM coupons WHERE engagement = $1 AND lead IS NULL
    ORDER BY position LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING code
"""

_READ_ANSWERS = """
SELECT a.number, a.lead, a.kind, a.attempts, a.created_at, e.name, e.brand, e.confirmation, l.caller,
    l.option, k.code
FROM answers a JOIN engagements e ON e.number = a.engagement
LEFT JOIN leads l ON l.number = a.lead LEFT JOIN coupons k ON k.lead = a.lead AND a.kind = 'coupon'
WHERE a.number = ANY($1) AND a.state = 'claimed' ORDER BY a.next_at, a.number
"""

_CLAIM_NOTICES = """
WITH picked AS (
    SELECT number FROM notices WHERE state = 'due' AND next_at <= $1
    ORDER BY next_at, number LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE notices n SET state = 'claimed' FROM picked WHERE n.number = picked.number
RETURNING n.number, n.subscriber, n.wish, n.attempts, n.created_at
"""

_CLAIM_WEBHOOKS = """
WITH picked AS (
    SELECT number FROM answers
    WHERE state = 'due' AND next_at <= $1 AND kind = 'webhook' AND engagement <> ALL($3::int[])
    ORDER BY lead LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE answers a SET state = 'sending' FROM picked, engagements e, leads l
WHERE a.number = picked.number AND e.number = a.engagement AND l.number = a.lead
RETURNING a.number, a.lead, a.engagement, a.attempts, a.created_at, e.id, e.name, e.brand, e.purpose,
    e.webhook, e.webhook_secret, e.share_number,
    l.caller, l.masked, l.option, l.first_call, l.calls, l.state, l.lada
"""

_NOTE = """
INSERT INTO notices (subscriber, wish, day, next_at, created_at)
SELECT s, w, $3::timestamptz::date, $3, $3 FROM unnest($1::bigint[], $2::text[]) AS n (s, w)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Settled:
    """What an attempt came to: the new state, when it is tried again, what it met, the SMSC's id of it."""

    state: Literal["due", "waiting", "sent", "delivered", "failed", "unknown"]
    fault: str | None = None
    next_at: datetime | None = None
    message_id: str | None = None


class PostgresAnswersOut:
    """The two boxes of outgoing messages; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def take_over(self) -> int:
        """Decide what a former sender left under way, and return how many are now unknown."""
        async with self._pool.acquire() as connection, connection.transaction():
            for box in _BOXES:
                await connection.execute(_of(box, _ABANDONED))
            return int(await connection.fetchval(_UNKNOWN))

    async def claim(self, now: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """Take the answers that are due, each with its coupon; those without one wait.

        A row has number, lead, kind, attempts, created_at, name, brand, confirmation, caller (sealed; None
        when the lead is gone), option, code.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            claimed = await connection.fetch(_CLAIM_ANSWERS, now, limit)
            for row in claimed:
                if row["kind"] == "coupon":
                    await _give(connection, row, now)
            rows = await connection.fetch(_READ_ANSWERS, [row["number"] for row in claimed])
        return [dict(row) for row in rows]

    async def claim_notices(self, now: datetime, limit: int) -> Sequence[Mapping[str, Any]]:
        """Take the notices that are due: number, subscriber (sealed), wish, attempts, created_at."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_CLAIM_NOTICES, now, limit)
        return [dict(row) for row in rows]

    async def claim_webhooks(
        self, now: datetime, limit: int, busy: Collection[int]
    ) -> Sequence[Mapping[str, Any]]:
        """Take the leads that webhooks of engagements that are not busy are to be told of, in order."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_CLAIM_WEBHOOKS, now, limit, list(busy))
        return sorted((dict(row) for row in rows), key=lambda row: row["lead"])

    async def sending(self, box: Box, number: int) -> bool:
        """Write that a message is about to leave; False when it is no more ours to send."""
        async with self._pool.acquire() as connection:
            return await connection.fetchval(_of(box, _SENDING), number) is not None

    async def settle(
        self, box: Box, number: int, settled: Settled, now: datetime, *, attempts: int = 1
    ) -> None:
        """Write what an attempt came to."""
        fault = settled.fault and settled.fault[:_FAULT_CHARACTERS]
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                _of(box, _SETTLE),
                *(number, settled.state, attempts, settled.next_at, fault, settled.message_id, now),
            )
            if box == "answers" and settled.state == "failed":
                await connection.execute(_GIVE_BACK, number)
        if settled.message_id is not None:
            async with self._pool.acquire() as connection:  # after the commit: one of the two sees the other
                await _match(connection, box, [settled.message_id])

    async def receipts(self, states: Mapping[str, Literal["delivered", "failed"]], now: datetime) -> None:
        """Write what receipts said, by message_id; they may come before `settle` has written the id."""
        if not states:
            return
        async with self._pool.acquire() as connection:
            await connection.execute("DELETE FROM answer_receipts WHERE at < $1", now - _RECEIPTS_KEPT)
            await connection.execute(
                "INSERT INTO answer_receipts SELECT r, s, $3 FROM unnest($1::text[], $2::text[]) AS n (r, s)",
                *(list(states), list(states.values()), now),
            )
            for box in _BOXES:
                await _match(connection, box, list(states))


async def note_wishes(connection: Connection, wishes: Sequence[tuple[int, str]], now: datetime) -> None:
    """Owe a notice to each sealed subscriber for a wish, one a day; in the transaction that takes it over."""
    await connection.execute(_NOTE, [each for each, _ in wishes], [wish for _, wish in wishes], now)


_BOXES: Final[Sequence[Box]] = ("answers", "notices")

_UNKNOWN = """
SELECT (SELECT count(*) FROM answers WHERE state = 'unknown')
    + (SELECT count(*) FROM notices WHERE state = 'unknown')
"""

# What was definitely refused gave nobody a code.
_GIVE_BACK = """
UPDATE coupons SET lead = NULL, given_at = NULL
WHERE lead = (SELECT lead FROM answers WHERE number = $1 AND kind = 'coupon' AND state = 'failed')
"""


def _of(box: Box, statement: str) -> str:
    """Return a statement on answers for another box, which has the same columns but for `kind`."""
    if box == "answers":
        return statement
    return statement.replace("answers", box).replace(" AND kind <> 'webhook'", "")


async def _match(connection: Connection, box: Box, message_ids: Sequence[str]) -> None:
    """Take over what receipts said of messages that are sent."""
    matched = await connection.fetch(_of(box, _MATCH), message_ids)
    if matched:
        done = [row["message_id"] for row in matched]
        await connection.execute("DELETE FROM answer_receipts WHERE message_id = ANY($1)", done)


async def _give(connection: Connection, row: asyncpg.Record, now: datetime) -> None:
    """Give a lead its code, the one it has or the next of the list."""
    has = await connection.fetchval("SELECT code FROM coupons WHERE lead = $1", row["lead"])
    if has is None and await connection.fetchval(_GIVE, row["engagement"], row["lead"], now) is None:
        await connection.execute(
            "UPDATE answers SET state = 'waiting', fault = 'no coupon is left' WHERE number = $1",
            row["number"],
        )
