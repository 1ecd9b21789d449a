"""Peers that break the rules, vanish or speak another dialect: only their own session suffers."""

import asyncio
import struct
from collections.abc import AsyncIterator
from itertools import islice
from random import Random
from typing import Any

import pytest
import pytest_asyncio
import smpp34

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.pace import SteadyPace
from adapters.simulator.pdu import (
    BIND_TRANSCEIVER,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    ESME_RBINDFAIL,
    ESME_RINVBNDSTS,
    ESME_RINVCMDLEN,
    ESME_ROK,
    GENERIC_NACK,
    HEADER,
    QUERY_SM,
    REPLACE_SM,
    RESPONSE,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    VENDOR_STATUS,
    numbered,
    parameter,
    pdu,
)
from adapters.simulator.platform import SimulatedPlatform
from adapters.simulator.raw_platform import BindRefusedError, RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import SENDABLE_BY_LIBRARY, Traffic
from tests.node.forced_faults import Stages
from tests.node.harness import PATIENCE_S, campaign, notification, running, settings_for
from tests.node.load import book
from tests.node.peers import RELEASED_WITHIN_S, Peer, Scene, deaf, names, unlistened

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AD = "Compra en tienda sol"
MAX_PDU = 4096


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A node with three routes: to the SMSC, past two dead SMSCs to it, and to nobody."""
    directory = tmp_path_factory.mktemp("bad_peers")
    stages = Stages(directory, link_times={"SESSION_INIT_S": 2.0, "CONNECT_TIMEOUT_S": 0.5})
    refuses, (silent, fillers) = unlistened(), deaf()
    nobody = f"127.0.0.1:{refuses.getsockname()[1]}"
    hangs = f"127.0.0.1:{silent.getsockname()[1]}"
    async with SimulatedSmsc(keep_frames=100_000, ads=[AD], seed=1) as smsc:
        good = f"127.0.0.1:{smsc.port}"
        routes = [
            {"name": "straight", "listen": "127.0.0.1:0", "upstream": [good]},
            {"name": "failover", "listen": "127.0.0.1:0", "upstream": [nobody, hangs, good]},
            {"name": "dead", "listen": "127.0.0.1:0", "upstream": [nobody]},
        ]
        settings = settings_for(smsc.port)
        settings["relay"] = {"routes": routes, "max_pdu_bytes": MAX_PDU}
        async with running(directory, settings, stages.environment) as node:
            await book(node, campaign("sol", AD, 1_000_000))
            neighbour = RawPlatform(*node.routes["straight"], system_id="neighbour")
            await neighbour.connect()
            yield Scene(node, smsc, neighbour)
            neighbour.abort()
            assert await node.stop() == 0
    for sock in (refuses, silent, *fillers):
        sock.close()


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def _neighbour_is_untouched(scene: Scene) -> AsyncIterator[None]:
    """Whatever a test does, the neighbour's session lives on and gets its answers."""
    yield
    scene.smsc.faults = NO_FAULTS
    scene.smsc.script = None
    for number in range(3):
        scene.neighbour.submit(notification(number))
    await scene.neighbour.settled(PATIENCE_S)
    assert scene.neighbour.link_losses == 0
    assert set(scene.neighbour.statuses) == {ESME_ROK}


@pytest_asyncio.fixture(loop_scope="module")
async def before(scene: Scene) -> dict[str, Any]:
    """The books so far; asked for before a peer, whose time to bind runs from its connection on."""
    return await _books(scene)


@pytest_asyncio.fixture(loop_scope="module")
async def peer(scene: Scene) -> AsyncIterator[Peer]:
    """A bare connection on the straight route."""
    each = await Peer.open(scene.node.routes["straight"])
    yield each
    each.writer.transport.abort()


async def _released(scene: Scene, peer: Peer) -> None:
    """Wait until the SMSC leg of a peer is gone: within about a second."""
    await scene.smsc.until(lambda: not scene.session_of(peer.system_id), RELEASED_WITHIN_S)


async def _books(scene: Scene) -> dict[str, Any]:
    """Return the books with everything in them that happened so far."""
    return await scene.node.books_when(lambda _: True)


BAD_LENGTHS = [0, 15, MAX_PDU + 1, 0x7FFFFFFF, 0xFFFFFFFF]


