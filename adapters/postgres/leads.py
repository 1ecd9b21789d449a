"""Leads in PostgreSQL: calls brought in exactly once, with what they owe and what their callers chose."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from adapters.postgres.choices import ALL, SUPPRESSION, Choices, Word, scope_of
from adapters.postgres.engagements import read_assigned
from adapters.postgres.pool import Connection, Pool
from adapters.postgres.wishes import take_wishes
from engine.access import Principal
from inventory.books import Epoch, SequenceGapError
from inventory.keywords import Wished
from inventory.leads import (
    CHOICES,
    Assigned,
    Call,
    Gathered,
    Gathering,
    LeadKey,
    Source,
    TallyKey,
    gather,
    tally_key,
)
from inventory.reports import CalledBack
from segments.seal import Seal

LEADS_CHANNEL = "posdata_leads"
"""NOTIFY channel: there are answers to be sent."""

SEEN_FOR = timedelta(hours=48)
"""How long a posted call or nonce is remembered."""

# Any number that no other advisory lock has: "leads" in ASCII.
_LOCK = int.from_bytes(b"leads")
_EXPIRED_AT_ONCE = 5000
_ALL_LEADS = (1 << 63) - 1
DAY_S = 86400

_APPLIED = "SELECT applied FROM lead_epochs WHERE node = $1 AND worker = $2 AND epoch = $3 FOR UPDATE"
_RAISE_APPLIED = "UPDATE lead_epochs SET applied = $4 WHERE node = $1 AND worker = $2 AND epoch = $3"

_PUT = """
INSERT INTO leads (engagement, window_start, caller, masked, first_call, last_call, calls, option, state,
    lada, wording_version, source)
SELECT g.*, $12 FROM unnest($1::int[], $2::timestamptz[], $3::bigint[], $4::text[], $5::timestamptz[],
    $6::timestamptz[], $7::int[], $8::text[], $9::text[], $10::text[], $11::int[]) AS g
ON CONFLICT (engagement, window_start, caller) DO UPDATE SET calls = leads.calls + excluded.calls,
    first_call = least(leads.first_call, excluded.first_call),
    last_call = greatest(leads.last_call, excluded.last_call)
