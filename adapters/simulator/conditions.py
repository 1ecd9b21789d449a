"""Waiting for a condition on a simulated peer, without sleeping."""

import asyncio
from collections.abc import Callable


class Conditions:
    """Wakes who waits for a condition when somebody says that something moved."""

    def __init__(self) -> None:
        self._waiters: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    async def until(self, condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until a condition on this peer holds. Raises TimeoutError."""
        if condition():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((condition, waiter))
        try:
            await asyncio.wait_for(waiter, timeout_s)
        finally:
            self._waiters = [pair for pair in self._waiters if pair[1] is not waiter]

    def moved(self) -> None:
        """Wake whoever waits for a condition that holds now."""
        for condition, waiter in self._waiters:
            if not waiter.done() and condition():
                waiter.set_result(None)