@pytest.mark.parametrize("length", BAD_LENGTHS)
async def test_a_length_that_cannot_be_is_refused_and_what_came_before_is_flushed(
    scene: Scene, peer: Peer, length: int
) -> None:
    """The submit before it reaches the SMSC; then generic_nack ESME_RINVCMDLEN, and both legs close."""
    await peer.bind()
    [session] = scene.session_of(peer.system_id)
    before = notification(1).octets(7)
    peer.writer.write(before + HEADER.pack(length, SUBMIT_SM, 0, 8) + b"x" * 40)
    answers = await peer.rest()
    assert HEADER.pack(16, GENERIC_NACK, ESME_RINVCMDLEN, 8) in answers
    await _released(scene, peer)
    [_, submit] = scene.frames_of(session)
    assert submit[4:16] == before[4:16]
    await scene.node.logged("protocol_error")


@pytest.mark.parametrize("length", BAD_LENGTHS)
async def test_a_bind_of_a_length_that_cannot_be_is_refused_without_dialling(
    scene: Scene, peer: Peer, length: int
) -> None:
    """generic_nack ESME_RINVCMDLEN, FIN; the SMSC never hears of it."""
    connections = scene.smsc.connections
    peer.writer.write(HEADER.pack(length, BIND_TRANSCEIVER, 0, 5))
    assert await peer.rest() == HEADER.pack(16, GENERIC_NACK, ESME_RINVCMDLEN, 5)
    assert scene.smsc.connections == connections


@pytest.mark.parametrize("seed", range(5))
async def test_garbage_ends_its_own_session_only(scene: Scene, peer: Peer, seed: int) -> None:
    """Random octets get an error answer and FIN, before a bind as after one."""
    garbage = b"\xff" + Random(seed).randbytes(400)
    unbound = await Peer.open(scene.node.routes["straight"])
    unbound.writer.write(garbage)
    answer = HEADER.unpack((await unbound.rest())[:16])
    assert answer[2] in {ESME_RINVBNDSTS, ESME_RINVCMDLEN}
    unbound.writer.close()
    await peer.bind()
    peer.writer.write(garbage)
    assert (await peer.rest())[4:12] == struct.pack(">II", GENERIC_NACK, ESME_RINVCMDLEN)
    await _released(scene, peer)


@pytest.mark.parametrize("command", [SUBMIT_SM, DATA_SM, ENQUIRE_LINK, UNBIND, SUBMIT_MULTI, 0x00010203])
async def test_traffic_before_a_bind_is_refused(
    scene: Scene, before: dict[str, Any], peer: Peer, command: int
) -> None:
    """ESME_RINVBNDSTS under the request's sequence number, FIN; the SMSC is not dialled."""
    connections = scene.smsc.connections
    peer.writer.write(numbered(notification(1).octets(1), 9)[:4] + struct.pack(">III", command, 0, 9))
    assert await peer.rest() == HEADER.pack(16, command | RESPONSE, ESME_RINVBNDSTS, 9)
    assert scene.smsc.connections == connections
    if command in {SUBMIT_SM, DATA_SM}:
        await scene.node.books_when(lambda books: books["refused"] == before["refused"] + 1)


async def test_half_a_header_and_silence_ends_without_an_answer(scene: Scene, peer: Peer) -> None:
    """The connection is closed when session_init runs out; the SMSC is not dialled."""
    connections = scene.smsc.connections
    peer.writer.write(peer.bind_request()[:9])
    assert await peer.rest() == b""
    assert scene.smsc.connections == connections
    await scene.node.logged("session_init_timeout")


async def test_a_bind_in_single_octets_works(scene: Scene, peer: Peer) -> None:
    """However slowly a bind comes, once its header is there the SMSC is dialled and answers it."""
    for octet in peer.bind_request():
        peer.writer.write(bytes((octet,)))
        await asyncio.sleep(0)
    assert (await peer.frame())[4:12] == struct.pack(">II", BIND_TRANSCEIVER | RESPONSE, ESME_ROK)


async def test_a_wrong_password_is_the_smscs_to_refuse(scene: Scene) -> None:
    """The SMSC's own status reaches the platform; credentials are never looked at on the way."""
    stranger = RawPlatform(*scene.node.routes["straight"], system_id="stranger", password="wrong")
    scene.smsc.credentials = {"neighbour": "secret"}
    try:
        with pytest.raises(BindRefusedError) as refused:
            await stranger.connect()
    finally:
        scene.smsc.credentials = None
    assert refused.value.status == ESME_RBINDFAIL


async def test_a_refused_bind_may_be_tried_again_on_the_same_connection(scene: Scene, peer: Peer) -> None:
    """The relay closes nothing that the SMSC left open."""
    scene.smsc.credentials = {"neighbour": "secret"}
    peer.writer.write(peer.bind_request(1))
    assert (await peer.frame())[8:12] == struct.pack(">I", ESME_RBINDFAIL)
    scene.smsc.credentials = None
    await peer.bind(2)
    peer.writer.write(notification(1).octets(3))
    assert (await peer.frame())[8:16] == struct.pack(">II", ESME_ROK, 3)


