"""Coupon codes in PostgreSQL: lists are added to, each code is given to one lead at most."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.audit import write_audit
from adapters.postgres.identity import MissingError
from adapters.postgres.pool import Connection, Pool
from engine.access import Principal

_STOCK = """
SELECT count(*) AS uploaded, count(c.lead) AS given,
    (SELECT count(*) FROM answers a WHERE a.engagement = $1 AND a.state = 'waiting') AS waiting
FROM coupons c WHERE c.engagement = $1
"""

# Whoever waited for a code is answered now.
_WAKE = (
    "UPDATE answers SET state = 'due', next_at = $2, fault = NULL WHERE engagement = $1 AND state = 'waiting'"
)


class NoCouponsError(Exception):
    """The engagement gives out no coupons."""


class KnownCodesError(Exception):
    """Some codes are in the engagement's list already."""

    def __init__(self, codes: Sequence[str]) -> None:
        super().__init__(f"{len(codes)} codes are there already")
        self.codes = codes


@dataclass(frozen=True, slots=True)
class CouponStock:
    """How many codes an engagement has; `waiting` leads are to get one when there are more."""

    uploaded: int
    given: int
    waiting: int

    @property
    def left(self) -> int:
        """Codes that nobody has."""
        return self.uploaded - self.given


async def find_engagement(connection: Connection, engagement: str, principal: Principal) -> asyncpg.Record:
    """Return the row of an engagement that a principal may see. Raises `MissingError`."""
    try:
        wanted = UUID(engagement)
    except ValueError:
        raise MissingError("engagement") from None
    row = await connection.fetchrow("SELECT * FROM engagements WHERE id = $1", wanted)
    if row is None or not (
        principal.is_carrier or (row["brand"] is not None and principal.sees(row["brand"]))
    ):
        raise MissingError("engagement")
    return row


class PostgresCoupons:
    """The lists of coupon codes; instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add(
        self, engagement: str, codes: Sequence[str], *, principal: Principal, at: datetime
    ) -> CouponStock:
        """Add codes to an engagement's list, all or none.

        Raises `MissingError`, `NoCouponsError`, `KnownCodesError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            row = await find_engagement(connection, engagement, principal)
            number: int = row["number"]
            if row["purpose"] != "coupon":
                raise NoCouponsError
            await connection.execute("SELECT FROM engagements WHERE number = $1 FOR UPDATE", number)
            known = await connection.fetch(
                "SELECT code FROM coupons WHERE engagement = $1 AND code = ANY($2)", number, codes
            )
            if known:
                raise KnownCodesError([each["code"] for each in known])
            first = await connection.fetchval(
                "SELECT coalesce(max(position) + 1, 0) FROM coupons WHERE engagement = $1", number
            )
            await connection.copy_records_to_table(
                "coupons",
                columns=("engagement", "position", "code"),
                records=[(number, first + index, code) for index, code in enumerate(codes)],
            )
            await connection.execute(_WAKE, number, at)
            after: dict[str, Any] = {"codes": len(codes)}
            await write_audit(
                connection, principal.name, "add-coupons", "engagement", engagement, None, after, at
            )
            return await _stock(connection, number)

    async def stock(self, engagement: str, principal: Principal) -> CouponStock:
        """Return how many codes there are. Raises `MissingError`, `NoCouponsError`."""
        async with self._pool.acquire() as connection:
            row = await find_engagement(connection, engagement, principal)
            if row["purpose"] != "coupon":
                raise NoCouponsError
            return await _stock(connection, row["number"])


async def _stock(connection: Connection, number: int) -> CouponStock:
    row = await connection.fetchrow(_STOCK, number)
    assert row is not None  # noqa: S101  # an aggregate without GROUP BY is one row
    return CouponStock(row["uploaded"], row["given"], row["waiting"])
