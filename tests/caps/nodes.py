"""Two whole nodes over one database and one store of caps: a node is killed, and the store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from adapters.postgres.server import EmbeddedServer
from adapters.simulator.notification import Notification
from adapters.simulator.pdu import DATA_SM, SUBMIT_SM, read_submit
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.caps.run import restart
from tests.node.harness import Node, campaign, notification, running, settings_for
from tests.valkey_server import ValkeyServer

CAP = 2
AD = "Compra en tienda sol"
KEY_OCTETS = 32
STORE_TIMEOUT_MS = 20
NODES = 2
# After these parts of a lane store and node are killed: most ads are still to come.
STORE_DIES = 1 / 16
NODE_DIES = 1 / 8
DEADLINE_S = 1800.0


@dataclass
class Shown:
    """What the SMSC took: ads by subscriber, and which notifications."""

    ads: Counter[bytes] = field(default_factory=Counter)
    seen: set[bytes] = field(default_factory=set)
    taken: int = 0
    ads_through: Counter[int] = field(default_factory=Counter)
    asked: int = 0
    again: int = 0


class _Smsc(SimulatedSmsc):
    """An SMSC that knows who had how many ads, and every notification by its text."""

    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown

    def record(self, session: int, frame: bytes) -> None:
        """Note a submit."""
        super().record(session, frame)
        if int.from_bytes(frame[4:8], "big") in {SUBMIT_SM, DATA_SM}:
            submit = read_submit(frame)
            text = submit.body
            self._shown.taken += 1
            self._shown.seen.add(text[: text.index(b"#") + 9])
            if AD.encode() in text:
                self._shown.ads[submit.destination] += 1
                self._shown.ads_through[text[0] - ord("0")] += 1


class _Lane:
    """The notifications of one node, each with a number of its own; `sent` were handed out."""

    def __init__(self, node: int, count: int, people: int) -> None:
        self.sent = 0
        self._node, self._count = node, count
        self._people = people

    def __iter__(self) -> Iterator[Notification]:
        chance = Random(self._node)  # who is called, not a secret
        for each in range(self._count):
            self.sent += 1
            yield notification(chance.randrange(self._people), f"{self._node} #{each:08d}")


async def go(folder: Path, server: ValkeyServer, notifications: int, people: int) -> Shown:
    """Send notifications through two nodes, kill the store, then a node; return what came.

    Raises AssertionError when one did not arrive, or somebody had too many.
    """
    shown = Shown(asked=notifications // NODES * NODES)
    async with AsyncExitStack() as stack:
        smsc = await stack.enter_async_context(_Smsc(shown))
        nodes = await _nodes(stack, folder, smsc.port, server)
        await nodes[0].book(campaign("sol", AD, NODES * CAP * people))
        for node in nodes:
            await node.gate(None)
        lanes = [_Lane(index, notifications // NODES, people) for index in range(NODES)]
        platforms = [RawPlatform(*node.relay, keep_answers=False) for node in nodes]
        traffic = asyncio.gather(*(
            platform.keep_submitting(lane, deadline_s=DEADLINE_S)
            for platform, lane in zip(platforms, lanes, strict=True)
        ))  # fmt: skip
        await _sent(lanes[0], int(shown.asked / NODES * STORE_DIES), traffic)
        await asyncio.to_thread(restart, server)
        await _sent(lanes[1], int(shown.asked / NODES * NODE_DIES), traffic)
        await nodes[1].kill()
        await nodes[1].restart()
        await traffic
        for platform in platforms:
            shown.again += platform.submitted
            await platform.close()
        shown.again -= shown.asked
        for node in nodes:
            assert await node.stop() == 0
    assert len(shown.seen) == shown.asked, f"{shown.asked - len(shown.seen)} notifications never arrived"
    assert max(shown.ads.values()) <= CAP, shown.ads.most_common(3)
    assert len(shown.ads_through) == NODES, "one node showed no ad: nothing was shared"
    return shown


async def _sent(lane: _Lane, count: int, traffic: asyncio.Future[Any]) -> None:
    while lane.sent < count and not traffic.done():
        await asyncio.sleep(0.01)


async def _nodes(stack: AsyncExitStack, folder: Path, smsc_port: int, server: ValkeyServer) -> list[Node]:
    """Run the nodes over one database."""
    keys = {}
    for name in ("hash", "number"):
        key = folder / f"{name}.key"
        key.write_bytes(bytes(range(KEY_OCTETS)))
        key.chmod(0o600)
        keys[f"{name}_key_file"] = str(key)
    database = await stack.enter_async_context(_database(folder / "database"))
    nodes = []
    for index in range(NODES):
        directory = folder / f"node-{index}"
        directory.mkdir()
        settings = settings_for(
            smsc_port,
            node={"name": f"relay-{index + 1}"},
            privacy=keys,
            policy={"frequency_caps": [{"count": CAP, "per": "day"}]},
            caps={
                "store": f"valkey://{server.address.host}:{server.address.port}",
                "timeout_ms": STORE_TIMEOUT_MS,
            },
        )
        node = await stack.enter_async_context(running(directory, settings | {"database": database}))
        nodes.append(node)
    return nodes


@asynccontextmanager
async def _database(directory: Path) -> AsyncIterator[str]:
    server = EmbeddedServer(directory)
    await server.start(DEADLINE_S)
    try:
        yield server.dsn
    finally:
        with suppress(OSError):
            await server.stop()
