"""`webhooks`: who is told when something happens to a campaign."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from adapters.http.operations import Answer, Call, NoQuery, Operation, Shape
from adapters.http.problems import ProblemError
from adapters.http.public_targets import inside_faults
from adapters.http.services import Services
from adapters.postgres.identity import MissingError
from adapters.postgres.webhooks import MOST_WEBHOOKS, PostgresWebhooks, TooManyWebhooksError
from engine.access import Principal, Role
from inventory.faults import Fault
from inventory.webhooks import HAPPENINGS, LONGEST_URL, Happening, address_faults

SUBSCRIBERS = frozenset({Role.ADVERTISER, Role.ADMIN})


class WebhookIn(Shape):
    """Where to tell of what; no `events` means all, no `brands` all that one acts for."""

    url: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)]
    events: list[Happening] | None = Field(default=None, min_length=1)
    brands: list[Annotated[str, Field(min_length=1, max_length=100)]] | None = Field(
        default=None, min_length=1, max_length=1000
    )


class WebhookMade(Shape):
    """A webhook's id and the secret that signs what it is told, which is shown this once."""

    id: str
    secret: str


class WebhookShape(Shape):
    """A webhook: `pending` events are still to be told; `last_answer` is what the last attempt met."""

    id: str
    url: str
    events: list[Happening]
    brands: list[str] | None
    organisation: str
    created_at: str
    created_by: str
    pending: int
    last_answer: str | None


class WebhookList(Shape):
    """All webhooks one may see."""

    items: list[WebhookShape]


def webhooks_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    example = {"url": "https://sol.example/posdata", "events": ["approved", "rejected", "finished"]}
    return [
        Operation("GET", "/webhooks", "list_webhooks", "List webhooks and how they fare.", "webhooks",
                  desk.webhooks, roles=SUBSCRIBERS, answer=WebhookList),
        Operation("POST", "/webhooks", "create_webhook", "Be told by HTTP; the secret is shown this once.",
                  "webhooks", desk.add, roles=SUBSCRIBERS, body=WebhookIn, answer=WebhookMade, status=201,
                  problems=("conflict",), example=example,
                  answer_example={"id": "0b5e6c0e-1c1b-4b52-9b0c-6f1f0f4dfb1a", "secret": "whsec_…"}),
        Operation("DELETE", "/webhooks/{id}", "delete_webhook", "Be told no more, at once.", "webhooks",
                  desk.remove, roles=SUBSCRIBERS, status=204, problems=("not_found",)),
    ]  # fmt: skip


class _Desk:
    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def _webhooks(self) -> PostgresWebhooks:
        return PostgresWebhooks(self._services.pool)

    async def webhooks(self, call: Call[NoQuery, None]) -> Answer:
        rows = await self._webhooks.listed(call.principal)
        return Answer({"items": [_document(row) for row in rows]})

    async def add(self, call: Call[NoQuery, WebhookIn]) -> Answer:
        wanted = call.body
        brands, faults = _brands(call.principal, wanted.brands)
        private = self._services.settings().webhooks.allow_private
        faults = [
            *address_faults(wanted.url, "/url"),
            *inside_faults(wanted.url, "/url", allow_private=private),
            *faults,
        ]
        if faults:
            raise ProblemError("invalid", faults=faults)
        try:
            made = await self._webhooks.add(
                wanted.url,
                frozenset(wanted.events or HAPPENINGS),
                brands,
                principal=call.principal,
                at=self._services.now(),
            )
        except TooManyWebhooksError:
            raise ProblemError(
                "conflict",
                es=f"ya hay {MOST_WEBHOOKS} webhooks; quite uno antes",
                en=f"there are {MOST_WEBHOOKS} webhooks already; remove one first",
            ) from None
        return Answer({"id": made.id, "secret": made.secret}, 201)

    async def remove(self, call: Call[NoQuery, None]) -> Answer:
        try:
            webhook = str(UUID(call.path["id"]))
            await self._webhooks.remove(webhook, principal=call.principal, at=self._services.now())
        except (ValueError, MissingError):
            raise ProblemError("not_found") from None
        return Answer()


def _brands(
    principal: Principal, wanted: Sequence[str] | None
) -> tuple[frozenset[str] | None, Sequence[Fault]]:
    """Return whose events are told, None for all of them, and which brands are not the principal's."""
    if principal.is_carrier:
        carrier = Fault(
            "/brands", "carrier", "el operador oye de todas las marcas", "the carrier hears of all brands"
        )
        return None, [] if wanted is None else [carrier]
    faults = [
        Fault(f"/brands/{index}", "unknown_brand", "no existe esa marca", "there is no such brand")
        for index, brand in enumerate(wanted or ())
        if not principal.sees(brand)
    ]
    return principal.brands if wanted is None else frozenset(wanted), faults


def _document(row: Any) -> dict[str, Any]:
    return {
        **row,
        "id": str(row["id"]),
        "organisation": str(row["organisation"]),
        "created_at": row["created_at"].isoformat(),
    }
