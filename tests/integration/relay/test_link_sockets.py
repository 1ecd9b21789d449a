"""A link over real sockets: when the SMSC is dialled, how legs die together, what slow peers cost."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from adapters.smpp import link as link_module
from adapters.smpp.legs import WRITE_HIGH_OCTETS, PlatformLeg
from adapters.smpp.link import Link, LinkHooks, SyncGate
from adapters.smpp.stage import Stage
from tests.smpp_cases.pdus import (
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    RINVBNDSTS,
    RINVCMDLEN,
    RINVMSGLEN,
    SUBMIT_SM,
    Submit,
    answer,
    bind,
    bind_answer,
    pdu,
)
from tests.smpp_cases.world import CREATIVE, SEPARATOR, World, make_world

HOST = "127.0.0.1"
NOTIFICATION = Submit(sequence=7)
OTHER = pdu(ENQUIRE_LINK, 3)
WITH_AD = len(NOTIFICATION.octets) + len(SEPARATOR + CREATIVE)
# Nothing here takes so long; it only keeps a broken test from hanging.
PATIENCE_S = 60.0


@dataclass
class Peer:
    """One end of a TCP connection, as a test drives it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, octets: bytes) -> None:
        """Write octets."""
        self.writer.write(octets)

    async def hear(self, octets: bytes) -> None:
        """Expect exactly these octets next."""
        assert await self.reader.readexactly(len(octets)) == octets

    async def hear_end(self) -> None:
        """Expect nothing more, then the end."""
        assert await self.reader.read() == b""

    def finish(self) -> None:
        """Send FIN, keep reading."""
        self.writer.write_eof()

    def reset(self) -> None:
        """End with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Rig:
    """A relay of one route between a test's platform and a test's SMSC."""

    world: World
    links: list[Link] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    ended: list[Link] = field(default_factory=list)
    dialled: asyncio.Queue[Peer] = field(default_factory=asyncio.Queue)
    peers: list[Peer] = field(default_factory=list)
    port: int = 0
    smsc_port: int = 0

    @property
    def link(self) -> Link:
        """The only link."""
        return self.links[0]

    async def platform(self) -> Peer:
        """Connect as the platform."""
        peer = Peer(*await asyncio.open_connection(HOST, self.port))
        self.peers.append(peer)
        return peer

    async def smsc(self) -> Peer:
        """Wait until the SMSC is dialled."""
        return await self.dialled.get()

    async def bound(self) -> tuple[Peer, Peer]:
        """Bind through both legs."""
        platform = await self.platform()
        platform.send(bind())
        smsc = await self.smsc()
        await smsc.hear(bind())
        smsc.send(bind_answer())
        await platform.hear(bind_answer())
        return platform, smsc


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something is true."""
    while not condition():
        await asyncio.sleep(0)


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


@asynccontextmanager
async def rig(
    before: tuple[tuple[str, int], ...] = (), *, smsc: bool = True, gate: SyncGate | None = None
) -> AsyncIterator[Rig]:
    """Run a relay whose upstream is `before` and then the test's SMSC, if there is one."""
    it = Rig(make_world(max_pdu_octets=65536))

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        it.peers.append(peer)
        it.dialled.put_nowait(peer)

    def joined() -> PlatformLeg:
        hooks = LinkHooks(
            read=lambda: 100.0,
            ended=it.ended.append,
            event=lambda event, _: it.events.append(event),
            gate=gate,
        )
        link = Link(it.world.session, upstream, hooks)
        it.links.append(link)
        return PlatformLeg(link)

    listening = await asyncio.start_server(accepted, HOST, 0)
    it.smsc_port = listening.sockets[0].getsockname()[1]
    upstream = before + (((HOST, it.smsc_port),) if smsc else ())
    relay = await asyncio.get_running_loop().create_server(joined, HOST, 0)
    it.port = relay.sockets[0].getsockname()[1]
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield it
            for link in it.links:
                link.end()
                for peer in it.peers:
                    peer.writer.close()
                await link.over.wait()
    finally:
        relay.close()
        listening.close()
        for peer in it.peers:
            peer.writer.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def strict_loop(runner: asyncio.Runner) -> Iterator[list[dict[str, object]]]:
    """Fail a test in which the loop had to report an exception of a protocol."""
    reported: list[dict[str, object]] = []
    runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
    yield reported
    assert reported == []


# -- dialling -------------------------------------------------------------------------------------


