"""The forecast as a file: control makes it, the HTTP process reads it. Arrays only, in numpy's format."""

from pathlib import Path

import numpy as np

from inventory.forecast import Forecast
from inventory.scenarios import Scenarios
from inventory.supply import Supply

FORECAST_FILE = "forecast.npz"


def write_forecast(folder: Path, forecast: Forecast) -> None:
    """Write a forecast, whole or not at all. Raises `OSError`."""
    supply, scenarios = forecast.supply, forecast.scenarios
    new = folder / f"{FORECAST_FILE}.new"
    with new.open("wb") as file:
        np.savez(
            file,
            first_hour=np.int64(supply.first_hour),
            by_hour=supply.by_hour,
            room_mix=supply.room_mix,
            alphabets=forecast.alphabets,
            factors=scenarios.factors,
            area_of_place=scenarios.area_of_place,
            hour_offset=np.int64(scenarios.hour_offset),
            noise=scenarios.noise,
            hour_spread=np.float64(scenarios.hour_spread),
            cold_start=np.bool_(forecast.cold_start),
        )
    new.replace(folder / FORECAST_FILE)


def read_forecast(folder: Path) -> Forecast:
    """Return the forecast that was written last. Raises `OSError`."""
    with np.load(folder / FORECAST_FILE, allow_pickle=False) as kept:
        return Forecast(
            supply=Supply(int(kept["first_hour"]), kept["by_hour"], kept["room_mix"]),
            alphabets=kept["alphabets"],
            scenarios=Scenarios(
                kept["factors"],
                kept["area_of_place"],
                int(kept["hour_offset"]),
                kept["noise"],
                float(kept["hour_spread"]),
            ),
            cold_start=bool(kept["cold_start"]),
        )
