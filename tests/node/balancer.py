"""haproxy before two nodes, with the configuration that docs/operations.md gives."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.node.harness import PATIENCE_S, Node

HAPROXY = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

CONFIGURATION = """
global
    stats socket {directory}/haproxy.sock
defaults
    mode tcp
    timeout connect 3s
    timeout client 1h
    timeout server 1h
listen smsc
    bind fd@{descriptor}
    balance leastconn
    option redispatch 1
    retries 3
    option httpchk GET /readyz
    default-server check inter 500ms fall 1 rise 1
"""


class Balancer:
    """A running haproxy; `address` is where platforms connect."""

    def __init__(self, directory: Path, address: tuple[str, int]) -> None:
        self.address = address
        self._socket = directory / "haproxy.sock"

    async def sees(self, node: Node, status: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until a node has a status: UP or DOWN."""
        async with asyncio.timeout(timeout_s):
            while await self._status(node) != status:
                await asyncio.sleep(0.05)

    async def _status(self, node: Node) -> str:
        reader, writer = await asyncio.open_unix_connection(self._socket)
        writer.write(b"show stat\n")
        lines = (await reader.read()).decode().splitlines()
        writer.close()
        names = lines[0].removeprefix("# ").split(",")
        rows = [dict(zip(names, line.split(","), strict=False)) for line in lines[1:] if line]
        return next(row["status"] for row in rows if row["svname"] == node.settings["node"]["name"])


@asynccontextmanager
async def balancing(directory: Path, nodes: Sequence[Node]) -> AsyncIterator[Balancer]:
    """Run haproxy before started nodes until all of them are up in its eyes, and to the end of the block."""
    assert HAPROXY is not None
    servers = [
        f"    server {node.settings['node']['name']} {node.relay[0]}:{node.relay[1]}"
        f" check port {node.http.rpartition(':')[2]}\n"
        for node in nodes
    ]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        text = CONFIGURATION.format(directory=directory, descriptor=listening.fileno())
        config = directory / "haproxy.cfg"
        config.write_text(text + "".join(servers), encoding="utf-8")
        with (directory / "haproxy.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                HAPROXY, "-db", "-f", str(config), stdout=log, stderr=log, pass_fds=(listening.fileno(),)
            )
        balancer = Balancer(directory, listening.getsockname())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (directory / "haproxy.sock").exists():
                assert process.returncode is None, (directory / "haproxy.log").read_text()
                await asyncio.sleep(0.05)
        for node in nodes:
            await balancer.sees(node, "UP")
        yield balancer
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
