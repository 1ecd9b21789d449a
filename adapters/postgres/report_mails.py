"""Who gets the daily report, and who has it already."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from adapters.postgres.brand_grants import ACTS_FOR
from adapters.postgres.pool import Pool

# Those who own campaigns: an advertiser's or agency's users, with the brands that they act for.
_DUE = f"""
SELECT u.id, u.email, u.language, brands.names
FROM users u
CROSS JOIN LATERAL (SELECT {ACTS_FOR.format(who="u")} AS names) AS brands
WHERE u.disabled_at IS NULL AND u.role IN ('advertiser', 'brand_manager') AND cardinality(brands.names) > 0
    AND NOT EXISTS (SELECT FROM report_mails m WHERE m.day = $1 AND m.recipient = u.id)
ORDER BY u.email
"""  # noqa: S608  # the only thing put in is an alias of ours


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who gets a report, the language they read, the brands it is about."""

    id: str
    email: str
    language: str
    brands: frozenset[str]


class PostgresReportMails:
    """The reports of a day; each is claimed once, by whatever node."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def due(self, day: date) -> Sequence[Recipient]:
        """Return who has no report about a day yet."""
        rows = await self._pool.fetch(_DUE, day)
        return [
            Recipient(str(row["id"]), row["email"], row["language"], frozenset(row["names"])) for row in rows
        ]

    async def claim(self, day: date, recipient: str) -> bool:
        """Take it upon us to send a report; False when somebody else has."""
        status = await self._pool.execute(
            "INSERT INTO report_mails (day, recipient) VALUES ($1, $2) ON CONFLICT DO NOTHING", day, recipient
        )
        return status == "INSERT 0 1"

    async def release(self, day: date, recipient: str) -> None:
        """Leave a report that could not be sent to the next attempt."""
        await self._pool.execute("DELETE FROM report_mails WHERE (day, recipient) = ($1, $2)", day, recipient)
