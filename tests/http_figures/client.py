"""Who asks: a request is made before the clock starts, its answer is looked at when the clock has stopped."""

import re
import socket
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from adapters.bench.load import LoadError

PATIENCE_S = 30.0
_OCTETS = 1 << 18
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a body, and how many seconds it took from the request's first octet to the body's last."""

    status: int
    body: bytes
    took: float


class Client:
    """One connection that is kept: no connecting, parsing or thread of its own is in what it measures."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._host = f"{address[0]}:{address[1]}"
        self._socket = socket.create_connection(address, timeout=PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        """Be used until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._socket.close()

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None = None) -> Answer:
        """Send a request and wait until its answer is whole. Raises `LoadError`."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body or b'')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        request = "\r\n".join([*lines, "", ""]).encode() + (body or b"")
        whole = None
        answer = b""
        began = time.perf_counter()
        self._socket.sendall(request)
        while whole is None or len(answer) < whole:
            octets = self._socket.recv(_OCTETS)
            if not octets:
                raise LoadError(f"{path}: the node closed the connection")
            answer += octets
            if whole is None and (end := answer.find(b"\r\n\r\n")) >= 0:
                whole = end + 4 + _length(answer[: end + 2], path)
        took = time.perf_counter() - began
        return Answer(int(answer[9:12]), answer[answer.find(b"\r\n\r\n") + 4 :], took)


def _length(head: bytes, path: str) -> int:
    found = _LENGTH.search(head)
    if found is None:
        raise LoadError(f"{path}: an answer without a length")
    return int(found[1])
