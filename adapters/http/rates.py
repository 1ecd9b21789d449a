"""Rate limits of one process: a window that slides, over what callers asked in this one and the last."""

import time

from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

_SWEPT_FROM = 1000


class _Counts(MemoryStorage):
    """Counts that are swept when they have become twice as many, not with every request."""

    def __init__(self) -> None:
        super().__init__()
        self._most = _SWEPT_FROM

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count `amount` more of a key; a new one is forgotten after `expiry` seconds."""
        count = await self.get(key) + amount  # what has expired is 0
        if count == amount:
            self.expirations[key] = time.time() + expiry
        self.storage[key] = count
        if len(self.expirations) > self._most:
            for each in list(self.expirations):
                await self.get(each)
            self._most = max(_SWEPT_FROM, 2 * len(self.expirations))
        return count


def make_limiter() -> SlidingWindowCounterRateLimiter:
    """Return a limiter that knows nobody yet.

    A moving window would keep a list for each caller, which limits sweeps in threads with every request.
    """
    return SlidingWindowCounterRateLimiter(_Counts())
