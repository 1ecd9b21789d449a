"""Pages that go on by themselves: parts of them sent each second as server-sent events (WHATWG HTML §9.2)."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from adapters.http.console.visit import HEADERS, Visit
from adapters.http.problems import ProblemError

EVERY_S = 1.0
# A stream ends by itself, so that a session that was closed meanwhile is noticed; the browser comes back.
LONGEST_S = 120
MOST_STREAMS = 50


class Streams:
    """The streams of one kind of page: not too many at once, and none that a stopping node waits for."""

    def __init__(self, app: web.Application) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        app.on_shutdown.append(self._end)

    async def send(self, visit: Visit, parts: AsyncGenerator[Mapping[str, Any], None]) -> web.StreamResponse:
        """Send a document each second, as the parts come. Raises `ProblemError` when there are too many."""
        if len(self._tasks) >= MOST_STREAMS:
            raise ProblemError("too_many", headers={"Retry-After": "10"})
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is handled in a task")
        self._tasks.add(task)
        try:
            return await _stream(visit, parts)
        finally:
            self._tasks.discard(task)

    async def _end(self, _: web.Application) -> None:
        for task in self._tasks:
            task.cancel()


async def _stream(visit: Visit, parts: AsyncGenerator[Mapping[str, Any], None]) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={**HEADERS, "Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}
    )
    await response.prepare(visit.request)
    left = int(LONGEST_S / EVERY_S)
    async with aclosing(parts) as documents:
        async for document in documents:
            await response.write(f"event: parts\ndata: {json.dumps(document)}\n\n".encode())
            left -= 1
            if not left:
                break
            await asyncio.sleep(EVERY_S)
    return response
