"""A link over TLS: handshakes, ends in each direction by themselves, slow peers, renewed files."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from adapters.processes import connector as connector_module
from adapters.processes.connector import Connector
from adapters.smpp import link as link_module
from adapters.smpp.legs import WRITE_HIGH_OCTETS, PlatformLeg
from adapters.smpp.link import Link, LinkHooks
from engine.relay_settings import Route
from engine.settings import parse_settings
from tests.smpp_cases.pdus import ENQUIRE_LINK, SUBMIT_SM, Submit, answer, bind, bind_answer, pdu
from tests.smpp_cases.world import CREATIVE, SEPARATOR, make_world
from tests.tls import HOST, Authority, Pair

NOTIFICATION = Submit(sequence=7)
WITH_AD = len(NOTIFICATION.octets) + len(SEPARATOR + CREATIVE)
ANSWER = answer(SUBMIT_SM, 7)
OTHER = pdu(ENQUIRE_LINK, 3)
PATIENCE_S = 60.0
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
both = pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)


class Peer:
    """One end of a TLS connection that may end its direction and hear on; `piece` cuts what it sends."""

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        context: ssl.SSLContext,
        *,
        server_name: str | None = None,
        piece: int = 1 << 20,
    ) -> None:
        self.reader, self.writer = streams
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._in, self._out, server_side=server_name is None, server_hostname=server_name
        )
        self._piece = piece
        self._plain = bytearray()

    async def shake_hands(self) -> None:
        """Finish the handshake."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                assert await self._more()
            except ssl.SSLError:
                self._flush()
                raise
            else:
                self._flush()
                return

    def send(self, octets: bytes) -> None:
        """Send octets."""
        self._tls.write(octets)
        self._flush()

    async def hear(self, octets: bytes) -> None:
        """Expect exactly these octets next."""
        assert await self.take(len(octets)) == octets

    async def take(self, size: int) -> bytes:
        """Return the next octets."""
        while len(self._plain) < size:
            assert await self._read(), f"ended after {bytes(self._plain)!r}"
        taken = bytes(self._plain[:size])
        del self._plain[:size]
        return taken

    async def hear_end(self) -> None:
        """Expect close_notify, and FIN behind it."""
        assert not await self._read()
        assert not await self._more()

    def finish(self) -> None:
        """Say close_notify and FIN, go on hearing."""
        with suppress(ssl.SSLWantReadError):  # the other direction goes on
            self._tls.unwrap()
        self._flush()
        self.writer.write_eof()

    async def _read(self) -> bool:
        """Take in one record; False at the peer's close_notify."""
        while True:
            try:
                octets = self._tls.read(16384)
            except ssl.SSLWantReadError:
                assert await self._more(), "FIN without a close_notify"
            except ssl.SSLZeroReturnError:
                return False
            else:
                self._plain += octets
                return bool(octets)

    async def _more(self) -> bool:
        octets = await self.reader.read(65536)
        self._in.write(octets)
        return bool(octets)

    def _flush(self) -> None:
        octets = self._out.read()
        for at in range(0, len(octets), self._piece):
            self.writer.write(octets[at : at + self._piece])