def test_nothing_is_dialled_before_a_complete_bind_header(runner: asyncio.Runner) -> None:
    """Fifteen octets dial nobody; the sixteenth does, and the whole bind arrives."""

    async def scenario() -> None:
        async with rig() as it:
            platform = await it.platform()
            platform.send(bind()[:15])
            await until(lambda: bool(it.links) and it.world.session._platform_rest == bind()[:15])
            assert it.link._dial is None
            assert it.dialled.empty()
            platform.send(bind()[15:] + OTHER)
            smsc = await it.smsc()
            await smsc.hear(bind() + OTHER)

    runner.run(scenario())


@pytest.mark.parametrize("octets", [OTHER, NOTIFICATION.octets, b"GET / HTTP/1.1\r\n\r\n"])
def test_traffic_before_a_bind_is_answered_and_closed(runner: asyncio.Runner, octets: bytes) -> None:
    """ESME_RINVBNDSTS, the end, and nobody was dialled."""

    async def scenario() -> None:
        async with rig() as it:
            platform = await it.platform()
            platform.send(octets)
            said = await platform.reader.read()
            assert len(said) == 16
            assert int.from_bytes(said[8:12], "big") == RINVBNDSTS
            assert it.dialled.empty()

    runner.run(scenario())


def test_the_next_upstream_is_dialled_when_one_refuses(runner: asyncio.Runner) -> None:
    """Addresses are tried in their order."""

    async def scenario() -> None:
        async with rig(before=((HOST, free_port()), (HOST, free_port()))) as it:
            platform, smsc = await it.bound()
            platform.send(OTHER)
            await smsc.hear(OTHER)

    runner.run(scenario())


