"""Tests of adapters.files.forecast_file."""

from dataclasses import fields
from pathlib import Path

import numpy as np

from adapters.files.forecast_file import read_forecast, write_forecast
from inventory.forecast import Forecast
from inventory.scenarios import Scenarios
from inventory.supply import Supply


def forecast(level: float) -> Forecast:
    """Return a small forecast."""
    chance = np.random.default_rng(1)
    mix = chance.random((3, 9))
    scenarios = Scenarios(
        chance.random((5, 2, 2), np.float32), np.array([0, 1, 1]), 7, chance.random(5), 0.05
    )
    supply = Supply(493_368, np.full((48, 3), level), mix)
    return Forecast(supply, chance.random((3, 2, 9)), scenarios, cold_start=True)


def same(one: object, other: object) -> bool:
    """Tell whether two dataclasses of arrays and plain values are alike, in their types too."""
    if not hasattr(one, "__dataclass_fields__"):
        alike = np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other
        return alike and type(one) is type(other) and getattr(one, "dtype", 0) == getattr(other, "dtype", 0)
    names = [each.name for each in fields(one)]  # type: ignore[arg-type]  # it is one
    return all(same(getattr(one, name), getattr(other, name)) for name in names)


def test_a_forecast_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The last one written is there, whole."""
    for level in (1.5, 2.5):
        write_forecast(tmp_path, forecast(level))
        assert same(read_forecast(tmp_path), forecast(level))
