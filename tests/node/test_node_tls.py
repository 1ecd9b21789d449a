"""TLS and source lists through a whole node: good certificates carry traffic, bad ones are named in a log."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.pace import SteadyPace
from adapters.simulator.pdu import BIND_TRANSCEIVER, pdu
from adapters.simulator.raw_platform import LinkLostError, RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import PATIENCE_S, Node, campaign, running, settings_for
from tests.node.load import TEXTS, assert_equal, book
from tests.tls import HOST, Authority, Pair

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

BIND = pdu(BIND_TRANSCEIVER, 1, b"mcn\0secret\0\0\x34\0\0\0")
# What an end may look like to a platform that is refused, before or after its own half of the handshake.
Refused = (ssl.SSLError, ConnectionError)


@dataclass
class Scene:
    """A node with a route for each case, the authority that both sides trust, the mutual route's SMSC."""

    node: Node
    smsc: SimulatedSmsc
    trusted: Authority
    strange: Authority
    platform_pair: Pair

    def platform(self, route: str, tls: ssl.SSLContext | None = None, **options: Any) -> RawPlatform:
        """Return a platform of a route that is not connected yet."""
        return RawPlatform(*self.node.routes[route], tls=tls, **options)

    async def failure(self, event: str, route: str) -> str:
        """Wait for a failure of a route in the log; return its reason."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := [each for each in self.node.events(event) if each["route"] == route]):
                await asyncio.sleep(0.02)
        return str(found[-1]["reason"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A node, and SMSCs with good and bad certificates."""
    directory = tmp_path_factory.mktemp("tls")
    trusted, strange = Authority(directory, "trusted"), Authority(directory, "strange")
    node_pair, platform_pair, smsc_pair = map(trusted.issue, ("node", "platform", "smsc"))
    contexts = {
        "mutual": trusted.server(smsc_pair, trusted.ca),
        "expired": trusted.server(trusted.issue("expired", days=-1)),
        "other_name": trusted.server(trusted.issue("other_name", "smsc.example")),
        "strange": strange.server(strange.issue("smsc")),
        "plain": None,
    }
    async with AsyncExitStack() as stack:
        smscs = {
            name: await stack.enter_async_context(SimulatedSmsc(ads=list(TEXTS.values()), tls=context))
            for name, context in contexts.items()
        }
        smsc = smscs["mutual"]
        shown = {"certificate": node_pair.certificate, "key": node_pair.key}
        mutual = {"listen": shown | {"client_ca": trusted.ca}, "upstream": shown | {"ca": trusted.ca}}

        def route(name: str, *upstream: str, **keys: Any) -> dict[str, Any]:
            addresses = [f"{HOST}:{smscs[each].port}" for each in upstream]
            return {"name": name, "listen": "127.0.0.1:0", "upstream": addresses} | deepcopy(keys)

        verified = {"upstream": {"ca": trusted.ca}}
        settings = settings_for(smsc.port)
        settings["relay"] = {
            "routes": [
                route("mutual", "mutual", tls=mutual),
                route("in_only", "plain", tls={"listen": shown}),
                route(
                    "named", "other_name", tls={"upstream": {"ca": trusted.ca, "server_name": "smsc.example"}}
                ),
                route("failover", "expired", "strange", "mutual", tls=mutual | {"listen": None}),
                route("expired", "expired", tls=verified),
                route("strange", "strange", tls=verified),
                route("other_name", "other_name", tls=verified),
                route("not_shown", "mutual", tls=verified),
                route("smsc_plain", "plain", tls=verified),
                route("smsc_tls", "mutual"),
                route("kept_out", "plain", source=["192.0.2.0/24"]),
                route("let_in", "plain", source=["192.0.2.0/24", "127.0.0.0/8"]),
            ]
        }
        node = await stack.enter_async_context(running(directory, settings))
        await book(node, *(campaign(name, text, 100_000) for name, text in TEXTS.items()))
        yield Scene(node, smsc, trusted, strange, platform_pair)


async def test_mutual_tls_carries_ads_and_the_books_balance(scene: Scene) -> None:
    """Both legs show certificates; what the SMSC counted of each text is what the books say."""
    platform = scene.platform("mutual", scene.trusted.client(scene.platform_pair))
    await platform.connect()
    traffic = islice(Traffic(Random(1), load_geography().weights), 3000)
    scene.smsc.faults = Faults(throttle=0.02, delay=0.1, delay_s=0.02, reorder=0.05)
    await platform.submit_all(traffic, SteadyPace(3000))
    scene.smsc.faults = NO_FAULTS
    assert sum(platform.statuses.values()) == scene.smsc.received == 3000
    counts = await scene.node.settled(3000)
    assert_equal(counts, scene.smsc, TEXTS)
    assert sum(each["accepted"] for each in counts["campaigns"]) > 1500
    await platform.close()


