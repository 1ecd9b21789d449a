"""Engagements: what a call to a number stands for, from when to when, and what its caller gets back."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inventory.document import Instant, Name
from inventory.faults import Fault, shape_faults
from inventory.forms import IDENTIFIER
from inventory.response_numbers import NumberUse, digits_of
from inventory.webhooks import LONGEST_URL, address_faults

Purpose = Literal[
    "opt_in",
    "opt_out",
    "vote",
    "coupon",
    "callback",
    "feedback",
    "order_confirmation",
    "verification",
    "pledge",
    "download_link",
]
"""What a call means."""

LeadWindow = Literal["hour", "day", "week", "engagement"]
"""In which stretch of time a caller's calls are one lead, on the engagement's clock."""

PURPOSES: Final[Sequence[Purpose]] = get_args(Purpose)
LEAD_WINDOWS: Final[Sequence[LeadWindow]] = get_args(LeadWindow)
LONGEST: Final = timedelta(days=366)
"""How long an engagement with one window may last."""

MOST_NUMBERS: Final = 100
_LEAST_OPTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class EngagementDraft:
    """An engagement as asked for; without `ends_at` it is standing, without `brand` the carrier's own."""

    name: str
    purpose: Purpose
    brand: str | None
    campaign: UUID | None
    starts_at: datetime
    ends_at: datetime | None
    lead_window: LeadWindow
    share_number: bool
    wording: str
    confirmation: str | None
    webhook: str | None
    numbers: tuple[NumberUse, ...]


class EngagementRefusedError(Exception):
    """The document is no engagement; `faults` lists every reason."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer} {fault.en}" for fault in faults))
        self.faults = tuple(faults)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NumberDocument(_Shape):
    """A response number, and in a vote the option that a call to it chooses."""

    number: str = Field(min_length=1, max_length=30)
    option: str = Field(default="", max_length=60)


class EngagementDocument(_Shape):
    """What is asked for: message, numbers, start and end."""

    name: Name
    purpose: Purpose
    brand: Name | None = None
    campaign: Annotated[str, Field(pattern=IDENTIFIER)] | None = None
    starts_at: Instant
    ends_at: Instant | None = None
    lead_window: LeadWindow = "day"
    share_number: bool = False
    wording: str = Field(min_length=1, max_length=500)
    confirmation: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    webhook: Annotated[str, Field(min_length=1, max_length=LONGEST_URL)] | None = None
    numbers: list[NumberDocument] = Field(min_length=1, max_length=MOST_NUMBERS)


def read_engagement(document: Mapping[str, Any], now: datetime) -> EngagementDraft:
    """Return the engagement that a document asks for. Raises `EngagementRefusedError` with every fault."""
    try:
        given = EngagementDocument.model_validate(document)
    except ValidationError as error:
        raise EngagementRefusedError(shape_faults(error, EngagementDocument)) from None
    digits = [digits_of(each.number) for each in given.numbers]
    faults = [*_time_faults(given, now), *_number_faults(given, digits), *_purpose_faults(given)]
    if faults:
        raise EngagementRefusedError(faults)
    return EngagementDraft(
        name=given.name,
        purpose=given.purpose,
        brand=given.brand,
        campaign=None if given.campaign is None else UUID(given.campaign),
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        lead_window=given.lead_window,
        share_number=given.share_number,
        wording=given.wording,
        confirmation=given.confirmation,
        webhook=given.webhook,
        numbers=tuple(
            NumberUse(known, each.option)
            for each, known in zip(given.numbers, digits, strict=True)
            if known is not None
        ),
    )


def _time_faults(given: EngagementDocument, now: datetime) -> Iterator[Fault]:
    if given.ends_at is None:
        if given.lead_window == "engagement":
            yield Fault(
                "/lead_window",
                "standing",
                "un compromiso sin fin necesita una ventana de hour, day o week",
                "an engagement without an end needs a window of hour, day or week",
            )
        return
    if given.ends_at <= given.starts_at:
        yield Fault("/ends_at", "order", "debe ser posterior a starts_at", "must be later than starts_at")
    elif given.ends_at <= now:
        yield Fault("/ends_at", "past", "ya pasó", "lies in the past")
    elif given.lead_window == "engagement" and given.ends_at - given.starts_at > LONGEST:
        yield Fault(
            "/lead_window",
            "too_long",
            f"con más de {LONGEST.days} días use hour, day o week",
            f"use hour, day or week beyond {LONGEST.days} days",
        )


def _number_faults(given: EngagementDocument, digits: Sequence[str | None]) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, known in enumerate(digits):
        where = f"/numbers/{index}/number"
        if known is None:
            yield Fault(where, "bad_number", "no es un número", "is no number")
        elif seen.setdefault(known, index) != index:
            yield Fault(where, "twice", "está dos veces", "is there twice")
    if given.purpose == "vote":
        yield from _option_faults(given)
        return
    for index, each in enumerate(given.numbers):
        if each.option:
            yield Fault(
                f"/numbers/{index}/option",
                "no_vote",
                "solo una votación tiene opciones",
                "only votes have options",
            )


def _option_faults(given: EngagementDocument) -> Iterator[Fault]:
    options = [each.option.strip() for each in given.numbers]
    for index, option in enumerate(options):
        if not option:
            yield Fault(f"/numbers/{index}/option", "missing", "falta la opción", "the option is missing")
    if len({option for option in options if option}) < _LEAST_OPTIONS:
        yield Fault(
            "/numbers",
            "options",
            "una votación necesita dos opciones o más",
            "a vote needs two options or more",
        )


def _purpose_faults(given: EngagementDocument) -> Iterator[Fault]:
    if given.campaign is not None and given.brand is None:
        yield Fault("/brand", "missing", "una campaña tiene marca", "a campaign has a brand")
    if given.webhook is not None:
        yield from address_faults(given.webhook, "/webhook")
    if given.purpose == "coupon" and given.confirmation is None:
        yield Fault(
            "/confirmation",
            "missing",
            "un cupón se entrega en el SMS de confirmación",
            "a coupon is handed out in the confirmation SMS",
        )
    if given.purpose == "callback" and given.webhook is None:
        yield Fault(
            "/webhook", "missing", "devolver llamadas necesita un webhook", "calling back needs a webhook"
        )
