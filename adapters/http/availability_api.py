"""`availability` and `holds`: how many can be bought, what is in the way, and a quantity kept for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from adapters.http.availability_shapes import (
    WISH_EXAMPLE,
    AvailabilityIn,
    AvailabilityShape,
    ConfirmIn,
    HoldIn,
    HoldList,
    HoldShape,
    WishIn,
)
from adapters.http.campaign_answers import Answers, deed_of, read_if_match, told
from adapters.http.campaign_shapes import CampaignShape
from adapters.http.judging import judge_of, stock_of
from adapters.http.operations import Answer, Call, NoQuery, Operation
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.http.wishes import read_wish
from adapters.postgres.desk import PostgresDesk, Word
from adapters.postgres.documents import hours_document, target_document
from adapters.postgres.form_holds import MOST_HOLDS, PostgresFormHolds, TooManyHoldsError
from engine.access import READERS, Role
from engine.composition import septets_of
from inventory.advice import Advice
from inventory.booking import Booking
from inventory.document import Standards
from inventory.holds import Hold, NoHoldError
from inventory.quote import Quote, quote
from inventory.workflow import Action

BUYERS = frozenset({Role.ADVERTISER})
KEEPERS = BUYERS | {Role.OPS}
# Probing reveals what others have booked.
RATE = "60/minute"

WishT = TypeVar("WishT", bound=WishIn)


def availability_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    counter = Counter(services)
    return [
        Operation("POST", "/availability", "ask_availability",
                  "Tell how many can be bought, what stands in the way, and what would help.", "availability",
                  counter.ask, roles=READERS, body=AvailabilityIn, raw_body=True, answer=AvailabilityShape,
                  example=WISH_EXAMPLE, rate=RATE),
        Operation("GET", "/holds", "list_holds", "List the holds that one took and that still last.", "holds",
                  counter.holds, roles=KEEPERS, answer=HoldList),
        Operation("POST", "/holds", "take_hold", "Keep a quantity from others for 30 minutes.", "holds",
                  counter.take, roles=BUYERS, body=HoldIn, raw_body=True, answer=HoldShape, status=201,
                  example={"name": "Buen Fin", **WISH_EXAMPLE}, rate=RATE),
        Operation("DELETE", "/holds/{id}", "release_hold", "Give up a hold.", "holds",
                  counter.release, roles=KEEPERS, status=204),
        Operation("POST", "/holds/{id}/confirm", "confirm_hold", "Submit a draft with what is held for it.",
                  "holds", counter.confirm, roles=BUYERS, body=ConfirmIn, answer=CampaignShape,
                  problems=("precondition_failed", "conflict"),
                  example={"campaign": "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a"}),
    ]  # fmt: skip


class Counter:
    """The handlers. One question is answered at a time, in a thread: control's loop and the rest go on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = asyncio.Semaphore(1)

    @property
    def _holds(self) -> PostgresFormHolds:
        return PostgresFormHolds(self._services.pool, septets_of)

    async def ask(self, call: Call[NoQuery, Any]) -> Answer:
        """Answer how many can be bought."""
        asked, wish = await self._read(call, AvailabilityIn)
        market = self._services.market()
        if market is None:
            raise _not_ready()
        async with self._turn:
            found = await asyncio.to_thread(quote, market, wish, advised=asked.suggestions)
        return Answer(_document(found, carrier=call.principal.is_carrier))

    async def holds(self, call: Call[NoQuery, None]) -> Answer:
        """List holds."""
        found = await self._holds.active(principal=call.principal, now=self._services.now())
        return Answer({"items": [_hold(each) for each in found]})

    async def take(self, call: Call[NoQuery, Any]) -> Answer:
        """Take a hold."""
        _, wish = await self._read(call, HoldIn)
        now = self._services.now()
        judge = judge_of(self._services, now)
        if judge is None:
            raise _not_ready()
        with told():
            try:
                hold = await self._holds.take(wish, judge, principal=call.principal, now=now)
            except TooManyHoldsError:
                raise ProblemError(
                    "conflict",
                    es=f"ya tiene {MOST_HOLDS} apartados; suelte uno antes",
                    en=f"you have {MOST_HOLDS} holds already; give one up first",
                ) from None
        return Answer(_hold(hold), 201, {"Location": f"/api/v1/holds/{hold.id}"})

    async def release(self, call: Call[NoQuery, None]) -> Answer:
        """Give up a hold."""
        with told():
            await self._holds.release(call.path["id"], principal=call.principal, now=self._services.now())
        return Answer()

    async def confirm(self, call: Call[NoQuery, ConfirmIn]) -> Answer:
        """Submit a campaign with a hold."""
        deed = deed_of(call, self._services, read_if_match(call, needed=False))
        desk = PostgresDesk(self._services.pool, stock_of(self._services, deed.now))
        with told():
            try:
                word = Word(hold=call.path["id"])
                found = await desk.act(Action.SUBMIT, call.body.campaign, deed, word)
            except NoHoldError:
                raise ProblemError("not_found") from None
        return await Answers(self._services).single(found, call)

    async def _read(self, call: Call[NoQuery, Any], shape: type[WishT]) -> tuple[WishT, Booking]:
        """Return a wish and its booking from the lead time's end on."""
        now = self._services.now()
        standards = Standards(self._services.rules, self._services.geography, now)
        with told():
            wish, booking = await asyncio.to_thread(read_wish, call.body, shape, standards)
        earliest = now + timedelta(hours=self._services.settings().policy.lead_time_hours)
        return wish, booking.not_before(earliest.timestamp())


def _not_ready() -> ProblemError:
    return ProblemError(
        "unavailable",
        es="el pronóstico aún se está calculando; pregunte de nuevo en unos segundos",
        en="the forecast is still being made; ask again in some seconds",
        headers={"Retry-After": "5"},
    )


def _document(found: Quote, *, carrier: bool) -> dict[str, Any]:
    until = found.answer.counted_until
    return {
        **found.answer.document(),
        "wanted": found.wish.wanted,
        "enough": found.enough,
        "counted_from": _instant(found.wish.opens),
        "counted_until": None if until is None else _instant(until),
        **found.contention.document(carrier=carrier),
        "suggestions": [_suggestion(each) for each in found.advice],
    }


def _suggestion(advice: Advice) -> dict[str, Any]:
    document = advice.document()
    names = {"opens": "from", "closes": "to", "characters": "length"}
    return {
        names.get(name, name): _instant(value) if name in {"opens", "closes"} else value
        for name, value in document.items()
    }


def _hold(hold: Hold) -> dict[str, Any]:
    booking = hold.booking
    return {
        "id": hold.id,
        "name": booking.name,
        "class": booking.campaign_class.value,
        "target": target_document(booking.target),
        "from": _instant(booking.opens),
        "to": _instant(booking.closes),
        "hours": hours_document(booking.hours),
        "length": booking.size,
        "quantity": booking.quantity,
        "expires_at": hold.expires_at.isoformat(),
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
