"""`test-send`: a campaign's text on a verified handset, through our own session to a simulated SMSC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import smpp34
from aiohttp.test_utils import TestClient, TestServer

from adapters.http.app import node_app
from adapters.http.health import Readiness
from adapters.postgres.audit import read_audit
from adapters.simulator.faults import Faults
from adapters.simulator.smsc import SimulatedSmsc
from adapters.smpp.esme import Credentials, EsmeSession
from engine.endpoint import Endpoint
from engine.settings import Settings
from tests.integration.http.conftest import TEXT, World
from tests.own_session import kept_bound

pytestmark = pytest.mark.postgres

HANDSET = "55 0123 4567"
SAMPLE = "Tienes 1 llamada perdida."


async def ready() -> Readiness:
    """Return that all is well."""
    return Readiness(relay=True, database=True, ads=True)


async def no_metrics() -> bytes:
    """Return none."""
    return b""


@asynccontextmanager
async def with_session(world: World, smsc: SimulatedSmsc) -> AsyncIterator[World]:
    """Serve the API with a bound session of its own."""
    own = {"system_id": "posdata", "sample": SAMPLE, "handsets": [HANDSET]}
    esme = {"smsc": f"{smsc.host}:{smsc.port}", **own}
    world.settings[0] = Settings.model_validate({"esme": esme})
    session = EsmeSession(Credentials(Endpoint(smsc.host, smsc.port), "posdata", ""))
    async with serving(world, session) as served, kept_bound(session):
        yield served


@asynccontextmanager
async def serving(world: World, session: EsmeSession) -> AsyncIterator[World]:
    """Serve the API with a session of its own, bound or not."""
    app = node_app(ready, no_metrics, replace(world.services, esme=session))
    async with TestClient(TestServer(app)) as client:
        yield replace(world, client=client)


async def test_what_came_too_early_may_be_tried_again_with_its_key(world: World) -> None:
    """A 409 that says `Retry-After` is not what an Idempotency-Key remembers; its repetition is sent."""
    booked = await world.book()
    path, key = f"/campaigns/{booked['id']}/test-send", {"Idempotency-Key": "a sample"}
    async with SimulatedSmsc() as smsc, with_session(world, smsc) as served:
        unbound = EsmeSession(Credentials(Endpoint(smsc.host, smsc.port), "posdata", ""))
        async with serving(world, unbound) as early:
            refused = await early.call("sol", "POST", path, {"to": HANDSET}, headers=key)
            assert (refused.status, refused.headers["Retry-After"]) == (409, "60")
        sent = await served.call("sol", "POST", path, {"to": HANDSET}, headers=key)
        assert (sent.status, sent.body["outcome"]) == (200, "accepted")


async def test_a_sample_reaches_a_verified_handset_and_no_other(world: World) -> None:
    """Sample, separator and text in one message, the SMSC's word back; nothing for strangers."""
    booked = await world.book()
    assert (await world.act("sol", booked, "test-send", {"to": HANDSET})).status == 409
    async with SimulatedSmsc(keep_frames=9) as smsc, with_session(world, smsc) as served:

        async def send(who: str = "sol", **body: Any) -> Any:
            return await served.act(who, booked, "test-send", {"to": HANDSET, **body})

        sent = await send()
        assert (sent.status, sent.body["outcome"], sent.body["status"]) == (200, "accepted", "0x00")
        assert sent.body["message_id"]
        seen = smpp34.decode(next(each.octets for each in smsc.frames if each.octets[7] == 4))
        assert isinstance(seen, smpp34.SubmitSm)
        assert (seen.destination_addr, bytes(seen.short_message)) == (
            *("525501234567",),
            f"{SAMPLE} {TEXT}".encode(),
        )
        assert (await send(to="33 0123 4567")).codes == [("/to", "not_verified")]
        assert (await send(to="12")).codes == [("/to", "subscriber")]
        assert (await send(creative=booked["id"])).codes == [("/creative", "unknown_creative")]
        assert (await send("luna")).status == 404
        assert (await send("sol_manager")).status == 403
        smsc.faults = Faults(throttle=1)
        refused = (await send("approver")).body
        assert (refused["outcome"], refused["status"], refused["message_id"]) == ("refused", "0x58", None)
    newest = (await read_audit(world.pool, subject=booked["id"]))[0]
    assert newest.after is not None
    assert (newest.action, newest.after["to"], newest.after["outcome"]) == ("test-send", "…4567", "refused")
