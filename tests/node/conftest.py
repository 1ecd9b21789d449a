"""A node in front of a simulated SMSC, and a platform bound to it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from adapters.postgres.migrate import migrate
from adapters.postgres.server import EmbeddedServer
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import READY_WITHIN_S, Node


@pytest.fixture(scope="session", autouse=True)
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A migrated cluster that every node begins with: to make one takes longer than most tests.

    It waits for no disk: nobody cuts its power, and what was written outlives a SIGKILL.
    """
    directory = tmp_path_factory.mktemp("cluster")
    asyncio.run(_migrated(directory))
    Node.template = directory / "postgres"
    with (Node.template / "postgresql.auto.conf").open("a", encoding="utf-8") as settings:
        settings.write("fsync = off\n")
    yield
    Node.template = None


async def _migrated(directory: Path) -> None:
    server = EmbeddedServer(directory)
    await server.start(READY_WITHIN_S)
    connection = await asyncpg.connect(server.dsn)
    await migrate(connection)
    await connection.close()
    await server.stop()


@pytest.fixture
async def smsc() -> AsyncIterator[SimulatedSmsc]:
    """A simulated SMSC on loopback."""
    async with SimulatedSmsc(track_copies=True) as each:
        yield each


@pytest.fixture
async def node(tmp_path: Path, smsc: SimulatedSmsc) -> AsyncIterator[Node]:
    """A node that is not started yet, in front of the SMSC; whatever is left of it is killed at the end."""
    settings = {
        "node": {"name": "relay-1", "data_dir": "./data"},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc.port}"]},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }
    each = Node(tmp_path, settings)
    yield each
    if each.process is not None and each.process.returncode is None:
        await each.kill()


@pytest.fixture
async def platform(node: Node) -> AsyncIterator[RawPlatform]:
    """A platform bound to the node; starts the node when it does not run."""
    if node.process is None:
        await node.start()
    each = RawPlatform(*node.relay)
    await each.connect()
    yield each
    each.abort()