def test_the_next_upstream_is_dialled_when_one_is_silent(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that does not answer in `connect_timeout` is passed over."""
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT_S", 0.05)

    async def scenario() -> None:
        with socket.socket() as silent:
            silent.bind((HOST, 0))
            silent.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:  # a full backlog lets no more connections in
                filler.setblocking(False)
                filler.connect_ex(silent.getsockname())
            async with rig(before=(silent.getsockname(),)) as it:
                await it.bound()
            for filler in fillers:
                filler.close()

    runner.run(scenario())


def test_without_any_upstream_the_platform_is_closed_without_an_answer(runner: asyncio.Runner) -> None:
    """The platform's own failover works: it sees the end and no octet."""

    async def scenario() -> None:
        async with rig(before=((HOST, free_port()),), smsc=False) as it:
            platform = await it.platform()
            platform.send(bind())
            await platform.hear_end()
            assert it.events == ["smsc_unreachable"]

    runner.run(scenario())


def test_a_platform_that_leaves_while_dialling_leaves_nothing_behind(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link ends although nobody was reached."""
    monkeypatch.setattr(link_module, "LINGER_S", 0.05)

    async def scenario() -> None:
        async with rig() as it:
            platform = await it.platform()
            platform.send(bind())
            await until(lambda: bool(it.links) and it.link._dial is not None)
            platform.reset()
            await it.link.over.wait()
            assert it.ended == it.links

    runner.run(scenario())


def test_a_silent_platform_is_let_go(runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a bind's header `session_init` ends the connection; nobody was dialled."""
    monkeypatch.setattr(link_module, "SESSION_INIT_S", 0.05)

    async def scenario() -> None:
        async with rig() as it:
            platform = await it.platform()
            platform.send(bind()[:12])
            await platform.hear_end()
            assert it.events == ["session_init_timeout"]
            assert it.dialled.empty()

    runner.run(scenario())


def test_a_bound_session_outlives_session_init(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The timer is for the bind's header only."""
    monkeypatch.setattr(link_module, "SESSION_INIT_S", 0.05)

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            assert it.link._timer is not None
            assert it.link._timer.cancelled()
            platform.send(OTHER)
            await smsc.hear(OTHER)

    runner.run(scenario())


# -- dying together -------------------------------------------------------------------------------


def test_when_the_platform_finishes_its_answers_still_come_home(runner: asyncio.Runner) -> None:
    """The SMSC gets everything and FIN; what it then answers reaches the half-closed platform."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            it.world.inserter.decision = None
            platform.send(NOTIFICATION.octets)
            platform.finish()
            await smsc.hear(NOTIFICATION.octets)
            await smsc.hear_end()
            smsc.send(answer(7))
            await platform.hear(answer(7))
            smsc.finish()
            await platform.hear_end()
            await it.link.over.wait()

    runner.run(scenario())


def test_a_refusal_reaches_a_half_closed_platform(runner: asyncio.Runner) -> None:
    """Nothing can be sent to the SMSC any more, so the platform hears the refusal."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            platform.finish()
            assert len(await smsc.reader.read()) > len(NOTIFICATION.octets)
            smsc.send(answer(7, RINVMSGLEN))
            smsc.finish()
            assert await platform.reader.read() == answer(7, RINVMSGLEN)
            await it.link.over.wait()
            assert it.world.held == 1_000_000

    runner.run(scenario())


def test_when_the_smsc_finishes_the_platform_is_finished(runner: asyncio.Runner) -> None:
    """What the SMSC said last is flushed first; both legs get their FIN."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            smsc.send(OTHER * 100)
            smsc.finish()
            assert await platform.reader.read() == OTHER * 100
            await smsc.hear_end()
            platform.finish()
            await it.link.over.wait()

    runner.run(scenario())


@pytest.mark.parametrize("who", ["platform", "smsc"])
def test_a_reset_of_one_leg_ends_the_other(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """The other leg ends within LINGER_S, and what was pending is unknown."""
    monkeypatch.setattr(link_module, "LINGER_S", 0.1)

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            await smsc.reader.readexactly(len(NOTIFICATION.octets) + 1)
            (platform if who == "platform" else smsc).reset()
            async with asyncio.timeout(30):  # without it, nothing would end them
                await (smsc if who == "platform" else platform).reader.read()
                await it.link.over.wait()
            it.world.recorder.commit()
            assert it.world.assert_balanced().outcomes == {("UNKNOWN", "link_lost"): 1}

    runner.run(scenario())


@pytest.mark.parametrize("who", ["platform", "smsc"])
def test_a_peer_that_does_not_close_is_released(
    runner: asyncio.Runner, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """Both legs are gone LINGER_S after one has finished, whatever the other's peer does."""
    monkeypatch.setattr(link_module, "LINGER_S", 0.05)

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            (platform if who == "platform" else smsc).finish()
            await it.link.over.wait()
            assert it.ended == it.links
            await platform.reader.read()
            await smsc.reader.read()

    runner.run(scenario())


def test_a_frame_that_cannot_be_cut_closes_both_legs_behind_what_came_before(
    runner: asyncio.Runner,
) -> None:
    """The SMSC gets what came before and FIN; the platform the nack, its answers, and the end."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets + b"\0\0\0\3" + pdu(SUBMIT_SM, 9)[4:] + OTHER)
            assert len(await smsc.reader.read()) == WITH_AD
            await platform.hear(pdu(GENERIC_NACK, 9, status=RINVCMDLEN))
            smsc.send(answer(7))
            smsc.finish()
            await platform.hear(answer(7))
            await platform.hear_end()
            assert it.events == ["protocol_error"]
            platform.finish()
            await it.link.over.wait()

    runner.run(scenario())


def test_a_broken_smsc_closes_both_legs(runner: asyncio.Runner) -> None:
    """The SMSC gets the nack; the platform what came before, and the end."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            smsc.send(OTHER + b"\0\0\0\0" + pdu(DELIVER_SM, 9)[4:] + OTHER)
            await smsc.hear(pdu(GENERIC_NACK, 9, status=RINVCMDLEN))
            await smsc.hear_end()
            smsc.finish()
            await platform.hear(OTHER)
            await platform.hear_end()

    runner.run(scenario())


def test_a_drain_brings_answers_home_and_takes_no_more(runner: asyncio.Runner) -> None:
    """What was sent before it is answered; what comes after it is not relayed; then both legs end."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            it.world.inserter.decision = None
            platform.send(NOTIFICATION.octets)
            await smsc.hear(NOTIFICATION.octets)
            it.link.drain()
            platform.send(OTHER)
            smsc.send(answer(7))
            await platform.hear(answer(7))
            await smsc.hear_end()
            smsc.finish()
            await platform.hear_end()
            platform.finish()
            await it.link.over.wait()

    runner.run(scenario())


# -- what passes through --------------------------------------------------------------------------


def test_a_refused_ad_goes_out_bare_once(runner: asyncio.Runner) -> None:
    """The SMSC sees the original behind its refusal; the platform sees the second answer only."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            await smsc.reader.readexactly(WITH_AD)
            smsc.send(answer(7, RINVMSGLEN))
            await smsc.hear(NOTIFICATION.octets)
            smsc.send(answer(7))
            await platform.hear(answer(7))
            platform.finish()
            await smsc.hear_end()

    runner.run(scenario())


def test_both_legs_are_tuned(runner: asyncio.Runner) -> None:
    """No Nagle delay, keep-alive, a bound on data that nobody acknowledges."""

    async def scenario() -> None:
        async with rig() as it:
            await it.bound()
            for leg in (it.link._platform, it.link._smsc):
                assert leg is not None
                sock = leg.transport.get_extra_info("socket")
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 30_000

    runner.run(scenario())


async def pour(sock: socket.socket, octets: bytes, full: Callable[[], bool], *, once: bool = False) -> int:
    """Send the same octets, once or again and again until nothing goes any more; return how many went."""
    sent = 0
    while not full() and not (once and sent == len(octets)):
        try:
            sent += sock.send(octets[sent % len(octets) :])
        except BlockingIOError:
            await asyncio.sleep(0)
    return sent


@pytest.mark.parametrize("slow", ["platform", "smsc"])
def test_a_peer_that_does_not_read_stops_the_other(runner: asyncio.Runner, slow: str) -> None:
    """The relay keeps at most a buffer and a read of it; when it reads again, every octet is there."""

    async def scenario() -> None:
        async with rig() as it:
            platform, smsc = await it.bound()
            source, sink = (smsc, platform) if slow == "platform" else (platform, smsc)
            near, far = it.link._platform, it.link._smsc
            assert near is not None
            assert far is not None
            read_from, written_to = (far, near) if slow == "platform" else (near, far)
            sink.writer.transport.pause_reading()  # type: ignore[attr-defined]
            raw = socket.socket(fileno=socket.dup(source.writer.get_extra_info("socket").fileno()))
            raw.setblocking(False)
            unit = pdu(DELIVER_SM if slow == "platform" else ENQUIRE_LINK, 5, b"x" * 1000)
            with raw:
                sent = await pour(raw, unit, lambda: read_from.reading.held)
                assert written_to.transport.get_write_buffer_size() <= 2 * WRITE_HIGH_OCTETS
                whole = (sent // len(unit) + 1) * len(unit)
                sink.writer.transport.resume_reading()  # type: ignore[attr-defined]
                reading = asyncio.ensure_future(sink.reader.readexactly(whole))
                await pour(raw, (unit * 2)[sent % len(unit) :][: whole - sent], lambda: False, once=True)
                assert await reading == unit * (whole // len(unit))

    runner.run(scenario())


class StuckGate:
    """A disk that syncs when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def hold(self, release: Callable[[], None]) -> bool:
        """Keep everything back."""
        self.waiting.append(release)
        return True

    def sync(self) -> None:
        """Let everything go that waits now."""
        waiting, self.waiting = self.waiting, []
        for release in waiting:
            release()


def test_an_ad_waits_for_the_disk_and_keeps_its_place(runner: asyncio.Runner) -> None:
    """With `journal.sync: always` what follows an ad waits behind it; a bare stream waits for nothing."""
    gate = StuckGate()

    async def scenario() -> None:
        async with rig(gate=gate) as it:
            platform, smsc = await it.bound()
            platform.send(OTHER)
            await smsc.hear(OTHER)
            platform.send(NOTIFICATION.octets)
            await until(lambda: len(gate.waiting) == 1)
            platform.send(OTHER)
            await until(lambda: len(it.link._held) == 2)
            gate.sync()
            with_ad = await smsc.reader.readexactly(WITH_AD)
            assert with_ad[12:16] == NOTIFICATION.octets[12:16]
            await smsc.hear(OTHER)

    runner.run(scenario())


def test_a_stuck_disk_stops_the_platform(runner: asyncio.Runner) -> None:
    """What waits for the disk is bounded as what waits for the SMSC is."""
    gate = StuckGate()

    async def scenario() -> None:
        async with rig(gate=gate) as it:
            platform, smsc = await it.bound()
            leg = it.link._platform
            assert leg is not None
            raw = socket.socket(fileno=socket.dup(platform.writer.get_extra_info("socket").fileno()))
            raw.setblocking(False)
            with raw:
                sent = await pour(raw, NOTIFICATION.octets, lambda: leg.reading.held)
            assert sum(len(octets) for octets, _ in it.link._held) <= 4 * WRITE_HIGH_OCTETS
            assert sent > 0
            gate.sync()
            await until(leg.transport.is_reading)
            assert await smsc.reader.read(16) != b""

    runner.run(scenario())


def test_what_waits_for_the_disk_leaves_before_the_end(runner: asyncio.Runner) -> None:
    """A platform that finishes while its ad waits for the disk does not lose it."""
    gate = StuckGate()

    async def scenario() -> None:
        async with rig(gate=gate) as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            platform.finish()
            await until(lambda: it.link._ending and len(gate.waiting) == 1)
            gate.sync()
            assert len(await smsc.reader.read()) == WITH_AD
            assert it.world.session.stage is Stage.BOUND

    runner.run(scenario())
