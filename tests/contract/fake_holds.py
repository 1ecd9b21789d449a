"""Holds in memory: the same promises as PostgreSQL's."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from inventory.booking import Booking
from inventory.campaign import CampaignState
from inventory.holds import DECISION_S, FORM_S, Hold, Judge, NoHoldError, UnavailableError, UndecidableError


class FakeHolds:
    """Implements `inventory.holds.Holds` in memory; `campaigns` are bookings with a state, by number."""

    def __init__(self) -> None:
        self.campaigns: dict[int, tuple[Booking, CampaignState]] = {}
        self._holds: dict[str, Hold] = {}
        self._numbers = count(1)
        self._lock = asyncio.Lock()

    async def take(self, wish: Booking, by: str, judge: Judge, *, now: datetime) -> Hold:
        """Hold what is wished for."""
        async with self._lock:
            self._judge(judge, wish, now)
            await asyncio.sleep(0)  # others run here, as they do beside a database
            name = f"hold {next(self._numbers)}"
            self._holds[name] = Hold(name, replace(wish, id=name), by, now + timedelta(seconds=FORM_S))
            return self._holds[name]

    async def submit(self, hold: str, campaign: int, *, now: datetime) -> Hold:
        """Make a hold a campaign's soft hold."""
        booking, state = self.campaigns[campaign]
        if state is not CampaignState.DRAFT:
            raise UndecidableError
        found = self._holds.get(hold)
        if found is None or not found.active(now) or found.campaign is not None:
            raise NoHoldError
        self.campaigns[campaign] = booking, CampaignState.SUBMITTED
        soft = replace(found, campaign=campaign, expires_at=now + timedelta(seconds=DECISION_S))
        self._holds[hold] = soft
        return soft

    async def release(self, hold: str) -> None:
        """Give up a hold."""
        self._holds.pop(hold, None)

    async def approve(self, campaign: int, judge: Judge, *, lead_time: timedelta, now: datetime) -> None:
        """Book a submitted campaign."""
        async with self._lock:
            booking, state = self.campaigns[campaign]
            if state is not CampaignState.SUBMITTED:
                raise UndecidableError
            booking = replace(booking, opens=max(booking.opens, (now + lead_time).timestamp()))
            self._judge(judge, booking, now, but=campaign)
            self.campaigns[campaign] = booking, CampaignState.APPROVED
            self._holds = {name: hold for name, hold in self._holds.items() if hold.campaign != campaign}

    async def bookings(self, *, now: datetime) -> Sequence[Booking]:
        """Return what was sold and is still to come, and what is held."""
        return self._others(now)

    def _others(self, now: datetime, but: int | None = None) -> list[Booking]:
        sold = [booking for booking, state in self.campaigns.values() if state is CampaignState.APPROVED]
        held = [hold for hold in self._holds.values() if hold.active(now)]
        return sold + [hold.booking for hold in held if but is None or hold.campaign != but]

    def _judge(self, judge: Judge, wish: Booking, now: datetime, but: int | None = None) -> None:
        if not judge(self._others(now, but), wish):
            raise UnavailableError
