"""Work without an end: kept up after faults, done side by side, repeated."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
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


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Do endless work side by side; the first fault ends all of it and is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    """Do something again and again, with a pause of so many seconds between."""
    while True:
        await act()
        await asyncio.sleep(seconds)
