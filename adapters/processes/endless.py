"""Work that must not end with a fault in it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

PAUSE_S = 0.5


async def again_after_faults(
    work: Callable[[], Coroutine[Any, Any, None]], alarm: Callable[[Exception], None]
) -> None:
    """Do work, and after a fault in it alarm and do it again: a bug there ends nothing else."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # whatever it is, the relay goes on
            alarm(error)
            await asyncio.sleep(PAUSE_S)
        else:
            return
