"""Two nodes on one database behind a balancer, restarted one after the other under load."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.cli.counts import document
from adapters.files.journal_reader import unsettled
from adapters.files.reference_data import load_geography
from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import open_pool
from adapters.simulator import raw_platform
from adapters.simulator.faults import Faults
from adapters.simulator.notification import Kind
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.balancer import HAPROXY, Balancer, balancing
from tests.node.harness import PATIENCE_S, Node, campaign, running, settings_for
from tests.node.load import BUGS, RATE, TEXTS, Feed, ads, assert_equal, book

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(
        HAPROXY is None, reason="haproxy is not installed; `make balancer` does it where there is apt"
    ),
]

BINDS = 4
# A platform's pause before it binds anew; drain_s is to leave it the time (docs/operations.md).
RECONNECT_S = 0.5


class Binds:
    """How many of a platform's binds are up; `fewest` since all were."""

    def __init__(self) -> None:
        self.up = 0
        self.fewest = BINDS
        self.complete = asyncio.Event()

    def changed(self, by: int) -> None:
        """Count one more or one less."""
        self.up += by
        if self.up == BINDS:
            self.complete.set()
        elif self.complete.is_set():
            self.fewest = min(self.fewest, self.up)


class Bind(RawPlatform):
    """One bind of the platform: up from the answer to its bind to the end of its link."""

    def __init__(self, binds: Binds, address: tuple[str, int]) -> None:
        super().__init__(*address, keep_answers=False)
        self._binds = binds
        self._is_up = False

    async def connect(self, timeout_s: float = PATIENCE_S) -> None:
        """Connect and bind."""
        await super().connect(timeout_s)
        self._is_up = True
        self._binds.changed(+1)

    def lost(self) -> None:
        """Take note that the link is gone."""
        if self._is_up:
            self._is_up = False
            self._binds.changed(-1)
        super().lost()


@pytest.fixture
async def nodes(tmp_path: Path, smsc: SimulatedSmsc, postgres_dsn: str) -> AsyncIterator[list[Node]]:
    """Two started nodes of one worker and of two, on one database, with one key for the numbers in it."""
    key = tmp_path / "numbers.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    async with AsyncExitStack() as stack:
        started = []
        for number in (1, 2):
            settings = settings_for(
                smsc.port,
                node={"name": f"relay-{number}"},
                relay={"workers": number, "drain_s": 4},
                privacy={"number_key_file": str(key)},
            )
            directory = tmp_path / f"relay-{number}"
            directory.mkdir()
            each = Node(directory, settings | {"database": postgres_dsn})
            started.append(await stack.enter_async_context(running(directory, each.settings)))
        yield started


async def roll(node: Node, balancer: Balancer) -> None:
    """Restart a node where it was, as docs/operations.md says."""
    host, _, port = node.http.rpartition(":")
    assert await node.stop() == 0
    node.settings["http"]["listen"] = f"{host}:{port}"
    await node.restart()
    await node.gate(None)
    await balancer.sees(node, "UP")


async def books(dsn: str, nodes: list[Node]) -> dict[str, Any]:
    """Return the books of all nodes."""
    async with await open_pool(dsn, max_size=1) as pool:
        counts = await PostgresBooks(pool).counts()
    return document(counts, sum(unsettled(node.directory / "data", {}) for node in nodes))


async def test_a_rolling_restart_loses_nothing_and_sends_nothing_twice(
    nodes: list[Node],
    smsc: SimulatedSmsc,
    postgres_dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each node in turn: the platform always has a bind up, ads go on, the books equal the SMSC's counts."""
    monkeypatch.setattr(raw_platform, "RECONNECT_S", RECONNECT_S)
    smsc.register_ads(*TEXTS.values())
    smsc.faults = Faults(delay=0.3, delay_s=0.03)
    await book(nodes[0], *(campaign(name, text, 1_000_000) for name, text in TEXTS.items()))
    await nodes[1].gate(None)
    weights, binds = load_geography().weights, Binds()
    feeds = [Feed(Traffic(Random(seed), weights, kinds=frozenset({Kind.PLAIN}))) for seed in range(BINDS)]
    async with balancing(tmp_path, nodes) as balancer:
        platforms = [Bind(binds, balancer.address) for _ in feeds]
        jobs = [
            asyncio.create_task(each.keep_submitting(feed, SteadyPace(RATE / BINDS), deadline_s=120))
            for each, feed in zip(platforms, feeds, strict=True)
        ]
        await binds.complete.wait()
        await ads(smsc, 1000)
        for node in nodes:
            await roll(node, balancer)
            await ads(smsc, 1000)
        for feed in feeds:
            feed.stop()
        await asyncio.gather(*jobs)
        assert binds.fewest >= 1
        # All were on the second; who comes back before the balancer has looked again loses a link more.
        assert sum(each.link_losses for each in platforms) >= BINDS / 2 + BINDS
        for each in platforms:
            await each.close()
    assert [await node.stop() for node in nodes] == [0, 0]
    assert smsc.duplicates == 0
    assert [feed.missing_at(smsc) for feed in feeds] == [0] * BINDS
    assert smsc.unanswered == 0
    counts = await books(postgres_dsn, nodes)
    assert_equal(counts, smsc, TEXTS)
    assert (counts["notifications"], counts["unsettled"]) == (smsc.received, 0)
    assert all(each["ledger"]["leased"] == 0 for each in counts["campaigns"])
    for node in nodes:
        assert not any(node.events(alarm) for alarm in BUGS)
