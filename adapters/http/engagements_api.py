"""`engagements`: what a missed call stands for, from when to when, and what its caller gets back."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from adapters.http.engagement_shapes import (
    EXAMPLE,
    EngagementPage,
    EngagementPatch,
    EngagementShape,
    EngagementsQuery,
    TallyList,
)
from adapters.http.operations import Answer, Call, NoQuery, Operation
from adapters.http.problems import ProblemError
from adapters.http.public_targets import inside_faults
from adapters.http.services import Services
from adapters.http.taken_numbers import taken_fault
from adapters.postgres.engagement_desk import PostgresEngagementDesk
from adapters.postgres.engagements import (
    CampaignMismatchError,
    EngagementStateError,
    NumberTakenError,
    PostgresEngagements,
)
from adapters.postgres.identity import MissingError
from engine.access import Principal, Role
from inventory.answers import template_faults
from inventory.engagements import (
    EngagementDocument,
    EngagementDraft,
    EngagementRefusedError,
    read_engagement,
)
from inventory.faults import Fault
from inventory.webhooks import address_faults

TAG = "engagements"
WRITERS = frozenset({Role.ADVERTISER, Role.OPS})
STARTERS = frozenset({Role.APPROVER, Role.OPS})
WATCHERS = frozenset({Role.ADVERTISER, Role.BRAND_MANAGER, Role.APPROVER, Role.OPS})
_IN_SPANISH = {"draft": "en borrador", "live": "en marcha", "closed": "terminada"}
STATES = ("due", "waiting", "claimed", "sending", "sent", "delivered", "failed", "unknown")


def engagements_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    return [
        Operation("GET", "/engagements", "list_engagements",
                  "List the engagements one may see, newest first.", TAG, desk.listed,
                  roles=WATCHERS, query=EngagementsQuery, answer=EngagementPage),
        Operation("POST", "/engagements", "create_engagement",
                  "Draft an engagement: its message, its numbers, its start and end.", TAG,
                  desk.create, roles=WRITERS, body=EngagementDocument, raw_body=True,
                  answer=EngagementShape, status=201, problems=("conflict",), example=EXAMPLE),
        Operation("GET", "/engagements/{id}", "read_engagement", "Read an engagement.", TAG,
                  desk.read, roles=WATCHERS, answer=EngagementShape, problems=("not_found",)),
        Operation("PATCH", "/engagements/{id}", "change_engagement",
                  "Change what callers are told and what answers them.", TAG,
                  desk.change, roles=WRITERS, body=EngagementPatch, answer=EngagementShape,
                  problems=("conflict", "not_found"), example={"wording": "Llama gratis y participa."}),
        Operation("POST", "/engagements/{id}/start", "start_engagement",
                  "Let calls to a draft's numbers be answered: the carrier has read its texts.", TAG,
                  desk.start, roles=STARTERS, answer=EngagementShape, problems=("conflict", "not_found")),
        Operation("POST", "/engagements/{id}/end", "end_engagement",
                  "End an engagement now; its numbers are free.", TAG,
                  desk.end, roles=WRITERS, answer=EngagementShape, problems=("conflict", "not_found")),
        Operation("GET", "/engagements/{id}/tallies", "read_tallies",
                  "Tell calls and leads by option and state, as counted so far.", TAG,
                  desk.tallies, roles=WATCHERS, answer=TallyList, problems=("not_found",)),
    ]  # fmt: skip


class _Desk:
    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _engagements(self) -> PostgresEngagements:
        return PostgresEngagements(self._services.pool)

    @property
    def _more(self) -> PostgresEngagementDesk:
        return PostgresEngagementDesk(self._services.pool)

    async def listed(self, call: Call[EngagementsQuery, None]) -> Answer:
        limit = call.query.limit
        rows = await self._engagements.listed(call.principal, below=call.query.before, limit=limit + 1)
        shown = rows[:limit]
        answers = await self._more.answers([row["number"] for row in shown])
        return Answer({
            "items": [_document(row, answers.get(row["number"], {})) for row in shown],
            "next": shown[-1]["number"] if len(rows) > limit else None,
        })  # fmt: skip

    async def read(self, call: Call[NoQuery, None]) -> Answer:
        return Answer(await self._one(call.path["id"], call.principal))

    async def create(self, call: Call[NoQuery, Any]) -> Answer:
        now = self._services.now()
        draft = await self._draft(call.body, call.principal, now)
        with _told(call.principal):
            made = await self._engagements.create(
                draft,
                timezone=self._services.settings().policy.default_timezone,
                state="draft",
                principal=call.principal,
                at=now,
            )
        document = await self._one(made.id, call.principal)
        return Answer({**document, "webhook_secret": made.webhook_secret}, 201)

    async def change(self, call: Call[NoQuery, EngagementPatch]) -> Answer:
        wanted = call.body.model_dump(exclude_none=True)
        with _told(call.principal):
            row = await self._engagements.one(call.path["id"], call.principal)
            faults = [*_change_faults(row, wanted), *self._inside(wanted)]
            if faults:
                raise ProblemError("invalid", faults=faults)
            if unread := list(_unread(row, wanted, call.principal)):
                raise ProblemError("conflict", faults=unread)
            secret = await self._more.change(
                call.path["id"], wanted, principal=call.principal, at=self._services.now()
            )
        return Answer({**await self._one(call.path["id"], call.principal), "webhook_secret": secret})

    async def start(self, call: Call[NoQuery, None]) -> Answer:
        with _told(call.principal):
            await self._engagements.start(call.path["id"], principal=call.principal, at=self._services.now())
        return Answer(await self._one(call.path["id"], call.principal))

    async def end(self, call: Call[NoQuery, None]) -> Answer:
        with _told(call.principal):
            await self._engagements.close(call.path["id"], principal=call.principal, at=self._services.now())
        return Answer(await self._one(call.path["id"], call.principal))

    async def tallies(self, call: Call[NoQuery, None]) -> Answer:
        with _told(call.principal):
            row = await self._engagements.one(call.path["id"], call.principal)
        return Answer({"items": await self._more.tallies(row["number"])})

    async def _one(self, engagement: str, principal: Principal) -> dict[str, Any]:
        with _told(principal):
            row = await self._engagements.one(engagement, principal)
        answers = await self._more.answers([row["number"]])
        return _document(row, answers.get(row["number"], {}))

    async def _draft(self, document: Any, principal: Principal, now: datetime) -> EngagementDraft:
        """Return what is asked for. Raises `ProblemError` with every fault."""
        faults: list[Fault] = []
        draft: EngagementDraft | None = None
        given = document if isinstance(document, dict) else {}
        try:
            draft = read_engagement(document, now)
        except EngagementRefusedError as refused:
            faults += refused.faults
        faults += _template(given)
        faults += self._inside(given)
        faults += await self._brand_faults(given, principal)
        if faults or draft is None:
            raise ProblemError("invalid", faults=faults)
        return draft

    def _inside(self, given: Mapping[str, Any]) -> Sequence[Fault]:
        """Return the fault of a webhook that leads inside, unless the settings let it."""
        webhook = given.get("webhook")
        if not isinstance(webhook, str):
            return ()
        private = self._services.settings().webhooks.allow_private
        return tuple(inside_faults(webhook, "/webhook", allow_private=private))

    async def _brand_faults(self, given: Mapping[str, Any], principal: Principal) -> Sequence[Fault]:
        brand = given.get("brand")
        if brand is None:
            if principal.is_carrier:
                return ()
            return [
                Fault(
                    "/brand",
                    "missing",
                    "falta: es de una de sus marcas",
                    "is missing: it is of a brand of yours",
                )
            ]
        known = isinstance(brand, str) and await self._services.pool.fetchval(
            "SELECT EXISTS (SELECT FROM brands WHERE name = $1)", brand
        )
        if known and principal.sees(brand):
            return ()
        return [Fault("/brand", "unknown_brand", "no existe esa marca", "there is no such brand")]


def _template(given: Mapping[str, Any]) -> Sequence[Fault]:
    """Return what is wrong with a confirmation, as far as the rest of the document can be read."""
    confirmation = given.get("confirmation")
    if not isinstance(confirmation, str):
        return ()
    numbers = given.get("numbers")
    listed = numbers if isinstance(numbers, list) else []
    options = [each.get("option") for each in listed if isinstance(each, dict)]
    return template_faults(
        confirmation,
        name=str(given.get("name", "")),
        brand=str(given.get("brand") or ""),
        options=[option for option in options if isinstance(option, str)],
        coupon=given.get("purpose") == "coupon",
    )


def _change_faults(row: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[Fault]:
    after = {**row, **wanted}
    if after["confirmation"] is not None:
        yield from template_faults(
            after["confirmation"],
            name=after["name"],
            brand=after["brand"] or "",
            options=[each["option"] for each in after["numbers"]],
            coupon=after["purpose"] == "coupon",
        )
    if "webhook" in wanted:
        yield from address_faults(wanted["webhook"], "/webhook")


def _unread(row: Mapping[str, Any], wanted: Mapping[str, Any], principal: Principal) -> Iterator[Fault]:
    """Yield the texts that callers would read though the carrier has not: `{name}` may stand in them, too."""
    if row["state"] != "live" or principal.is_carrier:
        return
    for field in ("name", "wording", "confirmation"):
        if field in wanted and wanted[field] != row[field]:
            yield Fault(
                f"/{field}",
                "read_by_carrier",
                "el operador ya leyó este texto y está en uso: pídale que lo cambie o redacte otra",
                "the carrier has read this text and it is in use: ask them to change it or draft another",
            )


@contextmanager
def _told(principal: Principal) -> Iterator[None]:
    """Tell the caller what the database refused."""
    try:
        yield
    except MissingError:
        raise ProblemError("not_found") from None
    except EngagementStateError as state:
        es = f"la dinámica está {_IN_SPANISH[str(state)]}"
        raise ProblemError("conflict", es=es, en=f"the engagement is {state}") from None
    except CampaignMismatchError:
        fault = Fault(
            "/campaign", "unknown_campaign", "la marca no tiene esa campaña", "the brand has no such campaign"
        )
        raise ProblemError("invalid", faults=[fault]) from None
    except NumberTakenError as taken:
        fault = taken_fault(taken, f"/numbers/{taken.index}/number", named=principal.is_carrier)
        raise ProblemError("invalid" if taken.holder is None else "conflict", faults=[fault]) from None


def _document(row: Mapping[str, Any], answers: Mapping[str, int]) -> dict[str, Any]:
    plain = (
        "name", "purpose", "brand", "lead_window", "timezone", "share_number", "wording", "wording_version",
        "confirmation", "webhook", "state", "version", "numbers", "calls", "leads", "created_by",
    )  # fmt: skip
    return {
        **{name: row[name] for name in plain},
        "id": str(row["id"]),
        "campaign": None if row["campaign"] is None else str(row["campaign"]),
        "starts_at": row["starts_at"].isoformat(),
        "ends_at": None if row["ends_at"] is None else row["ends_at"].isoformat(),
        "created_at": row["created_at"].isoformat(),
        "answers": {state: answers.get(state, 0) for state in STATES},
        "coupons": row["coupons"] if row["state"] == "live" else None,
    }
