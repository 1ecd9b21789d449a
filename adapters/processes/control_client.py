"""A worker's line to control: connects, introduces itself, connects again when control is replaced."""

import asyncio
from collections.abc import Callable

from adapters.processes.messages import FromControl, Message, from_control

RETRY_S = 0.2
# What may wait to be read by a control that stands still.
UNREAD_OCTETS = 256 * 1024
# Totals of every campaign go in one line.
LINE_LIMIT = 4 * 1024 * 1024


class ControlClient:
    """Keeps a connection to control's Unix socket; `heard` gets every message, `joined` says hello."""

    def __init__(
        self, path: str, joined: Callable[[], Message], heard: Callable[[FromControl], None]
    ) -> None:
        self._path = path
        self._joined = joined
        self._heard = heard
        self._writer: asyncio.StreamWriter | None = None

    @property
    def connected(self) -> bool:
        """Tell whether control is there."""
        return self._writer is not None

    @property
    def behind(self) -> bool:
        """Tell whether control has not read for a while: what can be told later should be."""
        return self._writer is not None and self._writer.transport.get_write_buffer_size() > UNREAD_OCTETS

    def say(self, message: Message) -> bool:
        """Send a message; False when control is away."""
        if self._writer is None:
            return False
        self._writer.write(message.encoded())
        return True

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            await self._talk(reader, writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.say(self._joined())
        try:
            while line := await reader.readline():
                self._heard(from_control.validate_json(line))
        except ConnectionError:
            pass  # the same as an end: control is replaced, connect again
        finally:
            self._writer = None
            writer.close()
