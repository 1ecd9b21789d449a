"""Tests of adapters.http.rates."""

import time

import pytest
from limits import parse

from adapters.http import rates

LIMIT = parse("3/minute")
BEGIN = 1_800_000_000.0  # a minute begins


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the instant that limits reads, to be changed."""
    now = [BEGIN]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


async def test_a_caller_may_ask_so_often_a_minute(clock: list[float]) -> None:
    """The fourth request is one too many, for that caller alone; a minute and a half later there is room."""
    limiter = rates.make_limiter()
    assert [await limiter.hit(LIMIT, "op", "one") for _ in range(4)] == [True, True, True, False]
    assert await limiter.hit(LIMIT, "op", "two")
    clock[0] += 60
    assert not await limiter.hit(LIMIT, "op", "one"), "the window slides: the last minute's still count"
    clock[0] += 30
    assert await limiter.hit(LIMIT, "op", "one")
    clock[0] += 120
    assert [await limiter.hit(LIMIT, "op", "one") for _ in range(4)] == [True, True, True, False]


async def test_callers_who_are_gone_are_forgotten(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many came, no more are kept than twice those of the last two minutes."""
    monkeypatch.setattr(rates, "_SWEPT_FROM", 10)
    limiter = rates.make_limiter()
    for caller in range(1000):
        clock[0] += 10
        await limiter.hit(LIMIT, "op", str(caller))
    assert len(limiter.storage.storage) <= 26  # type: ignore[union-attr]  # ours