async def test_an_smsc_that_refuses_or_hangs_is_passed_over_for_the_next(scene: Scene) -> None:
    """The third address answers, and the session stays there."""
    platform = RawPlatform(*scene.node.routes["failover"], system_id=next(names))
    await platform.connect()
    platform.submit(notification(1))
    await platform.settled(PATIENCE_S)
    assert platform.statuses == {ESME_ROK: 1}
    await platform.close()


async def test_no_smsc_at_all_closes_without_an_answer(scene: Scene) -> None:
    """The platform's own failover gets to work: no bind_resp, FIN."""
    peer = await Peer.open(scene.node.routes["dead"])
    peer.writer.write(peer.bind_request())
    assert await peer.rest() == b""
    peer.writer.close()
    await scene.node.logged("smsc_unreachable")


async def test_an_smsc_that_ends_a_session_ends_the_platforms(
    scene: Scene, before: dict[str, Any], peer: Peer
) -> None:
    """What the SMSC said comes home, then FIN; the ad without an answer is unknown."""
    unknown = before["campaigns"][0]["unknown"]
    await peer.bind()
    [session] = scene.session_of(peer.system_id)
    scene.smsc.faults = Faults(silence=1.0)
    peer.writer.write(notification(1).octets(4))
    await scene.smsc.until(lambda: len(scene.frames_of(session)) == 2)
    last_word = pdu(0x00010203, 77, b"adios")
    scene.smsc.sessions[session].write(last_word)
    scene.smsc.sessions[session].close()
    assert await peer.rest() == last_word
    await scene.node.books_when(lambda books: books["campaigns"][0]["unknown"] == unknown + 1)


async def test_an_smsc_that_resets_a_session_ends_the_platforms(scene: Scene, peer: Peer) -> None:
    """The platform sees the end within a second and may bind elsewhere."""
    await peer.bind()
    scene.smsc.sessions[scene.session_of(peer.system_id)[0]].abort()
    assert await peer.rest() == b""


