"""`posdata trace` on a whole node: both legs, TLS in clear, masked; logged, one at a time, gone after."""

import asyncio
import re
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from struct import unpack_from

import pytest
import yaml

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, POSDATA, Node, campaign, notification, running, settings_for
from tests.node.load import BUGS, book
from tests.tls import HOST, Authority

pytestmark = pytest.mark.node

TEXT = "Compra en tienda sol"
NUMBERS = (b"5501234567", b"52550")
HEAD = re.compile(r"^\S+Z (\S+) (\S+>\S+) (\w+) length=(\d+) sequence=\d+ status=0x[0-9a-f]{8}$")

Pdus = list[tuple[str, str, str, bytes]]


@asynccontextmanager
async def submitting(*platforms: RawPlatform) -> AsyncIterator[None]:
    """Submit notifications all the while."""
    over = asyncio.Event()

    async def submit() -> None:
        number = 0
        while not over.is_set():
            number += 1
            await asyncio.gather(*(each.submit_all([notification(number)]) for each in platforms))

    task = asyncio.create_task(submit())
    try:
        yield
    finally:
        over.set()
        await task


class Tracing:
    """A `posdata trace` whose lines are read as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.pdus: Pdus = []

    async def until(self, *wanted: tuple[str, str]) -> None:
        """Read until (direction, command) of each kind was seen in one session or another."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while not set(wanted) <= {(way, command) for _, way, command, _ in self.pdus}:
                head = HEAD.match(line := (await self.process.stdout.readline()).decode().rstrip())
                assert head is not None, line
                octets = b""
                while len(octets) < int(head[4]):
                    row = (await self.process.stdout.readline()).decode()
                    octets += bytes.fromhex(row[8:55])
                assert len(octets) == int(head[4]) == int.from_bytes(octets[:4], "big")
                self.pdus.append((head[1], head[2], head[3], octets))


async def tracing(node: Node, *options: str) -> Tracing:
    """Start a trace that is read line by line."""
    command = (*POSDATA, "trace", "--system-id", "mcn", "-c", str(node.config), *options)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    return Tracing(process)


@pytest.fixture
async def tls_node(tmp_path: Path) -> AsyncIterator[tuple[Node, RawPlatform]]:
    """A node with TLS on both legs, and a platform for it."""
    authority = Authority(tmp_path, "trusted")
    pair = authority.issue("node")
    async with SimulatedSmsc(ads=[TEXT], tls=authority.server(authority.issue("smsc"))) as smsc:
        settings = settings_for(smsc.port)
        shown = {"certificate": pair.certificate, "key": pair.key}
        settings["relay"]["tls"] = {"listen": shown, "upstream": {"ca": authority.ca}}
        async with running(tmp_path, settings) as node:
            yield node, RawPlatform(HOST, node.relay[1], tls=authority.client())


async def test_live_and_new_sessions_are_shown_masked_on_both_legs(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """No number, no password, ads to be seen; a second trace is refused, a gone client ends the first."""
    smsc.register_ads(TEXT)
    await book(node, campaign("sol", TEXT, 100_000))
    stranger = RawPlatform(*node.relay, system_id="otro")
    await stranger.connect()
    trace = await tracing(node, "--seconds", "600")
    async with submitting(platform, stranger):
        started = await node.logged("trace_started")
        await trace.until(*((way, "submit_sm") for way in ("platform>node", "node>smsc")))
        later = RawPlatform(*node.relay)
        await later.connect()
        binds = [(way, "bind_transceiver") for way in ("platform>node", "node>smsc")]
        answers = [(way, "bind_transceiver_resp") for way in ("smsc>node", "node>platform")]
        await trace.until(*binds, *answers, ("node>platform", "submit_sm_resp"))
        code, _, err = await node.run("trace", "--system-id", "x", "-c", str(node.config))
        assert (code, "is tracing" in err) == (1, True), err
        trace.process.kill()
        ended = await node.logged("trace_ended")
        await trace.process.communicate()
    await asyncio.gather(
        *(each.submit_all([notification(n) for n in range(20)]) for each in (platform, later))
    )

    assert (started["system_id"], started["seconds"], started["clear"]) == ("mcn", 600, False)
    assert started["user"] == ended["user"] != ""
    assert (ended["ended"], ended["dropped"]) == ("client gone", 0)
    octets = b"".join(each for *_, each in trace.pdus)
    assert not any(number in octets for number in NUMBERS)
    assert b"secret" not in octets
    assert b"otro" not in octets
    assert b"Llamada perdida de **********" in octets
    with_ads = [
        way for _, way, command, each in trace.pdus if command == "submit_sm" and TEXT.encode() in each
    ]
    assert set(with_ads) == {"node>smsc"}
    assert len({session for session, *_ in trace.pdus}) == 2
    assert not [event for event in BUGS if node.events(event)]
    for each in (platform, stranger, later):
        assert each.link_losses == 0
        await each.close()


async def test_a_pcap_file_of_tls_legs_holds_clear_octets(
    tls_node: tuple[Node, RawPlatform], tmp_path: Path
) -> None:
    """It ends by itself, its addresses are the legs' own; with --clear numbers are in it, passwords never."""
    node, platform = tls_node
    await platform.connect()
    file = tmp_path / "trace.pcap"
    form = ("--format", "pcap", "--output", str(file), "--seconds", "2", "--clear")
    async with submitting(platform):
        command = ("trace", "--system-id", "mcn", "-c", str(node.config))
        traced = asyncio.create_task(node.run(*command, *form))
        await node.logged("trace_started")
        later = RawPlatform(platform.host, platform.port, tls=platform._tls)
        await later.connect()
        code, out, err = await traced
    assert (code, out) == (0, ""), err
    assert (await node.logged("trace_ended"))["ended"] == "time"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    octets = file.read_bytes()
    assert b"Llamada perdida de 5501234567" in octets
    assert b"mcn\0******\0" in octets
    assert b"secret" not in octets
    at, ports = 24, set()
    while at < len(octets):
        size = unpack_from("<I", octets, at + 8)[0]
        ports |= set(unpack_from(">HH", octets, at + 16 + 34))
        at += 16 + size
    assert at == len(octets)
    assert {node.relay[1], int(node.settings["relay"]["upstream"][0].rpartition(":")[2])} <= ports
    for each in (platform, later):
        assert each.link_losses == 0
        await each.close()
    code, out, err = await node.run(*command[:2], "nobody", *command[3:], "--seconds", "0.1")
    assert (code, out) == (1, ""), err


async def test_without_a_node_or_a_file_the_exit_code_says_so(tmp_path: Path) -> None:
    """3 without a node, 2 for a pcap without a file."""
    node = Node(tmp_path, settings_for(1))
    node.config.write_text(yaml.safe_dump(node.settings))
    command = ("trace", "--system-id", "mcn", "-c", str(node.config))
    assert (await node.run(*command))[0] == 3
    assert (await node.run(*command, "--format", "pcap"))[0] == 2
