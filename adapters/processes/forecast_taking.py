"""The HTTP process's duty towards supply: control's forecast, taken over when there is a new one."""

import asyncio
from datetime import datetime
from pathlib import Path

from adapters.files.forecast_file import FORECAST_FILE, read_forecast
from adapters.postgres.pool import Pool
from adapters.processes.forecasting import correct, forecaster
from inventory.forecast import Forecast
from inventory.supply import Supply
from segments.numbering import Numbering

LOOK_S = 1.0


class ForecastTaking:
    """`forecast` is None until control has made the first; days are those of `zone`."""

    def __init__(self, folder: Path, numbering: Numbering, zone: str) -> None:
        self._folder = folder
        self._numbering = numbering
        self._zone = zone
        self._lada_of_place = forecaster(numbering, zone).lada_of_place
        self._mark: tuple[int, int] | None = None
        self.forecast: Forecast | None = None

    async def look(self) -> None:
        """Look for a new forecast each LOOK_S, until cancelled."""
        while True:
            if (mark := self._found()) not in {None, self._mark}:
                # In a thread: it is 35 MB.
                self.forecast = await asyncio.to_thread(read_forecast, self._folder)
                self._mark = mark
            await asyncio.sleep(LOOK_S)

    async def supply(self, pool: Pool, now: datetime) -> Supply | None:
        """Return the forecast corrected by what was counted today; None until there is one."""
        forecast = self.forecast
        if forecast is None:
            return None
        return await correct(forecast, pool, self._numbering, self._zone, self._lada_of_place, now)

    def _found(self) -> tuple[int, int] | None:
        """Return what tells files apart; None where there is none yet."""
        try:
            found = (self._folder / FORECAST_FILE).stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns
