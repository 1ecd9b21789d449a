"""Control's forecasting: the day's beginning, the first hour, and a fault that must hold up nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from adapters.processes import forecasting
from adapters.processes.forecasting import Forecasting, first_hour_of, midnight
from inventory.history import History

NOW = datetime(2026, 11, 24, 15, 30, tzinfo=UTC)
HOUR = int(NOW.timestamp()) // 3600


def test_the_day_begins_at_the_zones_midnight() -> None:
    """Mexico City's 24 November begins at 06:00 UTC."""
    assert midnight(NOW, "America/Mexico_City") == HOUR - 9


def test_a_running_first_hour_is_blown_up_to_a_whole_one() -> None:
    """Fifteen minutes since the start count for four times as much; a few seconds say nothing yet."""
    counted = History(HOUR, np.full((1, 2), 10, np.float32), np.zeros((2, 2, 9)))
    history, known = first_hour_of(counted, HOUR, NOW - timedelta(minutes=15), NOW)
    assert (history.by_hour.tolist(), known) == ([[40, 40]], HOUR + 1)
    assert first_hour_of(counted, HOUR, NOW - timedelta(seconds=5), NOW) == (counted, HOUR)
    assert first_hour_of(History.empty(2), HOUR, NOW - timedelta(hours=1), NOW)[1] == HOUR


async def test_a_fault_in_a_forecast_ends_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks a forecast is alarmed; the duty goes on, and only a database that is away ends it."""
    faults: list[Exception] = [ValueError("a bug"), ValueError("again"), ConnectionError("away")]

    async def renew(*_: Any) -> int:
        raise faults.pop(0)

    monkeypatch.setattr(forecasting, "LOOK_S", 0)
    monkeypatch.setattr(forecasting, "FIRST_DAY_S", 0)
    duty = Forecasting.__new__(Forecasting)
    monkeypatch.setattr(Forecasting, "_renew", renew)
    with capture_logs() as logged:
        async with asyncio.timeout(10):
            with pytest.raises(ConnectionError):
                await duty.run(None)  # type: ignore[arg-type]
    assert [entry["event"] for entry in logged] == ["alarm_forecast_failed"] * 2