RETURNING engagement, window_start, caller, number, calls
"""

_COUNT = """
INSERT INTO lead_tallies (engagement, hour, option, state, lada, digits, calls, leads)
SELECT * FROM unnest($1::int[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[],
    $8::bigint[])
ON CONFLICT (engagement, hour, option, state, lada, digits)
DO UPDATE SET calls = lead_tallies.calls + excluded.calls, leads = lead_tallies.leads + excluded.leads
"""

_OWE = """
INSERT INTO answers (lead, kind, engagement, digits, next_at, created_at)
SELECT lead, kind, engagement, digits, $5, $5
FROM unnest($1::bigint[], $2::text[], $3::int[], $4::text[]) AS o (lead, kind, engagement, digits)
ON CONFLICT DO NOTHING
"""

_PARTITIONS = """
SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'leads'::regclass
"""

# The carrier sees all leads, others those of their brands.
_LISTED = """
SELECT l.number, e.id AS engagement, l.window_start, l.caller, l.masked, l.first_call, l.last_call, l.calls,
    l.option, l.state, l.lada, l.wording_version, l.source, e.share_number,
    (SELECT jsonb_object_agg(a.kind, a.state) FROM answers a WHERE a.lead = l.number) AS answers
FROM leads l JOIN engagements e ON e.number = l.engagement
WHERE ($1 OR e.brand = ANY($2)) AND e.id::text = $3 AND l.number < $4 ORDER BY l.number DESC LIMIT $5
"""

_TALLIED = """
SELECT t.option, t.hour, t.state, t.lada, t.digits, t.calls, t.leads
FROM lead_tallies t JOIN engagements e ON e.number = t.engagement
WHERE ($1 OR e.brand = ANY($2)) AND e.id::text = $3 ORDER BY t.hour, t.option, t.state, t.lada, t.digits
"""

# A campaign that is not called yet has one row without a count.
_CALLED_BACK = """
SELECT e.campaign, t.hour, t.state, t.lada, sum(t.calls)::bigint AS calls, sum(t.leads)::bigint AS leads
FROM engagements e
LEFT JOIN lead_tallies t ON t.engagement = e.number AND t.hour >= $2 AND t.hour < $3
WHERE e.campaign = ANY($1)
GROUP BY e.campaign, t.hour, t.state, t.lada ORDER BY e.campaign, t.hour, t.state, t.lada
"""


class ReplayedError(Exception):
    """The request was seen before."""


class PostgresLeads:
    """Leads; instants are passed in. `seal` is the one under which callers are sealed."""

    def __init__(self, pool: Pool, seal: Seal) -> None:
        self._pool = pool
        self._seal = seal
        self._days: set[int] = set()

    # -- calls come in ----------------------------------------------------------------------------

    async def applied(self, epoch: Epoch) -> int:
        """Return the last frame of a lead journal that is in."""
        query = "SELECT applied FROM lead_epochs WHERE node = $1 AND worker = $2 AND epoch = $3"
        return await self._pool.fetchval(query, epoch.node, epoch.worker, epoch.number) or 0

    async def settle(
        self,
        epoch: Epoch,
        after: int,
        upto: int,
        calls: Sequence[Call],
        wishes: Sequence[Wished] = (),
        *,
        now: datetime,
    ) -> bool:
        """Bring in the frames `after` to `upto` of a lead journal once; False when they are in already.

        Raises `inventory.books.SequenceGapError` when frames before them are missing.
        """
        gathering = await self._gathered(calls)
        key = (epoch.node, epoch.worker, epoch.number)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO lead_epochs VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING", *key
            )
            applied: int = await connection.fetchval(_APPLIED, *key)
            if applied >= upto:
                return False
            if applied != after:
                raise SequenceGapError(f"{epoch} has leads up to frame {applied}, not {after}")
            await self._take(connection, gathering, "smpp", now)
            await take_wishes(connection, self._seal, wishes, now)
            await connection.execute(_RAISE_APPLIED, *key, upto)
        return True

    async def forget_epoch(self, epoch: Epoch) -> None:
        """Forget how far a lead journal was brought in: it is gone."""
        query = "DELETE FROM lead_epochs WHERE node = $1 AND worker = $2 AND epoch = $3"
        await self._pool.execute(query, epoch.node, epoch.worker, epoch.number)

    async def post(
        self, source: str, nonce: str, calls: Sequence[tuple[str | None, Call]], *, now: datetime
    ) -> Sequence[bool]:
        """Bring in posted calls, each once by its id if it has one; tell of each whether it was new.

        `source` is the API key's id. Raises `ReplayedError` when the nonce was seen before.
        """
        await self._gathered([call for _, call in calls])
        async with self._pool.acquire() as connection, connection.transaction():
            if not await _first_time(connection, source, [f"nonce:{nonce}"], now):
                raise ReplayedError(nonce)
            keys = sorted({f"call:{name}" for name, _ in calls if name is not None})
            unseen = await _first_time(connection, source, keys, now)
            taken: list[bool] = []
            for name, _ in calls:
                taken.append(name is None or f"call:{name}" in unseen)
                if name is not None:
                    unseen.discard(f"call:{name}")
            new = [call for (_, call), first in zip(calls, taken, strict=True) if first]
            await self._take(connection, await _gather(connection, new), "http", now)
        return taken

    async def assigned_since(
        self, digits: Iterable[str], earliest: datetime
    ) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the assignments of numbers that were live at any time since `earliest`, by number."""
        rows = await self._pool.fetch(
            """
            SELECT a.digits, a.number, lower(a.during) AS starts, upper(a.during) AS ends
            FROM assignments a JOIN engagements e ON e.number = a.engagement
            WHERE a.digits = ANY($1) AND e.state <> 'draft' AND a.during && tstzrange($2, NULL)
            ORDER BY a.digits, lower(a.during)
            """,
            *(list(digits), earliest),
        )
        return {
            name: [dict(row) for row in group]
            for name, group in groupby(rows, lambda row: str(row["digits"]))
        }

    async def _take(
        self, connection: Connection, gathering: Gathering, source: Source, now: datetime
    ) -> None:
        """Add to leads, tallies, what is owed and what was chosen, all in the caller's transaction."""
        fresh = await _put(connection, gathering, source)
        await _count(connection, gathering, [gathering.leads[key] for key in fresh])
        changed = await self._choose(connection, gathering)
        owed = [
            (lead, kind, key.engagement, gathering.leads[key].assigned.digits)
            for key, lead in fresh.items()
            for kind in _owed(gathering.leads[key], changed)
        ]
        if owed:
            await connection.execute(_OWE, *_columns(owed), now)
            await connection.execute("SELECT pg_notify($1, '')", LEADS_CHANNEL)

    async def _choose(self, connection: Connection, gathering: Gathering) -> frozenset[tuple[int, int]]:
        """Record what callers chose; return engagement and caller where that changed anything."""
        choices = Choices(self._seal)
        changed: set[tuple[int, int]] = set()
        for engagement, group in groupby(
            sorted(gathering.choosers, key=_by_engagement), lambda pair: pair[1].engagement
        ):
            pairs = list(group)
            assigned = pairs[0][1]
            word = Word("missed_call", assigned.wording, max(call.at for call, _ in pairs))
            numbers = [self._seal.opened(call.caller) for call, _ in pairs]
            allowed = assigned.purpose == "opt_in"
            for scope in _scopes(assigned):
                told = await choices.record(connection, numbers, scope, word, allowed=allowed)
                changed |= {(engagement, self._seal.of(number)) for number in told}
        return frozenset(changed)

    # -- partitions -------------------------------------------------------------------------------

    async def _gathered(self, calls: Sequence[Call]) -> Gathering:
        """Gather calls, and make the partitions that they need in a transaction of their own."""
        async with self._pool.acquire() as connection:
            gathering = await _gather(connection, calls)
            days = {int(key.window_start.timestamp()) // DAY_S for key in gathering.leads} - self._days
            if days:
                async with connection.transaction():
                    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                    for day in sorted(days):
                        await _make_partition(connection, day)
        self._days |= days
        return gathering

    async def drop_old(self, now: datetime, keep_days: int) -> Sequence[str]:
        """Drop partitions in which no caller has called for `keep_days`, and single leads of the others.

        Returns the names of what was dropped.
        """
        before = now - timedelta(days=keep_days)
        dropped = []
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
                return []
            for row in await connection.fetch(_PARTITIONS):
                name, day = row["relname"], int(row["relname"].rpartition("_")[2])
                if datetime.fromtimestamp(day * DAY_S, UTC) >= before:
                    continue
                if await connection.fetchval(
                    f"SELECT EXISTS (SELECT FROM {name} WHERE last_call >= $1)",  # noqa: S608  # our own name
                    before,
                ):
                    await connection.execute(
                        f"DELETE FROM {name} WHERE ctid = ANY(ARRAY("  # noqa: S608  # our own name
                        f"SELECT ctid FROM {name} WHERE last_call < $1 LIMIT $2))",
                        *(before, _EXPIRED_AT_ONCE),
                    )
                else:
                    await connection.execute(f"DROP TABLE {name}")
                    self._days.discard(day)
                    dropped.append(name)
            await connection.execute("DELETE FROM seen_calls WHERE seen_at < $1", now - SEEN_FOR)
        return dropped

    # -- what became of it ------------------------------------------------------------------------

    async def listed(
        self, engagement: str, principal: Principal, *, below: int | None = None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return an engagement's leads, newest first, below a number. Callers stay sealed."""
        rows = await self._pool.fetch(
            _LISTED, *_view(principal), engagement, _ALL_LEADS if below is None else below, limit
        )
        return [dict(row) for row in rows]

    async def exported(self, engagement: str, principal: Principal) -> AsyncIterator[Mapping[str, Any]]:
        """Yield all leads of an engagement as of one instant, newest first."""
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            async for row in connection.cursor(
                _LISTED, *_view(principal), engagement, _ALL_LEADS, None, prefetch=1000
            ):
                yield dict(row)

    async def tallied(self, engagement: str, principal: Principal) -> Sequence[Mapping[str, Any]]:
        """Return an engagement's calls and leads by option, UTC hour, state, LADA and number."""
        return [dict(row) for row in await self._pool.fetch(_TALLIED, *_view(principal), engagement)]


async def called_back(
    connection: Connection, campaigns: Sequence[int], first_hour: int, end_hour: int
) -> Mapping[int, Sequence[CalledBack]]:
    """Return what campaigns' engagements were called; a campaign without any is not in it.

    Calls come when they come: an hour's calls may answer an earlier hour's ads.
    """
    found: dict[int, list[CalledBack]] = {}
    for campaign, *called in await connection.fetch(_CALLED_BACK, campaigns, first_hour, end_hour):
        mine = found.setdefault(campaign, [])
        if called[0] is not None:
            mine.append(CalledBack(*called))
    return found


async def _gather(connection: Connection, calls: Sequence[Call]) -> Gathering:
    known = await read_assigned(connection, {call.assignment for call in calls})
    return gather([call for call in calls if call.assignment in known], known)


async def _make_partition(connection: Connection, day: int) -> None:
    begin = datetime.fromtimestamp(day * DAY_S, UTC)
    end = begin + timedelta(days=1)
    await connection.execute(
        f"CREATE TABLE IF NOT EXISTS leads_{day} PARTITION OF leads"
        f" FOR VALUES FROM ('{begin.isoformat()}') TO ('{end.isoformat()}') WITH (fillfactor = 80)"
    )


def _view(principal: Principal) -> tuple[bool, list[str]]:
    return principal.is_carrier, sorted(principal.brands)


def _by_engagement(pair: tuple[Call, Assigned]) -> tuple[int, datetime]:
    return pair[1].engagement, pair[0].at


def _scopes(assigned: Assigned) -> Sequence[str]:
    """Return which choices a call to an opt-in or opt-out number is about."""
    if assigned.brand is not None:
        return (scope_of(brand=assigned.brand),)
    return (SUPPRESSION, ALL) if assigned.purpose == "opt_in" else (SUPPRESSION,)


def _owed(gathered: Gathered, changed: frozenset[tuple[int, int]]) -> Sequence[str]:
    """Return what a new lead is owed: a choice is confirmed only where it changed something."""
    assigned = gathered.assigned
    chose = assigned.purpose in CHOICES
    if chose and (assigned.engagement, gathered.first.caller) not in changed:
        return ()
    return assigned.owed


async def _first_time(connection: Connection, source: str, keys: Sequence[str], at: datetime) -> set[str]:
    rows = await connection.fetch(
        "INSERT INTO seen_calls SELECT $1, unnest($2::text[]), $3 ON CONFLICT DO NOTHING RETURNING key",
        *(source, list(keys), at),
    )
    return {row["key"] for row in rows}


async def _put(connection: Connection, gathering: Gathering, source: Source) -> Mapping[LeadKey, int]:
    """Add to leads; return the numbers of the new ones: those that have no other calls than these."""
    if not gathering.leads:
        return {}
    rows = [
        (
            *key,
            each.first.masked,
            each.first.at,
            each.last.at,
            each.calls,
            each.assigned.option,
            each.first.state,
            each.first.lada,
            each.assigned.wording_version,
        )
        for key, each in gathering.leads.items()
    ]
    fresh = {}
    for row in await connection.fetch(_PUT, *_columns(rows), source):
        key = LeadKey(row["engagement"], row["window_start"], row["caller"])
        if row["calls"] == gathering.leads[key].calls:
            fresh[key] = row["number"]
    return fresh


async def _count(connection: Connection, gathering: Gathering, fresh: Iterable[Gathered]) -> None:
    leads: dict[TallyKey, int] = {}
    for each in fresh:
        key = tally_key(each.first, each.assigned)
        leads[key] = leads.get(key, 0) + 1
    rows = [(*key, calls, leads.get(key, 0)) for key, calls in sorted(gathering.calls.items())]
    if rows:
        await connection.execute(_COUNT, *_columns(rows))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
