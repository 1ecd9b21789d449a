"""How often a market is made."""

import asyncio
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.processes import trading
from adapters.processes.trading import KEPT_TIMES, LOOK_S, Trading


@pytest.mark.parametrize(("took", "rests"), [(0.01, LOOK_S), (5.0, 5.0 * KEPT_TIMES)])
async def test_a_market_that_takes_long_is_made_seldom(
    took: float, rests: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one processor no more than a fifth goes there, however many bookings there are."""
    clock, rested = [0.0], []

    class Slow(Trading):
        async def look(self, pool: Any, now: datetime) -> None:
            del pool, now
            clock[0] += took

    async def sleep(seconds: float) -> None:
        rested.append(seconds)
        raise asyncio.CancelledError

    monkeypatch.setattr(trading, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(trading, "asyncio", SimpleNamespace(sleep=sleep))
    slow: Any = Slow
    with pytest.raises(asyncio.CancelledError):
        await slow(None, None, None, None).run(None)
    assert rested == [pytest.approx(rests)]
