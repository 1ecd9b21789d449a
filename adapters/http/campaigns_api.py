"""`campaigns`: found, listed, created, changed, moved along."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from adapters.http.campaign_answers import Answers, deed_of, read_if_match, reader_of, told
from adapters.http.campaign_shapes import (
    CampaignIn,
    CampaignPage,
    CampaignPatch,
    CampaignShape,
    CampaignsQuery,
    DraftQuery,
    RejectIn,
    SubmitQuery,
)
from adapters.http.judging import stock_of
from adapters.http.operations import Answer, Call, Handler, NoQuery, Operation
from adapters.http.problems import ProblemError
from adapters.http.services import Services
from adapters.postgres.desk import Filter, PostgresDesk, Word, read_draft
from engine.access import READERS, Role
from inventory.faults import Fault
from inventory.workflow import Action, roles_of

WRITERS = frozenset({Role.ADVERTISER})
TAG = "campaigns"
MAX_OCTETS = 256 * 1024

EXAMPLE: Mapping[str, Any] = {
    "name": "Buen Fin",
    "brand": "tienda-sol",
    "category": "retail",
    "class": "guaranteed",
    "creatives": [{"text": "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"}],
    "target": {"include": [{"state": "MX-JAL"}], "exclude": []},
    "starts_at": "2026-11-26T09:00:00-06:00",
    "ends_at": "2026-11-30T21:00:00-06:00",
    "hours": [{"from": "09:00", "to": "20:00"}],
    "quantity": 100000,
}
_SUMMARIES: Mapping[Action, str] = {
    Action.SUBMIT: "Submit a draft for approval; its quantity is held until the decision.",
    Action.APPROVE: "Approve a campaign and its pending texts; its quantity is looked at again.",
    Action.REJECT: "Reject a campaign, with a reason.",
    Action.PAUSE: "Pause a campaign, in every worker within a second.",
    Action.RESUME: "Let a paused campaign go on.",
    Action.CANCEL: "End a campaign for good.",
}


def campaigns_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    floor = Floor(services)
    stale = ("precondition_failed", "conflict")
    return [
        Operation("GET", "/campaigns", "list_campaigns", "List the campaigns one may see, newest first.", TAG,
                  floor.listed, roles=READERS, query=CampaignsQuery, answer=CampaignPage),
        Operation("POST", "/campaigns", "create_campaign", "Book a campaign as a draft.", TAG,
                  floor.create, roles=WRITERS, query=DraftQuery, body=CampaignIn, raw_body=True,
                  answer=CampaignShape, status=201, example=EXAMPLE, max_octets=MAX_OCTETS),
        Operation("GET", "/campaigns/{id}", "read_campaign", "Read a campaign.", TAG,
                  floor.read, roles=READERS, answer=CampaignShape, etag=True),
        Operation("PATCH", "/campaigns/{id}", "change_campaign", "Replace fields of a campaign.", TAG,
                  floor.change, roles=WRITERS, query=DraftQuery, body=CampaignPatch, raw_body=True,
                  answer=CampaignShape, etag=True, problems=("conflict",), example={"quantity": 120000},
                  max_octets=MAX_OCTETS),
        *(
            Operation("POST", f"/campaigns/{{id}}/{action}", f"{action}_campaign", _SUMMARIES[action], TAG,
                      floor.acting(action), roles=frozenset(map(Role, roles_of(action))),
                      query=SubmitQuery if action is Action.SUBMIT else NoQuery,
                      body=RejectIn if action is Action.REJECT else None,
                      example={"reason": "El texto promete algo que la página no cumple."}
                      if action is Action.REJECT else None,
                      answer=CampaignShape, problems=stale)
            for action in _SUMMARIES
        ),
    ]  # fmt: skip


class Floor:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._answers = Answers(services)

    def _desk(self, now: datetime) -> PostgresDesk:
        return PostgresDesk(self._services.pool, stock_of(self._services, now))

    async def listed(self, call: Call[CampaignsQuery, None]) -> Answer:
        """List campaigns."""
        query, now = call.query, self._services.now()
        after = None if query.cursor is None else UUID(query.cursor)
        which = Filter(query.brand, query.state, query.q, after, query.limit)
        page = await self._desk(now).page(call.principal, which, now=now)
        items = await asyncio.to_thread(self._answers.listed, page.items, call.principal)
        return Answer(
            {"items": await self._services.fitting.add(items, self._services), "next": page.after}, large=True
        )

    async def read(self, call: Call[NoQuery, None]) -> Answer:
        """Read one campaign."""
        now = self._services.now()
        with told():
            found = await self._desk(now).find(call.path["id"], call.principal, now=now)
        return await self._answers.single(found, call)

    async def create(self, call: Call[DraftQuery, Any]) -> Answer:
        """Store a draft."""
        deed = deed_of(call, self._services)
        read = await reader_of(self._services, call.principal, deed.now)
        with told():
            draft = await read_draft(call.body, read, deed, keep_faults=call.query.keep_faults)
            desk = self._desk(deed.now)
            [made] = await desk.create([draft], deed)
            found = await desk.find(made, call.principal, now=deed.now)
        return await self._answers.single(found, call, 201)

    async def change(self, call: Call[DraftQuery, Any]) -> Answer:
        """Replace fields."""
        deed = deed_of(call, self._services, read_if_match(call, needed=True))
        if not isinstance(call.body, dict):
            raise ProblemError("invalid", faults=[_NO_OBJECT])
        read = await reader_of(self._services, call.principal, deed.now, call.path["id"])
        with told():
            found = await self._desk(deed.now).edit(
                call.path["id"], call.body, read, deed, keep_faults=call.query.keep_faults
            )
        return await self._answers.single(found, call)

    def acting(self, action: Action) -> Handler:
        """Return the handler of an action."""

        async def act(call: Call[Any, Any]) -> Answer:
            deed = deed_of(call, self._services, read_if_match(call, needed=False))
            with told():
                found = await self._desk(deed.now).act(action, call.path["id"], deed, _word(call))
            return await self._answers.single(found, call)

        return act


_NO_OBJECT = Fault(
    "", "model_type", "debe ser un objeto (claves y valores)", "must be an object (keys and values)"
)


def _word(call: Call[Any, Any]) -> Word:
    if isinstance(call.body, RejectIn):
        return Word(reason=call.body.reason, texts=call.body.texts)
    return Word(hold=call.query.hold) if isinstance(call.query, SubmitQuery) else Word()
