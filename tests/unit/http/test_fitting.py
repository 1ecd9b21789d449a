"""Tests of adapters.http.fitting."""

import asyncio
import threading
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from adapters.files.reference_data import load_geography, load_numbering
from adapters.http import fitting
from adapters.http.fitting import LATELY_S, Fitting, key
from adapters.http.services import Services
from inventory.forecast import Forecast
from inventory.plan import ROOM_CLASSES
from inventory.supply import Supply

GEOGRAPHY, NUMBERING = load_geography(), load_numbering()
JALISCO = key({"include": [{"state": "MX-JAL"}], "exclude": []})
SONORA = key({"include": [{"state": "MX-SON"}], "exclude": []})
TEXT = "Buen Fin en tienda sol, 40 de descuento"


def forecast(room: int) -> Forecast:
    """Return one where every notification has the same room class."""
    places = len(NUMBERING.places)
    alphabets = np.zeros((places, 2, ROOM_CLASSES))
    alphabets[:, 0, room] = 1.0
    supply = Supply(0, np.ones((2, places)), alphabets[:, 0])
    return Forecast(supply, alphabets, cast("None", None), cold_start=False)  # type: ignore[arg-type]  # not asked


class World:
    """Services whose forecast and clock a test sets; a thread that prepares waits for `go`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.forecast = forecast(ROOM_CLASSES - 1)
        self.at = 1000.0
        self.go = threading.Event()
        self.go.set()
        self.fitting = Fitting(lambda: self.at)
        self.services = cast(
            "Services",
            replace(
                Services(lambda: None, lambda: cast("None", None), GEOGRAPHY, NUMBERING, cast("None", None)),  # type: ignore[arg-type,return-value]  # not asked
                forecast=lambda: self.forecast,
            ),
        )
        prepared = fitting._prepared

        def when_told(*given: object) -> object:
            self.go.wait(10)
            return prepared(*given)  # type: ignore[arg-type]  # passed on

        monkeypatch.setattr(fitting, "_prepared", when_told)

    async def share(self, target: str = JALISCO) -> float:
        """Return which share a text fits."""
        found = await self.fitting.of(TEXT, target, self.services)
        assert found is not None
        return float(found["share"])

    async def prepared(self) -> None:
        """Wait until the newest forecast answers."""
        assert self.fitting._preparing is not None
        self.go.set()
        await asyncio.wait_for(asyncio.shield(self.fitting._preparing), 10)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world in which the text fits everywhere."""
    return World(monkeypatch)


async def test_the_former_forecast_answers_until_the_next_is_prepared(world: World) -> None:
    """Nobody waits for it, whatever target they ask for; then it answers without a thread."""
    assert await world.share() == 1
    world.go.clear()
    world.forecast = forecast(1)
    assert await world.share() == 1
    assert await world.share(SONORA) == 1
    await world.prepared()
    assert world.fitting._mixes is not None
    assert world.fitting._mixes.is_quick([(TEXT, JALISCO)]), "what was asked for is prepared"
    assert await world.share() == 0
    assert await world.share(SONORA) == 0


async def test_what_was_replaced_long_ago_answers_no_more(world: World) -> None:
    """After a silence one waits for the newest forecast."""
    assert await world.share() == 1
    world.forecast, world.at = forecast(1), world.at + LATELY_S + 1
    assert await world.share() == 0


async def test_all_wait_for_the_first_forecast(world: World) -> None:
    """At first there is no former one that could answer."""
    world.go.clear()
    asked = [asyncio.create_task(world.share()) for _ in range(3)]
    await asyncio.sleep(0)
    world.go.set()
    assert await asyncio.gather(*asked) == [1, 1, 1]


async def test_a_text_that_no_sms_carries_fits_nothing(world: World) -> None:
    """Neither does any text fit a target without places."""
    assert await world.fitting.of("\ud800", JALISCO, world.services) is None
    assert await world.fitting.of(TEXT, key({"include": 1}), world.services) is None
