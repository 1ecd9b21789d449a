"""A way to a PostgreSQL that can be cut off without a word, as a firewall or a dead router does."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

CHUNK = 65536


class Proxy:
    """TCP in front of a Unix socket; while it is cut, connections are taken and nothing passes."""

    def __init__(self, path: str) -> None:
        self.port = 0
        self._path = path
        self._passes = asyncio.Event()
        self._passes.set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    def cut(self) -> None:
        """Let nothing pass any more, either way."""
        self._passes.clear()

    def mend(self) -> None:
        """Let pass what waited, and all that comes."""
        self._passes.set()

    def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._start(self._join(reader, writer))

    def _start(self, pump: "asyncio._CoroutineLike[None]") -> None:
        self._pumps.add(task := asyncio.ensure_future(pump))
        task.add_done_callback(self._pumps.discard)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await self._passes.wait()
            back, forth = await asyncio.open_unix_connection(self._path)
            self._start(self._pump(back, writer))
            await self._pump(reader, forth)
            return
        writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while octets := await reader.read(CHUNK):
                await self._passes.wait()
                writer.write(octets)
                await writer.drain()
        writer.close()
