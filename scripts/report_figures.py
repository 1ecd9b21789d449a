"""Reports as figures: over 30 days × 400 LADAs through the API, and reach beside the truth.

    PYTHONPATH=. .venv/bin/python scripts/report_figures.py [REPORTS]

Runs an embedded PostgreSQL of its own and a server on loopback. Asked: p99 ≤ 300 ms, reach within 3 %.
"""

import asyncio
import random
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import numpy as np
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from adapters.files.reference_data import load_geography, load_numbering
from adapters.files.rule_sets import default_rules
from adapters.http.app import node_app
from adapters.http.health import Readiness
from adapters.http.services import Services
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.migrate import migrate
from adapters.postgres.pool import Pool, close_pool, open_pool
from adapters.postgres.report_days import pack_days
from adapters.postgres.server import EmbeddedServer
from engine.access import OrganisationKind, Role
from engine.people import PeopleHash
from engine.settings import Settings
from inventory.books import hour_of
from inventory.campaign import CampaignClass
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.reach import cut, merged, reach_of, sketch_of
from segments.targets import Target

DAYS = 30
LADAS = 400
REPORTS = 200
PEOPLE = 1_000_000
GROUPINGS = ("day", "hour", "state", "municipality", "lada", "creative")

_FILL = """
INSERT INTO insertion_counts
SELECT $1, hour, 1, place, event, '', 7 + (hour + place) % 5
FROM generate_series($2::int, $3::int) AS hour, unnest($4::int[]) AS place,
    unnest(ARRAY['inserted', 'accepted', 'delivered']) AS event
"""

_SKETCH = "INSERT INTO reach_days VALUES ($1, $2, $3, $4, $5)"


async def fill(pool: Pool, now: datetime) -> UUID:
    """Count a campaign that inserted everywhere in every hour; pack its days; sketch its people."""
    draft = CampaignDraft(
        name="Buen Fin",
        brand="tienda-sol",
        category="retail",
        campaign_class=CampaignClass.HOUSE,
        creatives=(CreativeDraft("Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"),),
        target=Target(),
        starts_at=now - timedelta(days=DAYS),
        ends_at=now + timedelta(days=1),
        quantity=None,
    )
    campaigns = PostgresCampaigns(pool)
    [booked] = await campaigns.add([replace(draft)], approve=True, now=now)
    number = await pool.fetchval("SELECT number FROM campaigns WHERE id = $1", booked)
    places = [int(lada) for lada in sorted(load_geography().ladas)][:LADAS]
    hour = hour_of(now)
    await pool.execute(_FILL, number, hour - DAYS * 24 + 1, hour, places)
    await pool.execute("ANALYZE insertion_counts")
    packed = await pack_days(pool, hour)
    chance = np.random.default_rng(1)
    for day in range(DAYS):
        sketch = cut(sketch_of(chance.integers(0, 1 << 31, 50_000, dtype=np.uint32)))
        sample = sketch.hashes.tobytes() + sketch.ads.tobytes()
        date = (now - timedelta(days=day)).date()
        await pool.execute(_SKETCH, number, date, sketch.registers.tobytes(), sketch.ceiling, sample)
    rows = await pool.fetchval("SELECT count(*) FROM insertion_counts")
    print(f"{rows:,} rows of insertion_counts in {DAYS} days × {len(places)} LADAs, {packed} days packed")
    return UUID(booked)


async def ready() -> Readiness:
    """Return that all is well."""
    return Readiness(relay=True, database=True, ads=True)


async def no_metrics() -> bytes:
    """Return none."""
    return b""


async def measure(pool: Pool, booked: UUID, now: datetime, reports: int) -> None:
    """Ask for reports one after another, by each grouping in turn, and print how long they took."""
    identity = PostgresIdentity(pool)
    carrier = await identity.add_organisation("Operador", OrganisationKind.CARRIER, actor="figures", at=now)
    key = await identity.create_key(
        "figures", carrier, Role.OPS, brands=None, scopes=[], expires_at=None, actor="figures", at=now
    )
    services = Services(lambda: pool, Settings, load_geography(), load_numbering(), default_rules())
    app = node_app(ready, no_metrics, services)
    headers = {"Authorization": f"Bearer {key.secret}"}
    took: dict[str, list[float]] = {by: [] for by in GROUPINGS}
    async with TestServer(app) as server, ClientSession(headers=headers) as session:
        for number in range(reports):
            by = GROUPINGS[number % len(GROUPINGS)]
            url = server.make_url(f"/api/v1/campaigns/{booked}/report?by={by}")
            while True:
                began = time.perf_counter()
                async with session.get(url) as response:
                    await response.read()
                    if response.status == 200:
                        took[by].append(time.perf_counter() - began)
                        break
                    if response.status != 429:
                        raise SystemExit(f"report_figures: {response.status}")
                    await asyncio.sleep(int(response.headers["Retry-After"]))
    for by, seconds in took.items():
        print(f"report by {by:<14} median {np.median(seconds) * 1e3:6.0f} ms")
    everything = np.sort(np.concatenate([np.array(each) for each in took.values()]))
    p99 = everything[int(len(everything) * 0.99)] * 1e3
    print(f"all {len(everything)} reports     p99    {p99:6.0f} ms   (asked ≤ 300)")


def reach() -> None:
    """Count a million subscribers over a month, and print how far that is from the truth."""
    chance = random.Random(1)
    subscribers = chance.sample(range(33_0000_0000, 33_0999_9999), PEOPLE)
    of = PeopleHash(chance.randbytes(32)).of
    began = time.perf_counter()
    people = np.array([of(subscriber) for subscriber in subscribers], np.uint32)
    each = (time.perf_counter() - began) / PEOPLE
    ads = np.concatenate((people, people[: PEOPLE // 2], people[: PEOPLE // 4]))
    shuffled = np.random.default_rng(1).permutation(ads)
    told = reach_of(merged(cut(sketch_of(part)) for part in np.array_split(shuffled, DAYS)), 10)
    if told.people is None:
        raise SystemExit("report_figures: nobody was reached")
    error = (told.people / PEOPLE - 1) * 100
    print(f"reach of {PEOPLE:,} people: {told.people:,}, {error:+.2f} %   (asked within 3 %)")
    print(f"  frequency {told.frequency}; the truth: 1: 50 %, 2: 25 %, 3: 25 %")
    print(f"  standard errors: reach {told.error:.2%}, shares {told.frequency_error:.2%}")
    print(f"  a hash, interpreted: {each * 1e9:.0f} ns")


async def main() -> None:
    """Measure and print."""
    reports = int(sys.argv[1]) if len(sys.argv) > 1 else REPORTS
    reach()
    now = datetime.now(UTC)
    with TemporaryDirectory(prefix="posdata-reports-") as folder:
        server = EmbeddedServer(Path(folder))
        await server.start()
        pool = await open_pool(server.dsn)
        try:
            async with pool.acquire() as connection:
                await migrate(connection)
            booked = await fill(pool, now)
            await measure(pool, booked, now, reports)
        finally:
            await close_pool(pool)
            await server.stop()


if __name__ == "__main__":
    asyncio.run(main())