async def test_a_platform_that_has_said_all_still_gets_its_answers(
    scene: Scene, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers outstanding at its FIN come home from an SMSC that still gives them, then FIN comes back."""
    await peer.bind()
    [number] = scene.session_of(peer.system_id)
    session = scene.smsc.sessions[number]
    finished = asyncio.Event()
    monkeypatch.setattr(session, "eof_received", lambda: finished.set() or True)
    scene.smsc.faults = Faults(delay=1.0, delay_s=0.2)
    peer.writer.write(b"".join(notification(each).octets(each) for each in range(10, 15)))
    peer.writer.write_eof()
    for each in range(10, 15):
        assert (await peer.frame())[4:16] == struct.pack(">III", SUBMIT_SM | RESPONSE, ESME_ROK, each)
    assert finished.is_set()
    session.close()
    assert await peer.rest() == b""
    await _released(scene, peer)


async def test_a_platform_that_vanishes_releases_its_smsc_leg(
    scene: Scene, before: dict[str, Any], peer: Peer
) -> None:
    """After RST the SMSC leg ends within a second; the ad without an answer is unknown."""
    unknown = before["campaigns"][0]["unknown"]
    await peer.bind()
    [session] = scene.session_of(peer.system_id)
    scene.smsc.faults = Faults(silence=1.0)
    peer.writer.write(notification(1).octets(4))
    await scene.smsc.until(lambda: len(scene.frames_of(session)) == 2)
    peer.reset()
    await _released(scene, peer)
    await scene.node.books_when(lambda books: books["campaigns"][0]["unknown"] == unknown + 1)


ADDRESS = b"\x01\x01525501234567\0"
CALLER = b"\x02\x015501234567\0"
VENDOR = parameter(0x1400, b"de la casa") + parameter(0x3FFF, b"")
FOREIGN = {
    "submit_multi": pdu(SUBMIT_MULTI, 5, b"\0" + CALLER + b"\x01\x01" + ADDRESS + b"\0" * 9 + b"\x04hola"),
    "query_sm": pdu(QUERY_SM, 5, b"0000000001\0" + CALLER),
    "cancel_sm": pdu(CANCEL_SM, 5, b"\x000000000001\0" + CALLER + ADDRESS),
    "replace_sm": pdu(REPLACE_SM, 5, b"0000000001\0" + CALLER + b"\0\0\0\0\x04hola"),
    "enquire_link": pdu(ENQUIRE_LINK, 5),
    "unknown command": pdu(0x00010203, 5, b"\x00\xff" * 100),
    "unknown response": pdu(0x80010203, 5, b"x", 0x400),
    "deliver_sm from an ESME": pdu(DELIVER_SM, 5, b"\0" + CALLER + ADDRESS + b"\0" * 9 + b"\x04hola"),
    "generic_nack": pdu(GENERIC_NACK, 5, status=3),
    "second bind": pdu(BIND_TRANSCEIVER, 5, b"otro\0secret\0\0\x34\0\0\0"),
    "submit_sm that does not parse": pdu(SUBMIT_SM, 5, b"no terminator at all"),
    "submit_sm without a body": pdu(SUBMIT_SM, 5),
    "largest": pdu(0x00010203, 5, b"x" * (MAX_PDU - 16)),
}


@pytest.mark.parametrize("octets", FOREIGN.values(), ids=FOREIGN)
async def test_what_is_no_notification_passes_byte_for_byte(scene: Scene, peer: Peer, octets: bytes) -> None:
    """The SMSC gets exactly what was sent, and the session goes on."""
    await peer.bind()
    [session] = scene.session_of(peer.system_id)
    peer.writer.write(octets + pdu(ENQUIRE_LINK, 6))
    await scene.smsc.until(lambda: len(scene.frames_of(session)) == 3)
    assert scene.frames_of(session)[1] == octets
    while (await peer.frame())[4:16] != struct.pack(">III", ENQUIRE_LINK | RESPONSE, 0, 6):
        pass


async def test_vendor_parameters_and_statuses_pass_both_ways(scene: Scene, peer: Peer) -> None:
    """TLVs stay behind the ad as they were; the answer with status 0x400 and TLVs comes home as sent."""
    await peer.bind()
    [session] = scene.session_of(peer.system_id)
    answer = pdu(SUBMIT_SM | RESPONSE, 21, b"id-de-la-casa\0" + VENDOR, VENDOR_STATUS)
    scene.smsc.script = lambda frame: answer if frame[12:16] == answer[12:16] else None
    plain = notification(1).octets(21)
    peer.writer.write((len(plain) + len(VENDOR)).to_bytes(4, "big") + plain[4:] + VENDOR)
    assert await peer.frame() == answer
    received = scene.frames_of(session)[1]
    assert received.endswith(b" Compra en tienda sol" + VENDOR)
    assert received[4:16] == plain[4:16]


async def test_receipts_come_home(scene: Scene) -> None:
    """A platform that asked for receipts gets the SMSC's, and its answers reach the SMSC."""
    platform = RawPlatform(*scene.node.routes["straight"], system_id=next(names))
    await platform.connect()
    answered = scene.smsc.receipts_answered
    for number in range(5):
        platform.submit(notification(number, registered_delivery=1))
    await platform.until(lambda: platform.receipts == 5)
    await scene.smsc.until(lambda: scene.smsc.receipts_answered == answered + 5)
    await platform.close()


async def test_smpp34_works_through_the_node(scene: Scene) -> None:
    """A client we did not write binds, submits, gets its message ids and unbinds."""
    before = scene.smsc.ads_accepted
    host, port = scene.node.routes["straight"]
    client = smpp34.Client(host, port, next(names), "secret", bind_type="TRX")
    smsc = await client.connect()
    for number in range(10):
        answer = await smsc.submit_sm(
            f"52550{number:07d}", short_message=b"Llamada perdida", source_addr="5501234567"
        )
        assert answer.command_status == ESME_ROK
        assert answer.message_id
    await client.stop()
    assert scene.smsc.ads_accepted == before + 10


async def test_aiosmpplib_works_through_the_node(scene: Scene) -> None:
    """A second client we did not write sends the whole mix of traffic it can, and all is answered."""
    traffic = Traffic(Random(5), load_geography().weights, kinds=SENDABLE_BY_LIBRARY, receipts=0.2)
    host, port = scene.node.routes["failover"]
    notifications = islice(traffic, 200)
    report = await SimulatedPlatform(
        host, port, notifications, SteadyPace(400), 200, system_id=next(names), mode="transmitter"
    ).run()
    assert (report.accepted, report.unanswered, report.given_up) == (200, 0, 0)


async def test_the_books_balance_after_all_that(scene: Scene) -> None:
    """Every notification of every peer is counted once: with an ad, passed or refused."""
    sent = [int.from_bytes(frame.octets[4:8], "big") for frame in scene.smsc.frames]
    books = await _books(scene)
    relayed = sum(command in {SUBMIT_SM, DATA_SM} for command in sent)
    assert books["notifications"] == relayed + books["refused"]
    assert books["campaigns"][0]["accepted"] == scene.smsc.ads_accepted
