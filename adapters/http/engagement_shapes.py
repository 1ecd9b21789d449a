"""What `engagements` and `response-numbers` take and give."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from adapters.http.operations import Query, Shape
from inventory.engagements import LeadWindow, Purpose
from inventory.webhooks import LONGEST_URL

EXAMPLE: Final[Mapping[str, Any]] = {
    "name": "Cupones del Buen Fin",
    "purpose": "coupon",
    "brand": "tienda-sol",
    "starts_at": "2026-11-26T09:00:00-06:00",
    "ends_at": "2026-11-30T21:00:00-06:00",
    "wording": "Llama gratis al 55 0123 4567 y recibe un cupón; usas tu llamada para participar.",
    "confirmation": "Gracias por llamar a {brand}. Tu cupón: {code}",
    "numbers": [{"number": "55 0123 4567"}],
}


class EngagementsQuery(Query):
    """Which engagements."""

    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="The former page's `next`.")
    limit: int = Field(default=50, ge=1, le=200)


class UsedNumber(Shape):
    """A response number, and the option that a call to it votes for."""

    number: str
    option: str


class AnswersShape(Shape):
    """What became of what leads are owed, by state."""

    due: int
    waiting: int
    claimed: int
    sending: int
    sent: int
    delivered: int
    failed: int
    unknown: int


class EngagementShape(Shape):
    """An engagement; `webhook_secret` is there once, in the answer that made it."""

    id: str
    name: str
    purpose: Purpose
    brand: str | None
    campaign: str | None
    starts_at: str
    ends_at: str | None
    lead_window: LeadWindow
    timezone: str
    share_number: bool
    wording: str
    wording_version: int
    confirmation: str | None
    webhook: str | None
    state: str
    version: int
    numbers: list[UsedNumber]
    calls: int
    leads: int
    answers: AnswersShape
    coupons: Literal["low", "out"] | None = Field(
        description="A tenth of the coupons is left, or none; null else, or where there are none to give."
    )
    created_at: str
    created_by: str
    webhook_secret: str | None = None


class EngagementPage(Shape):
    """A page of engagements; `next` is what `before` takes for the following page, null after the last."""

    items: list[EngagementShape]
    next: int | None


class EngagementPatch(Shape):
    """What may change while an engagement runs; a changed wording is a new version."""

    name: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    wording: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    confirmation: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    webhook: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)] | None = None


class TallyShape(Shape):
    """Calls and leads of one option and state of the federation."""

    option: str
    state: str
    calls: int
    leads: int


class TallyList(Shape):
    """Live tallies of an engagement."""

    items: list[TallyShape]


class NumberIn(Shape):
    """A number for the pool, in any form; `label` is the carrier's own word for it."""

    number: str = Field(min_length=3, max_length=30)
    label: str = Field(default="", max_length=100)


class AssignmentShape(Shape):
    """What a number is assigned to; only one's own is named."""

    engagement: str | None
    name: str | None
    option: str | None
    starts_at: str
    ends_at: str | None


class NumberShape(Shape):
    """A number of the pool with what it is assigned to from now on."""

    number: str
    label: str
    retired: bool
    assignments: list[AssignmentShape]


class NumberList(Shape):
    """The pool."""

    items: list[NumberShape]
