"""A campaign on a whole node: booked and approved over the API, one of its texts taken down on the air."""

import asyncio
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, eventually, notification, running, settings_for

pytestmark = pytest.mark.node

FIRST, SECOND = "Compra en tienda sol", "Sol abre hoy. Marca 5512345678"


async def made_key(node: Node, organisation: str, kind: str, role: str, *more: str) -> str:
    """Return the secret of a key made on the command line."""
    words = ("--organisation", organisation, "--kind", kind, "--role", role, *more)
    code, out, err = await node.run("keys", "create", role, *words, "-c", str(node.config))
    assert code == 0, err
    return out.strip()


class Api:
    """The node's API under some keys."""

    def __init__(self, node: Node, session: aiohttp.ClientSession, keys: dict[str, str]) -> None:
        self._url = f"http://{node.http}/api/v1"
        self._session = session
        self._keys = keys

    async def post(self, who: str, path: str, body: Any = None) -> dict[str, Any]:
        """Post and return the document; a node that has just begun may ask to try again."""
        headers = {"Authorization": f"Bearer {self._keys[who]}"}
        document: dict[str, Any] = {}

        async def is_answered() -> bool:
            async with self._session.post(self._url + path, json=body, headers=headers) as reply:
                document.clear()
                document.update(await reply.json())
            assert reply.status < 300 or reply.status == HTTPStatus.SERVICE_UNAVAILABLE, document
            return reply.status < 300

        await eventually(is_answered)
        return document


def received(smsc: SimulatedSmsc, text: str) -> int:
    """Return how often the SMSC got a text."""
    return smsc.tally.counts[text].received if text in smsc.tally.counts else 0


async def send(platform: RawPlatform, count: int) -> None:
    """Submit notifications and wait for their answers."""
    for number in range(count):
        platform.submit(notification(number))
    await platform.settled(PATIENCE_S)


async def test_a_text_taken_down_over_the_api_stops_on_the_air(tmp_path: Path) -> None:
    """From the form to the SMSC without anything but the API; then one text stops and the other goes on."""
    async with (
        SimulatedSmsc(ads=[FIRST, SECOND]) as smsc,
        running(tmp_path, settings_for(smsc.port)) as node,
        aiohttp.ClientSession() as session,
    ):
        brand = ("--brand", "tienda-sol", "--category", "retail")
        keys = {
            "sol": await made_key(node, "Sol", "advertiser", "advertiser", *brand),
            "approver": await made_key(node, "Operador", "carrier", "approver"),
        }
        api, now = Api(node, session, keys), datetime.now(UTC)
        booked = await api.post(
            "sol",
            "/campaigns",
            {
                "name": "Sol", "brand": "tienda-sol", "class": "guaranteed", "pacing": "asap",
                "quantity": 50_000,
                "creatives": [{"text": FIRST}, {"text": SECOND}],
                "starts_at": (now - timedelta(hours=1)).isoformat(),
                "ends_at": (now + timedelta(days=1)).isoformat(),
            },
        )  # fmt: skip
        path = f"/campaigns/{booked['id']}"
        await api.post("sol", f"{path}/submit")
        await api.post("approver", f"{path}/approve")
        platform = RawPlatform(*node.relay)
        await platform.connect()
        async with asyncio.timeout(PATIENCE_S):
            while not (received(smsc, FIRST) and received(smsc, SECOND)):
                await send(platform, 20)
        reason = {"reason": "Queja de la marca"}
        taken = await api.post("approver", f"/creatives/{booked['creatives'][0]['id']}/takedown", reason)
        assert taken["creatives"][0]["review"] == "taken_down"
        async with asyncio.timeout(PATIENCE_S):  # in 0.05 s on a quiet machine; a second is promised
            while True:
                before = received(smsc, FIRST)
                await send(platform, 50)
                if received(smsc, FIRST) == before:
                    break
        counts = received(smsc, FIRST), received(smsc, SECOND)
        await send(platform, 100)
        assert (received(smsc, FIRST), received(smsc, SECOND)) == (counts[0], counts[1] + 100)
        await node.books_when(lambda books: books["campaigns"][0]["inserted"] > 0)
        platform.abort()
        assert await node.stop() == 0
