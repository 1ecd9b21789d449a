"""Missed calls as the operations page shows them: by hour and state, and how those to us are answered."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adapters.http.console.desk import Desk
from adapters.http.console.visit import Visit
from adapters.http.services import Services
from adapters.postgres.supply import read_by_hour
from inventory.books import hour_of

# The operation that tells of calls to response numbers.
OPERATION = "missed_call_figures"
HOURS = 24
_HOUR_S = 3600
# Counts of all hours and places are read again after as long, however many look.
_FRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """The notifications of one hour, which each tell of a missed call; `share` is of the busiest hour's."""

    begins: datetime
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class StateOfCalls:
    """The notifications of one state; `shade`, from 1 to 4, by their share of the most."""

    code: str
    name: str
    count: int
    shade: int


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The last day's missed calls, and the answer of `OPERATION` where this visitor may ask it."""

    total: int
    hours: Sequence[HourOfCalls]
    states: Sequence[StateOfCalls]
    answers: Mapping[str, Any] | None

    @property
    def shades(self) -> Mapping[str, int]:
        """Return each state's shade by its code."""
        return {each.code: each.shade for each in self.states}


class CallCounter:
    """Reads the figures, the counts at most once a minute."""

    def __init__(self, services: Services, desk: Desk) -> None:
        self._services = services
        self._desk = desk
        self._turn = asyncio.Lock()
        self._read_at: datetime | None = None
        self._counts: tuple[Sequence[HourOfCalls], Sequence[StateOfCalls]] = ((), ())

    async def figures(self, visit: Visit) -> CallFigures:
        """Return the figures as of now."""
        async with self._turn:
            now = self._services.now()
            if self._read_at is None or (now - self._read_at).total_seconds() > _FRESH_S:
                self._counts, self._read_at = await self._read(hour_of(now)), now
            hours, states = self._counts
        answers = None
        if self._desk.offers(OPERATION) and self._desk.allows(visit, OPERATION):
            answers = await self._desk.ask(visit, OPERATION, query={"hours": HOURS})
        return CallFigures(sum(each.count for each in hours), hours, states, answers)

    async def _read(self, last: int) -> tuple[Sequence[HourOfCalls], Sequence[StateOfCalls]]:
        numbering, first = self._services.numbering, last - HOURS + 1
        counted = await read_by_hour(self._services.pool, numbering, first, last)
        by_hour = [int(each) for each in counted.sum(axis=1)]
        most = max(1, *by_hour)
        hours = [
            HourOfCalls(datetime.fromtimestamp((first + at) * _HOUR_S, UTC), count, count / most)
            for at, count in enumerate(by_hour)
        ]
        by_place = counted.sum(axis=0)
        by_state = {code: int(by_place[list(places)].sum()) for code, places in numbering.by_state.items()}
        return hours, self._ranked(by_state)

    def _ranked(self, by_state: Mapping[str, int]) -> Sequence[StateOfCalls]:
        """Return the states that have any, the most first."""
        names, most = self._services.geography.states, max(by_state.values())
        return [
            StateOfCalls(code, names[code].name, count, max(1, round(4 * count / most)))
            for code, count in sorted(by_state.items(), key=lambda item: -item[1])
            if count
        ]
