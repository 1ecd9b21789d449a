"""What operations switch (ads, stopped campaigns) and which nodes say that they act on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.postgres.audit import write_audit
from adapters.postgres.pool import Connection, Pool, snapshot
from engine.verdict import Verdict

_SET_ADS = """
UPDATE switches SET ads_on = $1, version = version + 1, changed_by = $2, changed_at = $3 WHERE ads_on <> $1
"""

# The row's lock orders those who switch, so that a version is never seen before a lower one. Locks come in
# one order: the stock's, campaigns, ledgers, this row, and the audit log's behind all others.
RAISE_VERSION = "UPDATE switches SET version = version + 1, changed_by = $1, changed_at = $2"

_STOP = "UPDATE campaigns SET stopped_by = $2, stopped_at = $3 WHERE number = $1 AND stopped_at IS NULL"

_RESUME = """
UPDATE campaigns SET stopped_by = NULL, stopped_at = NULL WHERE number = $1 AND stopped_at IS NOT NULL
"""

# What must not be served any more, at once: `ads stop`, pause, and cancel while anybody holds its units.
_STOPPED = """
SELECT number FROM campaigns c
WHERE stopped_at IS NOT NULL OR state = 'paused' OR (
    finish_reason = 'cancelled' AND EXISTS (SELECT FROM ledger WHERE campaign = c.number AND leased > 0)
)
"""

# Texts that the breaker found harmful, and those that were taken down.
_HARMFUL = """
SELECT creative_version FROM harmful_versions WHERE cleared_at IS NULL
UNION
SELECT v.number FROM creative_versions v
JOIN creatives cr ON cr.id = v.creative JOIN campaigns c ON c.number = cr.campaign
WHERE v.review = 'taken_down' AND c.state <> 'finished'
"""

# A version that is no longer there, or that is listed already, changes nothing.
_ADD_HARMFUL = """
INSERT INTO harmful_versions (creative_version, node, answered, refused, bare, bare_refused, found_at)
SELECT number, $2, $3, $4, $5, $6, $7 FROM creative_versions WHERE number = $1
ON CONFLICT (creative_version) WHERE cleared_at IS NULL DO NOTHING
"""

_CLEAR = """
UPDATE harmful_versions h SET cleared_by = $2, cleared_at = $3
FROM creative_versions v JOIN creatives cr ON cr.id = v.creative
WHERE h.creative_version = v.number AND cr.campaign = $1 AND h.cleared_at IS NULL
"""

_FIND = """
SELECT number FROM campaigns
WHERE id::text = lower($1) OR external_id = $1 OR number::text = $1 ORDER BY number
"""

_BEAT = """
INSERT INTO nodes (name, confirmed, status, seen_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO UPDATE
SET confirmed = excluded.confirmed, status = excluded.status, seen_at = excluded.seen_at
"""


@dataclass(frozen=True, slots=True)
class Switches:
    """The switches as of one version; `stopped` holds campaign numbers, `harmful` creative versions."""

    version: int
    ads_on: bool
    stopped: frozenset[int]
    harmful: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SwitchedCampaign:
    """The campaign that was stopped or resumed, and the switches' version that says so."""

    number: int
    version: int


@dataclass(frozen=True, slots=True)
class Node:
    """A node's last word; `confirmed` is the switches' version that all its workers act on."""

    name: str
    seen_at: datetime
    confirmed: int
    status: Mapping[str, Any]


class CampaignNotFoundError(Exception):
    """No campaign, or more than one, has the name that was given."""


class PostgresSwitches:
    """The switches and the nodes' confirmations; all instants are passed in."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self) -> Switches:
        """Return the switches as of one instant."""
        async with snapshot(self._pool) as connection:
            [row] = await connection.fetch("SELECT version, ads_on FROM switches")
            stopped = await connection.fetch(_STOPPED)
            harmful = await connection.fetch(_HARMFUL)
        return Switches(
            row["version"],
            row["ads_on"],
            frozenset(one["number"] for one in stopped),
            frozenset(one["creative_version"] for one in harmful),
        )

    async def ads(self, *, on: bool, by: str, now: datetime) -> int:
        """Switch ads on or off for every node; return the version to be confirmed."""
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.execute(_SET_ADS, on, by, now) == "UPDATE 1":
                before, after = {"ads": not on}, {"ads": on}
                await write_audit(connection, by, "switch", "ads", "all", before, after, now)
            return await _version(connection)

    async def stop(self, campaign: str, *, by: str, now: datetime) -> SwitchedCampaign:
        """Stop a campaign by its id, external id or number; stopping it twice changes nothing.

        Raises `CampaignNotFoundError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            number = await _find(connection, campaign)
            stopped = await connection.execute(_STOP, number, by, now) == "UPDATE 1"
            if stopped:
                await connection.execute(RAISE_VERSION, by, now)
            switched = SwitchedCampaign(number, await _version(connection))
            if stopped:
                await _audit(connection, number, "stop", by, now)
            return switched

    async def resume(self, campaign: str, *, by: str, now: datetime) -> SwitchedCampaign:
        """Undo `stop`, and let its texts that were found harmful serve again; twice changes nothing.

        Raises `CampaignNotFoundError`.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            number = await _find(connection, campaign)
            resumed = await connection.execute(_RESUME, number)
            cleared = await connection.execute(_CLEAR, number, by, now)
            changed = (resumed, cleared) != ("UPDATE 0", "UPDATE 0")
            if changed:
                await connection.execute(RAISE_VERSION, by, now)
            switched = SwitchedCampaign(number, await _version(connection))
            if changed:
                await _audit(connection, number, "resume", by, now)
            return switched

    async def stop_text(self, verdict: Verdict, *, node: str, now: datetime) -> None:
        """Stop a creative version that does harm, on every node; doing it twice changes nothing."""
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.execute(
                _ADD_HARMFUL,
                verdict.creative_version,
                node,
                verdict.answered,
                verdict.refused,
                verdict.bare,
                verdict.bare_refused,
                now,
            )
            if status == "INSERT 0 1":
                await connection.execute(RAISE_VERSION, node, now)

    async def beat(self, node: str, confirmed: int, status: Mapping[str, Any], *, now: datetime) -> None:
        """Record that a node lives, what it confirms and how it is."""
        await self._pool.execute(_BEAT, node, confirmed, dict(status), now)

    async def nodes(self) -> Sequence[Node]:
        """Return every node's last word, by name."""
        rows = await self._pool.fetch("SELECT name, seen_at, confirmed, status FROM nodes ORDER BY name")
        return [Node(row["name"], row["seen_at"], row["confirmed"], row["status"]) for row in rows]


async def _find(connection: Connection, campaign: str) -> int:
    found = await connection.fetch(_FIND, campaign)
    if not found:
        raise CampaignNotFoundError(f"no campaign {campaign!r}; `posdata campaigns list` shows them")
    if len(found) > 1:
        numbers = ", ".join(str(row["number"]) for row in found)
        raise CampaignNotFoundError(f"{campaign!r} is the name of campaigns {numbers}; say which by its id")
    number: int = found[0]["number"]
    return number


async def _audit(connection: Connection, number: int, action: str, by: str, now: datetime) -> None:
    campaign = await connection.fetchval("SELECT id::text FROM campaigns WHERE number = $1", number)
    await write_audit(connection, by, action, "campaign", campaign, None, None, now)


async def _version(connection: Connection) -> int:
    version: int = await connection.fetchval("SELECT version FROM switches")
    return version
