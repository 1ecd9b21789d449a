"""How a node starts, how it refuses to, and what it says of itself."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import Faults
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign, eventually, running, settings_for
from tests.node.load import book

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

AD = "Compra en tienda sol"
READY = re.compile(r"ready relay=127\.0\.0\.1:\d+ http=127\.0\.0\.1:\d+\n")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def smsc() -> AsyncIterator[SimulatedSmsc]:
    """A simulated SMSC."""
    async with SimulatedSmsc(ads=[AD]) as each:
        yield each


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory, smsc: SimulatedSmsc) -> AsyncIterator[Node]:
    """A running node."""
    async with running(tmp_path_factory.mktemp("start"), settings_for(smsc.port)) as each:
        yield each


async def get(node: Node, path: str) -> tuple[int, Any]:
    """Return the status and document of a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{node.http}{path}") as answer:
        return answer.status, await answer.json()


async def refused(directory: Path, settings: dict[str, Any]) -> tuple[int, str, str]:
    """Run `serve` where it can't; return exit code, stdout and stderr."""
    node = Node(directory, settings)
    node.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return await node.run("serve", "-c", str(node.config))


def one_line(err: str, *words: str) -> None:
    """Assert that something was said in one line for people, with certain words in it."""
    assert err.count("\n") == 1, err
    assert err.endswith("\n")
    assert "Traceback" not in err
    for word in words:
        assert word in err


async def test_the_ready_line_is_all_that_is_printed(node: Node) -> None:
    """One line with both addresses, in the contract's words."""
    assert READY.fullmatch(node.ready_line)
    assert node.process is not None
    assert node.process.stdout is not None
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(node.process.stdout.readline(), 0.05)


async def test_health_and_readiness(node: Node) -> None:
    """`/healthz` answers always; `/readyz` tells relay, database and ads apart."""
    assert await get(node, "/healthz") == (200, {"status": "ok"})
    await node.gate(None)
    everything = {"ready": True, "relay": True, "database": True, "ads": True}

    async def is_ready() -> bool:
        return await get(node, "/readyz") == (200, everything)

    await eventually(is_ready)


async def test_ready_comes_before_the_database(node: Node, tmp_path: Path, smsc: SimulatedSmsc) -> None:
    """With no database to reach, a node is ready, answers over HTTP and says what is missing."""
    settings = settings_for(smsc.port) | {"database": "postgresql://nobody:geheim@127.0.0.1:1/none"}
    async with running(tmp_path, settings) as lonely:
        alarm = await lonely.logged("alarm_database_away")
        assert "geheim" not in str(alarm)
        nothing_but_relay = {"ready": True, "relay": True, "database": False, "ads": False}

        async def is_ready() -> bool:
            return await get(lonely, "/readyz") == (200, nothing_but_relay)

        await eventually(is_ready)
        platform = RawPlatform(*lonely.relay)
        await platform.connect()
        platform.abort()
        assert await lonely.stop() == 0
        assert "geheim" not in lonely.log_text()


async def test_a_second_node_in_the_same_directory_is_refused(
    node: Node, tmp_path: Path, smsc: SimulatedSmsc
) -> None:
    """Exit 3 and one line; the first node does not notice."""
    settings = settings_for(smsc.port, node={"name": "relay-2", "data_dir": str(node.directory / "data")})
    code, out, err = await refused(tmp_path, settings)
    assert (code, out) == (3, "")
    one_line(err, "a node runs in", "node.data_dir")
    assert (await get(node, "/healthz"))[0] == 200


@pytest.mark.parametrize("which", ["relay", "http"])
async def test_a_port_in_use_is_refused(tmp_path: Path, smsc: SimulatedSmsc, which: str) -> None:
    """Exit 3 and one line that names the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        settings = settings_for(smsc.port)
        settings[which]["listen"] = address
        code, out, err = await refused(tmp_path, settings)
    assert (code, out) == (3, "")
    one_line(err, address)


async def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path, smsc: SimulatedSmsc) -> None:
    """Exit 3 and one line that names it."""
    (tmp_path / "file").write_text("")
    settings = settings_for(smsc.port, node={"data_dir": str(tmp_path / "file" / "data")})
    code, out, err = await refused(tmp_path, settings)
    assert (code, out) == (3, "")
    one_line(err, str(tmp_path / "file"), "node.data_dir")


async def test_settings_that_cannot_be_used_are_refused_line_by_line(tmp_path: Path) -> None:
    """Exit 2 and one line for each fault, with the file and the line; nothing is started."""
    path = tmp_path / "posdata.yaml"
    path.write_text("relay:\n  mode: sometimes\n  lisen: 127.0.0.1:1\nads:\n  share: 2\n")
    code, out, err = await Node(tmp_path, {}).run("serve", "-c", str(path))
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.split(":")[1] for line in lines] == ["2", "3", "5"]
    assert all(line.startswith(str(path)) for line in lines)
    assert not (tmp_path / "data").exists()


async def test_the_log_is_json_and_names_nobody(node: Node, smsc: SimulatedSmsc) -> None:
    """Whatever happens to them, no number of a subscriber or caller is in the log or on stdout."""
    await book(node, campaign("sol", AD, 100_000))
    notifications = list(islice(Traffic(Random(3), load_geography().weights), 400))
    smsc.faults = Faults(throttle=0.2, system_error=0.1)
    platform = RawPlatform(*node.relay)
    await platform.connect()
    await platform.submit_all(notifications)
    platform.write(b"\0\0\0\x07" + notifications[0].octets(9)[4:])
    await platform.until(lambda: not platform.connected)
    assert (await node.settled(401))["refused"] == 1
    assert await node.stop() == 0
    numbers = {each.digits[-7:] for one in notifications for each in (one.source, one.destination)}
    log = node.log_text()
    assert all({"event", "level", "timestamp"} <= json.loads(line).keys() for line in log.splitlines())
    assert node.events("protocol_error")
    assert not [number for number in numbers if len(number) == 7 and number in _without_times(log)]


def _without_times(log: str) -> str:
    """Return the log without what is made of digits and no number: times, epochs, ports."""
    entries = [json.loads(line) for line in log.splitlines()]
    return "\n".join(
        str({key: value for key, value in entry.items() if key not in {"timestamp", "epoch", "pid", "peer"}})
        for entry in entries
    )
