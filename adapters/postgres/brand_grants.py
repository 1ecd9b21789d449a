"""Which brands somebody acts for: their organisation's own, and those that were granted to it."""

from datetime import datetime
from typing import Final

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Pool

ACTS_FOR: Final = """
ARRAY(
    SELECT known.name FROM (
        SELECT b.name FROM brands b WHERE b.organisation = {who}.organisation
        UNION SELECT g.brand FROM brand_grants g WHERE g.organisation = {who}.organisation
    ) AS known WHERE {who}.brands IS NULL OR known.name = ANY({who}.brands)
)
"""
"""The brands of a row `who` of users or api_keys: all of its organisation, or those named."""


async def withdraw_brand(pool: Pool, brand: str, organisation: str, *, actor: str, at: datetime) -> bool:
    """Let an agency act for a brand no more; False where it did not."""
    async with pool.acquire() as connection, connection.transaction():
        gone = await connection.fetchval(
            "DELETE FROM brand_grants WHERE brand = $1 AND organisation = $2 RETURNING true",
            *(brand, organisation),
        )
        if gone:
            before = {"organisation": organisation}
            await write_audit(connection, actor, "withdraw", "brand", brand, before, None, at)
    return bool(gone)