@dataclass
class Rig:
    """A route with TLS on both legs between a test's platform and a test's SMSC."""

    authority: Authority
    smsc_context: ssl.SSLContext
    client_context: ssl.SSLContext
    port: int = 0
    links: list[Link] = field(default_factory=list)
    failures: list[OSError] = field(default_factory=list)
    dialled: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(
        default_factory=asyncio.Queue
    )
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open TCP to the relay."""
        streams = await asyncio.open_connection(HOST, self.port)
        self.writers.append(streams[1])
        return streams

    async def platform(self, piece: int = 1 << 20) -> Peer:
        """Connect as the platform."""
        peer = Peer(await self.connect(), self.client_context, server_name=HOST, piece=piece)
        await peer.shake_hands()
        return peer

    async def smsc(self, piece: int = 1 << 20) -> Peer:
        """Wait until the SMSC is dialled."""
        peer = Peer(await self.dialled.get(), self.smsc_context, piece=piece)
        await peer.shake_hands()
        return peer

    async def bound(self, piece: int = 1 << 20) -> tuple[Peer, Peer]:
        """Bind through both legs."""
        platform = await self.platform(piece)
        platform.send(bind())
        smsc = await self.smsc(piece)
        await smsc.hear(bind())
        smsc.send(bind_answer())
        await platform.hear(bind_answer())
        return platform, smsc


@pytest.fixture
def version() -> ssl.TLSVersion:
    """The newest TLS, where a test does not try both."""
    return VERSIONS[-1]


def put(path: str, octets: bytes) -> None:
    """Replace a file, as a renewal does."""
    new = Path(path).with_suffix(".new")
    new.write_bytes(octets)
    new.replace(path)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for both sides."""
    return Authority(tmp_path_factory.mktemp("tls"), "authority")


def route(authority: Authority, pair: Pair, smsc_port: int) -> Route:
    """Return a route with TLS on both legs."""
    tls = {
        "listen": {"certificate": pair.certificate, "key": pair.key},
        "upstream": {"ca": authority.ca},
    }
    relay = {"listen": "127.0.0.1:0", "upstream": [f"{HOST}:{smsc_port}"], "tls": tls}
    return parse_settings({"relay": relay}).relay.routes[0]


@asynccontextmanager
async def rig(authority: Authority, version: ssl.TLSVersion, pair: Pair | None = None) -> AsyncIterator[Rig]:
    """Run such a route; what connects to it joins a link of its own."""
    pair = pair or authority.issue("node")
    it = Rig(authority, authority.server(authority.issue("smsc")), authority.client())
    it.smsc_context.maximum_version = it.client_context.maximum_version = version
    loop = asyncio.get_running_loop()

    def dialled(*streams: Any) -> None:
        it.writers.append(streams[1])
        it.dialled.put_nowait(streams)

    smsc = await asyncio.start_server(dialled, HOST, 0)
    its_route = route(authority, pair, smsc.sockets[0].getsockname()[1])
    connector = Connector(its_route)
    upstream = tuple((end.host, end.port) for end in its_route.upstream)

    async def adopt(accepted: socket.socket) -> None:
        hooks = LinkHooks(read=lambda: 100.0, ended=lambda _: None, event=lambda *_: None)
        link = Link(make_world(max_pdu_octets=65536).session, upstream, hooks, connector.dial)
        it.links.append(link)
        try:
            await connector.accept(PlatformLeg(link), accepted, "peer")
        except OSError as error:
            it.failures.append(error)

    async def serve() -> None:
        async with asyncio.TaskGroup() as adopting:
            while True:
                accepted, _ = await loop.sock_accept(listening)
                adopting.create_task(adopt(accepted))

    with socket.create_server((HOST, 0)) as listening:
        listening.setblocking(False)
        it.port = listening.getsockname()[1]
        serving = asyncio.create_task(serve())
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield it
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            smsc.close()
            for writer in it.writers:
                writer.transport.abort()
            for link in it.links:
                link.end()
                if link._platform is not None:
                    await link.over.wait()


@pytest.fixture(autouse=True)
def strict_loop(runner: asyncio.Runner) -> Iterator[None]:
    """Fail a test in which the loop had to report an exception of a protocol."""
    reported: list[dict[str, Any]] = []
    runner.get_loop().set_exception_handler(lambda _, context: reported.append(context))
    yield
    assert reported == []


@both
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_an_ad_goes_out_however_the_records_are_cut(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, piece: int
) -> None:
    """Both legs are encrypted; notification, ad and answer go through, octet by octet as well."""

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound(piece)
            platform.send(NOTIFICATION.octets + OTHER)
            assert b" Tienda sol, " in await smsc.take(WITH_AD)
            await smsc.hear(OTHER)
            smsc.send(ANSWER)
            await platform.hear(ANSWER)

    runner.run(scenario())


