"""A node with ten thousand campaigns and a month of counts, and those who ask it things over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from adapters.bench import node
from adapters.bench.node import Node
from adapters.bench.relay import Bench
from adapters.files.reference_data import load_geography
from adapters.http.identities import COOKIE
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool, open_pool
from adapters.postgres.report_days import pack_days
from adapters.postgres.server import join
from engine.access import OrganisationKind, Role
from inventory.books import hour_of
from inventory.reach import cut, sketch_of

CAMPAIGNS = 10_000
SERVING = 300
DAYS = 30
LADAS = 400
PEOPLE_A_DAY = 50_000
PATIENCE_S = 60.0
# An operation answers so many requests a minute for each of them.
KEYS = 20

_CAMPAIGNS = """
INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing, test, labels,
    state, finish_reason, created_at, approved_at, earliest_start, authors)
SELECT 'campaign ' || n, brand, category, 'guaranteed', target, starts_at - interval '60 days',
    starts_at - interval '30 days', hours, 'even', false, '{}', 'finished', 'ended', created_at, approved_at,
    earliest_start, '{}'
FROM campaigns, generate_series($1::int, $2::int) AS n WHERE number = 1
"""

_LEDGERS = """
INSERT INTO ledger (campaign, quantity, inserted, accepted, settled)
SELECT number, 100000, 80000, 80000, 80000 FROM campaigns WHERE state = 'finished'
"""

_CREATIVES = (
    "INSERT INTO creatives (campaign, position) SELECT number, 1 FROM campaigns WHERE state = 'finished'"
)

_VERSIONS = """
INSERT INTO creative_versions (creative, version, text, weight, review)
SELECT cr.id, 1, 'Oferta ' || c.number || ' en tienda sol, marca 5512345678', 1, 'approved'
FROM creatives cr JOIN campaigns c ON c.number = cr.campaign WHERE c.state = 'finished'
"""

_REPORTED = """
SELECT c.number, c.id, v.number AS version
FROM campaigns c JOIN creatives cr ON cr.campaign = c.number JOIN creative_versions v ON v.creative = cr.id
WHERE c.state <> 'finished' ORDER BY c.number LIMIT 1
"""

_COUNTS = """
INSERT INTO insertion_counts
SELECT $1, hour, $5, place, event, '', 7 + (hour + place) % 5
FROM generate_series($2::int, $3::int) AS hour, unnest($4::int[]) AS place,
    unnest(ARRAY['inserted', 'accepted', 'delivered']) AS event
ON CONFLICT DO NOTHING
"""

_SKETCH = "INSERT INTO reach_days VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING"


@dataclass(frozen=True, slots=True)
class World:
    """A node at work, a campaign with a month behind it, and credentials of the carrier's operations."""

    node: Node
    address: tuple[str, int]
    reported: str
    keys: list[str]
    cookie: str


@asynccontextmanager
async def world(bench: Bench) -> AsyncIterator[World]:
    """Run a node in front of the bench's SMSC and fill it. Raises `LoadError`."""
    directory = bench.directory / "node"
    directory.mkdir()
    async with node.running(directory, bench.sink, campaigns=SERVING) as running:
        dsn = await join(directory / "data")
        assert dsn is not None
        async with await open_pool(dsn, max_size=2) as pool:
            reported = await _fill(pool)
            keys, cookie = await _credentials(pool)
        host, _, port = running.metrics_url.split("/")[2].rpartition(":")
        yield World(running, (host, int(port)), reported, keys, cookie)


async def _fill(pool: Pool) -> str:
    """Book the past and count a month of one campaign; return its id."""
    now = datetime.now(UTC)
    await pool.execute(_CAMPAIGNS, SERVING + 1, CAMPAIGNS)
    for statement in (_LEDGERS, _CREATIVES, _VERSIONS):
        await pool.execute(statement)
    row = await pool.fetchrow(_REPORTED)
    assert row is not None
    places = [int(lada) for lada in sorted(load_geography().ladas)][:LADAS]
    hour = hour_of(now)
    for first in range(hour - DAYS * 24 + 1, hour + 1, 24):
        await pool.execute(_COUNTS, row["number"], first, first + 23, places, row["version"])
    await pool.execute("VACUUM ANALYZE", timeout=PATIENCE_S)
    await pack_days(pool, hour)
    chance = np.random.default_rng(1)
    for day in range(DAYS):
        sketch = cut(sketch_of(chance.integers(0, 1 << 31, PEOPLE_A_DAY, dtype=np.uint32)))
        sample = sketch.hashes.tobytes() + sketch.ads.tobytes()
        date = (now - timedelta(days=day + 1)).date()
        await pool.execute(_SKETCH, row["number"], date, sketch.registers.tobytes(), sketch.ceiling, sample)
    return str(row["id"])


async def _credentials(pool: Pool) -> tuple[list[str], str]:
    identity, now = PostgresIdentity(pool), datetime.now(UTC)
    carrier = await identity.add_organisation("Operador", OrganisationKind.CARRIER, actor="figures", at=now)
    keys = [
        await identity.create_key(
            f"key {index}",
            carrier,
            Role.OPS,
            brands=None,
            scopes=[],
            expires_at=None,
            actor="figures",
            at=now,
        )
        for index in range(KEYS)
    ]
    user = await identity.add_user(
        "opera@demo.example", "Opera", carrier, Role.OPS, password_hash=None, brands=None, language="es",
        actor="figures", at=now,
    )  # fmt: skip
    token = await identity.open_session(user, at=now)
    return [key.secret for key in keys], f"{COOKIE}={token}"


async def settled(running: Node) -> None:
    """Wait until nothing that the relay counted is on its way into the database. Raises `LoadError`."""
    await running.when(lambda figures: figures.settled)
