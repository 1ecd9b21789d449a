"""Tests of adapters.http.console.prospects."""

import asyncio
from dataclasses import dataclass
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

from adapters.http.console.prospects import Prospects


@dataclass
class SlowMarket:
    """A market whose prospects are worked out when they may be."""

    id: str
    may: Event
    asked: int = 0

    def prospects(self) -> list[Any]:
        """Return one prospect."""
        self.asked += 1
        self.may.wait(30)
        return [SimpleNamespace(id=self.id)]


async def test_only_the_first_visit_waits_for_prospects() -> None:
    """While those of a new market are worked out, pages have those of the former one."""
    ready, later = Event(), Event()
    ready.set()
    markets = [SlowMarket("old", ready)]
    prospects = Prospects(cast("Any", SimpleNamespace(market=lambda: markets[-1])))
    assert list(await prospects.by_campaign()) == ["old"]
    markets.append(SlowMarket("new", later))
    assert list(await prospects.by_campaign()) == ["old"]
    later.set()
    assert await prospects.remedies("gone") is None
    assert list(await prospects.by_campaign()) == ["new"]


async def test_a_visit_finds_prospects_worked_out_before_it() -> None:
    """Those of the first market are known soon after it was made, visited or not."""
    ready = Event()
    ready.set()
    prospects = Prospects(cast("Any", SimpleNamespace(market=lambda: market)))
    market = None
    prospects.stand_ready()
    market = SlowMarket("first", ready)
    prospects.stand_ready()
    while not market.asked:
        await asyncio.sleep(0)
    assert list(await prospects.by_campaign()) == ["first"]
    assert market.asked == 1