@both
def test_answers_come_home_after_the_platforms_close_notify(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion
) -> None:
    """The SMSC hears no end before it has answered; then it does, and the platform hears answer and end."""

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            platform.finish()
            await smsc.take(WITH_AD)
            while not it.links[0].session.ending:
                await asyncio.sleep(0)
            smsc.send(ANSWER)
            await smsc.hear_end()
            await platform.hear(ANSWER)
            smsc.finish()
            await platform.hear_end()
            await it.links[0].over.wait()

    runner.run(scenario())


@both
def test_what_the_smsc_said_is_flushed_before_its_end(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion
) -> None:
    """Octets behind each other and close_notify at once: the platform hears them all, then the end."""

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            smsc.send(OTHER * 4000)
            smsc.finish()
            await platform.hear(OTHER * 4000)
            await platform.hear_end()
            platform.finish()
            await smsc.hear_end()
            await it.links[0].over.wait()

    runner.run(scenario())


@both
def test_fin_without_a_close_notify_is_an_end_too(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion
) -> None:
    """A platform that just closes its direction of TCP still gets its answer."""

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            platform.writer.write_eof()
            await smsc.take(WITH_AD)
            smsc.send(ANSWER)
            await smsc.hear_end()
            await platform.hear(ANSWER)
            smsc.finish()
            await platform.hear_end()

    runner.run(scenario())


@both
def test_a_drain_waits_for_the_answers_and_says_the_end(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion
) -> None:
    """As over plain TCP: nothing more is taken, what is out comes home, both sides hear an end."""

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            await smsc.take(WITH_AD)
            it.links[0].drain()
            smsc.send(ANSWER)
            await platform.hear(ANSWER)
            await smsc.hear_end()
            smsc.finish()
            await platform.hear_end()

    runner.run(scenario())