@pytest.mark.parametrize(
    ("route", "encrypted"),
    [("in_only", True), ("named", False), ("failover", False), ("let_in", False)],
)
async def test_each_leg_has_its_own_tls(scene: Scene, route: str, *, encrypted: bool) -> None:
    """In only, out only with a given name, past two SMSCs with bad certificates; a listed source comes in."""
    platform = scene.platform(route, scene.trusted.client() if encrypted else None)
    await platform.connect()
    await platform.close()


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        ("expired", "its certificate was refused: certificate has expired"),
        ("strange", "its certificate was refused: unable to get local issuer certificate"),
        ("other_name", "its certificate was refused: IP address mismatch"),
        ("not_shown", "it ended the connection right after the handshake"),
        ("smsc_plain", "it "),
    ],
)
async def test_an_smsc_that_fails_a_check_gets_nothing(scene: Scene, route: str, reason: str) -> None:
    """The platform is closed without an answer, so that its own failover works; the log names the check."""
    platform = scene.platform(route)
    with pytest.raises(LinkLostError):
        await platform.connect()
    assert (await scene.failure("alarm_smsc_tls_failed", route)).startswith(reason)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("none", "it showed no certificate"),
        ("strange", "its certificate was refused: "),
        ("expired", "its certificate was refused: certificate has expired"),
        ("distrusts us", "it closed the connection during the handshake"),
        ("plain", "it does not speak TLS"),
    ],
)
async def test_a_platform_that_fails_a_check_is_turned_away(scene: Scene, case: str, reason: str) -> None:
    """No SMSC is dialled for it; the log names the check."""
    known = len(scene.node.events("platform_tls_failed"))
    dialled = scene.smsc.connections
    contexts = {
        "none": scene.trusted.client(),
        "strange": scene.trusted.client(scene.strange.issue("platform")),
        "expired": scene.trusted.client(scene.trusted.issue("old_platform", days=-1)),
        "distrusts us": scene.strange.client(scene.platform_pair),
        "plain": None,
    }
    with pytest.raises(Refused):
        await scene.platform("mutual", contexts[case]).connect()
    async with asyncio.timeout(PATIENCE_S):
        while len(scene.node.events("platform_tls_failed")) == known:
            await asyncio.sleep(0.02)
    assert str(scene.node.events("platform_tls_failed")[-1]["reason"]).startswith(reason)
    assert scene.smsc.connections == dialled


async def test_tls_on_a_plain_route_is_named(scene: Scene) -> None:
    """The platform's handshake fails at once; the log says what came."""
    with pytest.raises(Refused):
        await scene.platform("let_in", scene.trusted.client()).connect()
    await scene.node.logged("tls_on_plain_route")


async def test_plain_smpp_to_a_tls_smsc_is_closed(scene: Scene) -> None:
    """An SMSC that wants TLS answers a plain bind with an alert: the platform is closed, not confused."""
    with pytest.raises(LinkLostError):
        await scene.platform("smsc_tls").connect()


async def test_unlisted_sources_are_closed_at_once_and_counted(scene: Scene) -> None:
    """No octet for them; one line a second at most, with how many there were."""
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(30):
            reader, writer = await asyncio.open_connection(*scene.node.routes["kept_out"])
            assert await reader.read() == b""
            writer.close()
        while not (lines := scene.node.events("source_refused")) or lines[-1]["total"] < 30:
            await asyncio.sleep(0.02)
    assert (lines[-1]["route"], lines[-1]["peer"], lines[-1]["total"]) == ("kept_out", HOST, 30)
    assert sum(each["times"] for each in lines) == 30
    assert len(lines) <= 3 + (time.monotonic() - began)


async def test_hostile_handshakes_hinder_nobody(scene: Scene) -> None:
    """While fifty connections never finish theirs, another binds and is answered without delay."""
    hostile = []
    for number in range(50):
        sock = socket.create_connection(scene.node.routes["mutual"])
        sock.sendall(b"\x16\x03\x01\x02\x00\x01"[: 1 + number % 6])
        hostile.append(sock)
    started = time.monotonic()
    platform = scene.platform("mutual", scene.trusted.client(scene.platform_pair))
    await platform.connect()
    assert time.monotonic() - started < 50  # one after the other they would take 150 s
    await platform.close()
    for sock in hostile:
        sock.close()


async def test_a_drain_over_tls_brings_every_answer_home(scene: Scene) -> None:
    """SIGTERM under load, with handshakes that never end: nothing unknown, exit code 0. Runs last."""
    platform = scene.platform("mutual", scene.trusted.client(scene.platform_pair), window=400)
    await platform.connect()
    hostile = [socket.create_connection(scene.node.routes["mutual"]) for _ in range(20)]
    before = scene.smsc.received
    scene.smsc.faults = Faults(delay=0.5, delay_s=1.0)
    job = asyncio.create_task(
        platform.submit_all(islice(Traffic(Random(2), load_geography().weights), 50_000), SteadyPace(2000))
    )
    await scene.smsc.until(lambda: scene.smsc.received > before + 1000 and scene.smsc.unanswered > 50)
    assert await scene.node.stop() == 0
    with pytest.raises(LinkLostError):
        await job
    for sock in hostile:
        sock.close()
    assert scene.smsc.unanswered == 0
    assert len(platform.answers) == scene.smsc.received - before
    counts = await scene.node.counts()
    assert_equal(counts, scene.smsc, TEXTS)
    assert all(each["ledger"]["leased"] == 0 for each in counts["campaigns"])
