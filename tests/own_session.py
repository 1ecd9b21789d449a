"""Our own session at an SMSC, as long as a test needs it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.smpp.esme import EsmeSession

PATIENCE_S = 60


@asynccontextmanager
async def kept_bound(session: EsmeSession) -> AsyncIterator[None]:
    """Run a session from when it is bound on."""
    up = asyncio.Event()
    task = asyncio.ensure_future(session.run(up.set))
    try:
        await asyncio.wait_for(up.wait(), PATIENCE_S)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
