"""Webhooks over real sockets: told in order, signed, tried again, never to where they must not lead."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.http.webhook_sender import WebhookSender
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.webhooks import Delivery, PostgresWebhooks, record_at_risk
from adapters.processes.telling import Telling
from engine.settings import Settings
from tests.integration.http.conftest import World

pytestmark = pytest.mark.postgres

LOCAL = Settings.model_validate({"policy": {"lead_time_hours": 0}, "webhooks": {"allow_private": True}})
WAIT_S = 20


class Receiver:
    """An advertiser's server: keeps what it is told, answers as it is told to."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.heard: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        self.server = TestServer(app)

    async def _hook(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 204
        self.heard.put_nowait((dict(request.headers), await request.read()))
        return web.Response(status=status, headers={"Location": str(self.server.make_url("/hook"))})

    async def next(self) -> dict[str, Any]:
        """Return the next message."""
        _, body = await asyncio.wait_for(self.heard.get(), WAIT_S)
        document: dict[str, Any] = json.loads(body)
        return document


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver()
    async with receiver.server:
        yield receiver


@contextmanager
def telling(world: World, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Iterator[None]:
    """Let control tell webhooks meanwhile."""
    task = asyncio.ensure_future(Telling(lambda: LOCAL, chance=lambda: 0.0, clock=clock).run(world.pool))
    try:
        yield
    finally:
        task.cancel()


async def hook(world: World, receiver: Receiver, who: str = "sol", **fields: Any) -> dict[str, Any]:
    """Register a webhook on this machine, as the settings let it, and return its id and secret."""
    world.settings[0] = LOCAL
    body = {"url": str(receiver.server.make_url("/hook")), **fields}
    reply = await world.call(who, "POST", "/webhooks", body)
    assert reply.status == 201, reply.body
    document: dict[str, Any] = reply.body
    return document


async def add_approved(world: World, **fields: Any) -> int:
    """Store an approved campaign of tienda-sol and return its number."""
    async with world.pool.acquire() as connection:
        number: int = await connection.fetchval(
            """
            INSERT INTO campaigns (name, brand, category, class, target, starts_at, ends_at, hours, pacing,
                test, labels, state, created_at)
            VALUES ($1, 'tienda-sol', 'retail', 'standard', '{}', now(), now() + interval '1 day', '[]',
                'even', false, '{}', 'approved', now()) RETURNING number
            """,
            fields.get("name", "Buen Fin"),
        )
        await connection.execute("INSERT INTO ledger (campaign, quantity) VALUES ($1, 100)", number)
    return number


async def settle(world: World, number: int, settled: int) -> None:
    """Let the books say that so much is spent."""
    async with world.pool.acquire() as connection:
        await connection.execute(
            "UPDATE ledger SET settled = $2, accepted = $2, inserted = $2 WHERE campaign = $1",
            number,
            settled,
        )


async def test_what_happens_is_told_signed_and_in_order(world: World, receiver: Receiver) -> None:
    """Approved, live, 50, 90, 100 % once each, finished; the signature is as documented."""
    made = await hook(world, receiver)
    number = await add_approved(world)
    campaigns = PostgresCampaigns(world.pool)
    await campaigns.advance(datetime.now(UTC))
    for settled in (49, 50, 49, 95, 100):
        await settle(world, number, settled)
    await campaigns.advance(datetime.now(UTC))
    with telling(world):
        headers, body = await asyncio.wait_for(receiver.heard.get(), WAIT_S)
        rest = [(await receiver.next())["event"] for _ in range(5)]
    assert [json.loads(body)["event"], *rest] == [
        *("approved", "live", "percent_50", "percent_90", "percent_100", "finished"),
    ]
    fields = dict(part.split("=", 1) for part in headers["Posdata-Signature"].split(","))
    signed = hmac.new(made["secret"].encode(), fields["t"].encode() + b"." + body, sha256)
    assert signed.hexdigest() == fields["v1"]
    assert headers["Posdata-Event-Id"] == json.loads(body)["id"]


async def test_a_later_event_waits_for_the_earlier(world: World, receiver: Receiver) -> None:
    """What was refused comes again, the same, before what follows it; another campaign doesn't wait."""
    await hook(world, receiver, events=["approved", "live"])
    receiver.statuses = [500]
    await add_approved(world, name="Uno")
    await PostgresCampaigns(world.pool).advance(datetime.now(UTC))
    later = [timedelta()]
    with telling(world, lambda: datetime.now(UTC) + later[0]):
        refused = await receiver.next()
        await add_approved(world, name="Dos")
        other = await receiver.next()
        later[0] = timedelta(seconds=10)
        again, following = await receiver.next(), await receiver.next()
    assert (refused["campaign"]["name"], other["campaign"]["name"]) == ("Uno", "Dos")
    assert again == refused
    assert [again["event"], following["event"]] == ["approved", "live"]


async def test_a_campaign_at_risk_is_told_once_a_day(world: World, receiver: Receiver) -> None:
    """However often the planner says so."""
    await hook(world, receiver, events=["at_risk"])
    number, now = await add_approved(world), datetime.now(UTC)
    await record_at_risk(world.pool, [number], now)
    await record_at_risk(world.pool, [number], now + timedelta(hours=23))
    await record_at_risk(world.pool, [number], now + timedelta(hours=25))
    async with world.pool.acquire() as connection:
        kinds = await connection.fetch("SELECT kind FROM campaign_events WHERE kind = 'at_risk'")
    assert len(kinds) == 2


async def test_nothing_leads_inside(receiver: Receiver) -> None:
    """A loopback target, by number or by name, is refused by default and nothing of it is told."""
    url = receiver.server.make_url("/hook")
    async with WebhookSender(allow_private=lambda: False) as sender:
        for host in ("127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"):
            there = f"http://{host}:{url.port}/hook"
            delivery = Delivery(1, "w", there, "s", "e", "live", b"{}", 0, datetime.now(UTC))
            delivered, answer = await sender.tell(delivery)
            assert not delivered
            assert answer in {
                "it leads to an address that is not public",
                "not reached: InvalidUrlClientError",
            }
    assert receiver.heard.empty()


async def test_no_redirect_is_followed(receiver: Receiver) -> None:
    """A redirect is a refusal: one request is made."""
    receiver.statuses = [302]
    async with WebhookSender(allow_private=lambda: True) as sender:
        there = str(receiver.server.make_url("/hook"))
        delivery = Delivery(1, "w", there, "s", "e", "live", b"{}", 0, datetime.now(UTC))
        assert await sender.tell(delivery) == (False, "302")
    assert receiver.heard.qsize() == 1


async def test_webhooks_are_their_organisations_own(world: World, receiver: Receiver) -> None:
    """Others neither see nor remove them, nobody asks for brands of others, and each hears of its own."""
    loopback = {"url": str(receiver.server.make_url("/hook"))}
    assert (await world.call("sol", "POST", "/webhooks", loopback)).codes == [("/url", "not_public")]
    made = await hook(world, receiver)
    assert (await world.call("luna", "GET", "/webhooks")).body == {"items": []}
    assert (await world.call("luna", "DELETE", f"/webhooks/{made['id']}")).status == 404
    foreign = {"url": "https://luna.example/", "brands": ["tienda-sol"]}
    assert (await world.call("luna", "POST", "/webhooks", foreign)).codes == [("/brands/0", "unknown_brand")]
    inside = {"url": "http://u:p@luna.example/"}
    assert (await world.call("luna", "POST", "/webhooks", inside)).codes == [("/url", "bad_url")]
    assert (await world.call("ops", "GET", "/webhooks")).status == 403
    luna = await hook(world, receiver, "luna")
    await add_approved(world)
    webhooks = PostgresWebhooks(world.pool)
    await webhooks.fan_out(datetime.now(UTC))
    assert [each.webhook for each in await webhooks.due(datetime.now(UTC), [], 10)] == [made["id"]]
    [shown] = (await world.call("sol", "GET", "/webhooks")).body["items"]
    assert (shown["pending"], shown["last_answer"], "secret" in shown) == (1, None, False)
    assert [each["id"] for each in (await world.call("admin", "GET", "/webhooks")).body["items"]] == [
        made["id"],
        luna["id"],
    ]
    assert (await world.call("sol", "DELETE", f"/webhooks/{made['id']}")).status == 204
    assert not await webhooks.due(datetime.now(UTC), [], 10)
