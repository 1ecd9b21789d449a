"""The libraries that the relay is compared with: which are here, and each as a running relay."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import as_file, files
from pathlib import Path

from adapters.bench.load import LoadError

PEERS = ("smpp34", "node-smpp", "aiosmpplib")
NODE_PACKAGE = "smpp"
NODE_VERSION = "0.5.1"
INSTALL_S = 60.0
START_S = 10.0


class NotInstalledError(Exception):
    """A peer is not here; the sentence says what is missing."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A library that can be started as a relay."""

    name: str
    version: str
    command: Sequence[str]
    environment: dict[str, str]


async def find(name: str) -> Peer:
    """Return a peer, ready to start. Raises `NotInstalledError`."""
    if name == "node-smpp":
        return await _node_smpp()
    try:
        found = version(name)
    except PackageNotFoundError:
        raise NotInstalledError(f"pip install {name}") from None
    return Peer(name, found, (sys.executable, "-P", "-m", f"adapters.bench.peers.{name}_relay"), {})


@asynccontextmanager
async def running(peer: Peer, upstream: int, window: int) -> AsyncIterator[tuple[int, int]]:
    """Run a peer in front of an SMSC; yield its process id and port. Raises `LoadError`."""
    with as_file(files(__package__) / "peers" / "node_smpp_relay.js") as script:
        program = [*peer.command, *([str(script)] if peer.name == "node-smpp" else [])]
        process = await asyncio.create_subprocess_exec(
            *(*program, str(upstream), str(window)),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | peer.environment,
        )
        try:
            yield process.pid, await _port(peer, process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _port(peer: Peer, process: asyncio.subprocess.Process) -> int:
    line = b""
    if process.stdout is not None:
        async with asyncio.timeout(START_S):
            line = await process.stdout.readline()
    if not line:
        raise LoadError(f"the relay made of {peer.name} did not start: see above")
    return int(line)


async def _node_smpp() -> Peer:
    """Have npm put the package into a cache of ours, once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotInstalledError("needs node and npm")
    folder = _cache() / f"node-smpp-{NODE_VERSION}"
    if not (folder / "node_modules" / NODE_PACKAGE).is_dir():
        await _install(npm, folder)
    return Peer("node-smpp", NODE_VERSION, (node,), {"NODE_PATH": str(folder / "node_modules")})


async def _install(npm: str, folder: Path) -> None:
    """Install into a folder beside, then rename: what is there is whole."""
    new = folder.with_name(f"{folder.name}.{os.getpid()}")
    new.mkdir(parents=True)
    wanted = f"{NODE_PACKAGE}@{NODE_VERSION}"
    try:
        process = await asyncio.create_subprocess_exec(
            *(npm, "install", "--no-save", "--ignore-scripts", "--silent", "--prefix", str(new), wanted),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(INSTALL_S):
                failed = await process.wait()
        except TimeoutError:
            process.kill()
            failed = await process.wait()
        if failed:
            raise NotInstalledError(f"npm could not install {wanted}")
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _cache() -> Path:
    """Return where downloads of the bench may stay."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posdata"