def test_an_smsc_that_never_answers_holds_nobody(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The legs are gone when the linger is over, answers or not."""
    monkeypatch.setattr(link_module, "LINGER_S", 0.05)

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            platform.send(NOTIFICATION.octets)
            platform.finish()
            await smsc.take(WITH_AD)
            await it.links[0].over.wait()
            assert it.links[0].session.unanswered == 1

    runner.run(scenario())


def test_a_slow_smsc_stops_the_platform(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion
) -> None:
    """What waits stays bounded while the SMSC does not read; then every octet arrives in order."""
    much = b"".join(pdu(ENQUIRE_LINK, number, bytes(6000)) for number in range(1600))

    async def scenario() -> None:
        async with rig(authority, version) as it:
            platform, smsc = await it.bound()
            platform.send(much)
            link = it.links[0]
            assert link._smsc is not None
            while not link._smsc_slow:
                await asyncio.sleep(0)
            assert link._smsc.transport.get_write_buffer_size() < 4 * WRITE_HIGH_OCTETS
            await smsc.hear(much)

    runner.run(scenario())


def test_a_handshake_that_takes_too_long_is_ended(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that says nothing is closed, with a line in the log that says why."""
    monkeypatch.setattr(connector_module, "HANDSHAKE_S", 0.05)

    async def scenario() -> None:
        with structlog.testing.capture_logs() as logged:
            async with rig(authority, version) as it:
                reader, _ = await it.connect()
                assert await reader.read() == b""
        reason = "it did not finish the handshake in time"
        assert [str(error) for error in it.failures] == [reason]
        assert [(entry["event"], entry["reason"]) for entry in logged] == [("platform_tls_failed", reason)]

    runner.run(scenario())


def test_an_smsc_that_never_finishes_its_handshake_is_given_up(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the time of connecting; then the platform is closed without an answer, and the log says why."""
    monkeypatch.setattr(link_module, "CONNECT_TIMEOUT_S", 0.1)

    async def scenario() -> None:
        with structlog.testing.capture_logs() as logged:
            async with rig(authority, version) as it:
                platform = await it.platform()
                platform.send(bind())
                reader, _ = await it.dialled.get()
                assert (await reader.read())[:1] == b"\x16"
                await platform.hear_end()
        [entry] = logged
        assert entry["event"] == "alarm_smsc_tls_failed"
        assert entry["reason"] == "it did not finish the handshake in time"

    runner.run(scenario())


@both
@pytest.mark.parametrize(("side", "alert"), [("smsc", "certificate required"), ("platform", "unknown ca")])
def test_an_alert_of_the_peer_is_told(
    runner: asyncio.Runner,
    authority: Authority,
    version: ssl.TLSVersion,
    tmp_path: Path,
    side: str,
    alert: str,
) -> None:
    """An SMSC that misses our certificate, a platform that distrusts it: the log has what they say of it."""
    stranger = Authority(tmp_path, "stranger")

    async def scenario() -> None:
        async with rig(authority, version) as it:
            it.smsc_context.verify_mode = ssl.CERT_REQUIRED
            if side == "platform":
                it.client_context = stranger.client()
                with pytest.raises(ssl.SSLCertVerificationError):
                    await it.platform()
            else:
                platform = await it.platform()
                platform.send(bind())
                with pytest.raises(ssl.SSLError, match="PEER_DID_NOT_RETURN"):
                    await it.smsc()
                await platform.hear_end()
            while not logged:
                await asyncio.sleep(0)

    with structlog.testing.capture_logs() as logged:
        runner.run(scenario())
    [entry] = logged
    words = "handshake failure" if side == "smsc" and version is ssl.TLSVersion.TLSv1_2 else alert
    assert entry["event"] == ("alarm_smsc_tls_failed" if side == "smsc" else "platform_tls_failed")
    assert entry["reason"] == f"it refused us with the alert: {words}"


def test_renewed_files_are_used_from_the_next_connection_on(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """A running session goes on; bad files leave the former in force, with an alarm once."""
    pair = authority.issue("renewed", days=5)
    mismatched = Path(Authority(tmp_path, "other").issue("other").key).read_bytes()

    def shown(peer: Peer) -> Any:
        return (peer._tls.getpeercert() or {})["serialNumber"]

    async def scenario() -> None:
        with structlog.testing.capture_logs() as logged:
            async with rig(authority, version, pair) as it:
                first, smsc = await it.bound()
                put(pair.key, mismatched)
                assert [shown(await it.platform()) for _ in range(2)] == [shown(first)] * 2
                authority.issue("renewed", days=50)
                assert shown(await it.platform()) != shown(first)
                first.send(NOTIFICATION.octets)
                await smsc.take(WITH_AD)
        expires, unusable = logged
        assert (expires["event"], expires["leg"]) == ("alarm_certificate_expires", "listen")
        assert expires["days"] == pytest.approx(5, abs=0.1)
        assert unusable["event"] == "alarm_tls_file"
        assert unusable["error"].endswith(f"is not the key of {pair.certificate}")

    runner.run(scenario())


def test_without_usable_files_a_route_turns_everybody_away(
    runner: asyncio.Runner, authority: Authority, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    """A worker that starts while the files are gone lives, and takes them up when they are back."""
    pair = Authority(tmp_path, "gone").issue("gone")
    key = Path(pair.key).read_bytes()
    Path(pair.key).unlink()

    async def scenario() -> None:
        async with rig(authority, version, pair) as it:
            reader, _ = await it.connect()
            assert await reader.read() == b""
            assert [str(error) for error in it.failures] == ["our own files can't be used"]
            put(pair.key, key)
            with pytest.raises(ssl.SSLCertVerificationError):  # of another authority, but shown
                await it.platform()

    with structlog.testing.capture_logs() as logged:
        runner.run(scenario())
    assert [entry["event"] for entry in logged if entry["event"].startswith("alarm")] == ["alarm_tls_file"]
