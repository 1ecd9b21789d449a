"""The API over a real server on loopback: organisations, brands, one key for each role."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer

from adapters.files.reference_data import load_geography, load_numbering
from adapters.files.rule_sets import default_rules
from adapters.http.app import node_app
from adapters.http.health import Readiness
from adapters.http.services import Services
from adapters.postgres.identity import PostgresIdentity
from adapters.postgres.pool import Pool, close_pool, open_pool
from adapters.processes.forecasting import FORECAST_DAYS, HOURS_PER_DAY, forecaster, midnight
from adapters.processes.trading import Trading
from engine.access import OrganisationKind, Role
from engine.settings import Settings
from inventory.books import hour_of
from inventory.forecast import Forecast
from inventory.history import History
from inventory.supply import Supply
from segments.seal import Seal

PREFIX = "/api/v1"
SETTINGS = Settings.model_validate({"policy": {"lead_time_hours": 0}})
CALLERS: Mapping[str, tuple[str, Role]] = {
    "sol": ("Sol", Role.ADVERTISER),
    "sol_manager": ("Sol", Role.BRAND_MANAGER),
    "luna": ("Luna", Role.ADVERTISER),
    "luna_manager": ("Luna", Role.BRAND_MANAGER),
    "agency": ("Agencia", Role.ADVERTISER),
    "approver": ("Operador", Role.APPROVER),
    "ops": ("Operador", Role.OPS),
    "admin": ("Operador", Role.ADMIN),
}
"""Who may call: their organisation and role. The agency acts for Sol's brand."""

BRANDS = {"Sol": "tienda-sol", "Luna": "cafe-luna"}
SEAL_KEY = bytes(range(32))
TEXT = "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"


def campaign(**fields: Any) -> dict[str, Any]:
    """Return a campaign of tienda-sol to be booked, running now."""
    now = datetime.now(UTC)
    return {
        "name": "Buen Fin",
        "brand": "tienda-sol",
        "category": "retail",
        "creatives": [{"text": TEXT}],
        "target": {"include": [{"state": "MX-JAL"}]},
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(days=3)).isoformat(),
        "quantity": 1000,
        **fields,
    }


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: its status, its headers, its JSON (None where there is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any
    octets: bytes = field(repr=False, default=b"")

    @property
    def codes(self) -> list[tuple[str, str]]:
        """The problem's faults: pointer and code."""
        return [(fault["pointer"], fault["code"]) for fault in self.body.get("errors", [])]


@dataclass(slots=True)
class World:
    """A served API with its database; `settings` holds the settings in force, which a test may replace.

    `trading` holds who keeps the market; empty, so that none is there, until a test adds one.
    """

    client: TestClient[Any, Any]
    pool: Pool
    services: Services
    identity: PostgresIdentity
    organisations: Mapping[str, str]
    keys: dict[str, str]
    settings: list[Settings]
    trading: list[Trading] = field(default_factory=list)

    async def call(self, who: str | None, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """Send a request as one of CALLERS (None: as nobody) and return the reply; `path` is below PREFIX."""
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        if body is not None:
            more["json"] = body
        async with self.client.request(method, PREFIX + path, headers=headers, **more) as response:
            octets = await response.read()
            is_json = "json" in response.content_type and octets
            document = await response.json(content_type=None) if is_json else None
            return Reply(response.status, response.headers.copy(), document, octets)

    async def book(self, who: str = "sol", **fields: Any) -> dict[str, Any]:
        """Create a campaign as a draft and return its document."""
        reply = await self.call(who, "POST", "/campaigns", campaign(**fields))
        assert reply.status == 201, reply.body
        document: dict[str, Any] = reply.body
        return document

    async def act(self, who: str, booked: Mapping[str, Any], action: str, body: Any = None) -> Reply:
        """Take an action on a campaign."""
        return await self.call(who, "POST", f"/campaigns/{booked['id']}/{action}", body)

    async def approved(self, who: str = "sol", **fields: Any) -> dict[str, Any]:
        """Book, submit and approve a campaign and return its document."""
        booked = await self.book(who, **fields)
        assert (await self.act(who, booked, "submit")).status == 200
        reply = await self.act("approver", booked, "approve")
        assert reply.status == 200, reply.body
        document: dict[str, Any] = reply.body
        return document


async def ready() -> Readiness:
    """Return that all is well."""
    return Readiness(relay=True, database=True, ads=True)


async def no_metrics() -> bytes:
    """Return none."""
    return b""


@pytest.fixture
async def world(postgres_dsn: str) -> AsyncIterator[World]:
    """Yield a served API on a migrated database of its own."""
    pool = await open_pool(postgres_dsn)
    settings, trading = [SETTINGS], list[Trading]()
    services = Services(
        lambda: pool,
        lambda: settings[0],
        load_geography(),
        load_numbering(),
        default_rules(),
        market=lambda: trading[0].market if trading else None,
        find_seal=cache(lambda: Seal(SEAL_KEY)),
    )
    try:
        app = node_app(ready, no_metrics, services)
        async with TestClient(TestServer(app)) as client:
            yield World(
                client, pool, services, PostgresIdentity(pool), *await _people(pool), settings, trading
            )
    finally:
        await close_pool(pool)


async def _people(pool: Pool) -> tuple[dict[str, str], dict[str, str]]:
    identity, now = PostgresIdentity(pool), datetime.now(UTC)
    kinds = {
        "Operador": OrganisationKind.CARRIER,
        "Sol": OrganisationKind.ADVERTISER,
        "Luna": OrganisationKind.ADVERTISER,
        "Agencia": OrganisationKind.AGENCY,
    }
    organisations = {
        name: await identity.add_organisation(name, kind, actor="cli", at=now) for name, kind in kinds.items()
    }
    for owner, brand in BRANDS.items():
        await identity.add_brand(brand, "retail", organisations[owner], actor="cli", at=now)
    await identity.grant_brand("tienda-sol", organisations["Agencia"], actor="cli", at=now)
    keys = {}
    for who, (organisation, role) in CALLERS.items():
        made = await identity.create_key(
            who, organisations[organisation], role,
            brands=None, scopes=[], expires_at=None, actor="cli", at=now,
        )  # fmt: skip
        keys[who] = made.secret
    return organisations, keys


class Cold:
    """A forecast from before anything was counted."""

    def __init__(self) -> None:
        numbering, now = load_numbering(), datetime.now(UTC)
        first = midnight(now, SETTINGS.policy.default_timezone)
        self.forecast: Forecast | None = forecaster(numbering, SETTINGS.policy.default_timezone).forecast(
            History.empty(len(numbering.places)),
            first,
            FORECAST_DAYS * HOURS_PER_DAY,
            np.random.default_rng(first),
            known_until=hour_of(now),
        )

    async def supply(self, pool: Pool, now: datetime) -> Supply | None:
        """Return it uncorrected."""
        return None


@pytest.fixture(scope="session")
def cold() -> Cold:
    """Return the forecast, made once."""
    return Cold()


@pytest.fixture
def trading(world: World, cold: Cold) -> Trading:
    """Return what keeps the world's market; the world asks it."""
    services = world.services
    kept = Trading(lambda: world.settings[0], services.numbering, services.geography, cold)
    world.trading.append(kept)
    return kept
