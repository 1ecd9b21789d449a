"""A campaign document (the contract's JSON object) read into a draft, or every fault it has."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from inventory.campaign import CampaignClass, HoursWindow, Pacing
from inventory.clock import MINUTES_A_DAY, minute_of
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.faults import Fault, custom_fault, shape_faults
from inventory.frequency import CATEGORY, LONGEST_SPACING, CapDocument
from inventory.receipts import MakeGood
from inventory.response_numbers import digits_of
from inventory.short_links import Shortener, code_in, shortened
from segments.callers import caller_pattern
from segments.geography import Geography
from segments.targets import Target, TargetDocumentError, check_target
from validators.check import check
from validators.rules import RuleSet

PROFILE = "specification"
"""The profile campaigns are held to: 90 characters. The channel's 110 are for `check` alone."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class DocumentRefusedError(Exception):
    """The document is no campaign that can be booked; `faults` lists every reason."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer} {fault.en}" for fault in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Standards:
    """What a document is held against: the text rules, the country, the clock, and how links become short."""

    rules: RuleSet
    geography: Geography
    now: datetime
    shortener: Shortener | None = None


def _plain_name(text: str) -> str:
    if text == text.strip() and text.isprintable():
        return text
    raise custom_fault(
        "bad_name",
        "no debe llevar espacios al principio o al final ni caracteres invisibles",
        "must have no space at either end and no invisible characters",
    )


def _instant(value: object) -> datetime:
    try:
        instant = datetime.fromisoformat(value) if isinstance(value, str) else None
        if instant is not None and instant.tzinfo is not None:
            instant.astimezone(UTC)
            return instant
    except (ValueError, OverflowError):
        instant = None
    if instant is not None:
        raise custom_fault(
            "offset_required",
            f"debe llevar su zona, como 2026-11-24T09:00:00-06:00; se dio {value!r}",
            f"must carry its offset, such as 2026-11-24T09:00:00-06:00; {value!r} was given",
        )
    raise custom_fault(
        "bad_instant",
        f'debe ser un instante como "2026-11-24T09:00:00-06:00"; se dio {value!r}',
        f'must be an instant such as "2026-11-24T09:00:00-06:00"; {value!r} was given',
    )


def _minute(value: object) -> int:
    try:
        return minute_of(value if isinstance(value, str) else "")
    except ValueError:
        raise custom_fault(
            "bad_time",
            f'debe ser una hora de "00:00" a "24:00"; se dio {value!r}',
            f'must be a time from "00:00" to "24:00", in quotes; {value!r} was given',
        ) from None


def _caller(pattern: str) -> str:
    try:
        caller_pattern(pattern)
    except ValueError:
        raise custom_fault(
            "bad_caller",
            'debe ser un número o un prefijo como "911", "55 0123 4567", "800*"',
            'must be a number or a prefix such as "911", "55 0123 4567", "800*"',
        ) from None
    return pattern


def _response_number(text: str) -> str:
    digits = digits_of(text)
    if digits is None:
        raise custom_fault("bad_number", "no es un número", "is no number")
    return digits


def _one_or_many(value: object) -> object:
    if value is None:
        return []
    return [value] if isinstance(value, Mapping) else value


def _none_is_empty(value: object) -> object:
    return [] if value is None else value


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_plain_name)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
Minute = Annotated[int, BeforeValidator(_minute)]


Caller = Annotated[str, AfterValidator(_caller)]
ResponseNumber = Annotated[str, Field(min_length=1, max_length=30), AfterValidator(_response_number)]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Creative(_Shape):
    text: str
    weight: int = Field(default=1, ge=1, le=1_000_000)
    link: str | None = None


class _Hours(_Shape):
    days: list[Day] = Field(default=list(DAYS), min_length=1)
    start: Minute = Field(alias="from")
    end: Minute = Field(alias="to")


class _Document(_Shape):
    name: Name
    brand: Name
    category: Name = "other"
    campaign_class: Literal["guaranteed", "standard", "house"] = Field(default="standard", alias="class")
    creatives: list[_Creative] = Field(min_length=1, max_length=100)
    target: dict[str, Any] = Field(default_factory=dict)
    starts_at: Instant
    ends_at: Instant
    hours: Annotated[list[_Hours], BeforeValidator(_one_or_many)] = Field(default_factory=list)
    quantity: Annotated[int, Field(ge=1, le=10**12)] | None
    pacing: Literal["even", "asap"] = "even"
    make_good: MakeGood | None = None
    spacing_minutes: Annotated[int, Field(ge=1, le=LONGEST_SPACING)] | None = None
    frequency_caps: Annotated[list[CapDocument], BeforeValidator(_none_is_empty), Field(max_length=20)] = (
        Field(default_factory=list)
    )
    exclude_callers: Annotated[list[Caller], BeforeValidator(_none_is_empty), Field(max_length=1000)] = Field(
        default_factory=list
    )
    exclude_brands: Annotated[list[Name], BeforeValidator(_none_is_empty), Field(max_length=100)] = Field(
        default_factory=list
    )
    response_number: ResponseNumber | None = None
    test: bool = False
    external_id: Name | None = None
    labels: dict[Name, Name] = Field(default_factory=dict)


def read_campaign(document: object, standards: Standards) -> CampaignDraft:
    """Read one document, its links made short; raises `DocumentRefusedError` with every fault."""
    document, faults = _with_short_links(document, standards.shortener)
    shape: _Document | None = None
    try:
        shape = _Document.model_validate(document)
    except ValidationError as error:
        faults += shape_faults(error, _Document)
    fields = document if isinstance(document, Mapping) else {}
    faults += _text_faults(fields.get("creatives"), standards.rules)
    target, target_faults = _target(fields.get("target", {}), standards.geography)
    faults += target_faults
    if shape is not None:
        faults += _sense_faults(shape, standards.now)
    if shape is None or faults:
        raise DocumentRefusedError(_unwrapped(faults, fields))
    return _draft(shape, target, None if standards.shortener is None else standards.shortener.site)


def _with_short_links(document: object, shortener: Shortener | None) -> tuple[object, list[Fault]]:
    creatives = document.get("creatives") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(creatives, list):
        return document, []
    faults: list[Fault] = []
    texts: list[object] = []
    for index, creative in enumerate(creatives):
        if isinstance(creative, Mapping):
            short, wrong = shortened(creative, shortener)
            texts.append(short)
            faults += [replace(fault, pointer=f"/creatives/{index}{fault.pointer}") for fault in wrong]
        else:
            texts.append(creative)
    return {**document, "creatives": texts}, faults


def _text_faults(creatives: object, rules: RuleSet) -> Iterator[Fault]:
    for index, creative in enumerate(creatives if isinstance(creatives, list) else []):
        text = creative.get("text") if isinstance(creative, Mapping) else None
        if not isinstance(text, str):
            continue
        verdict = check(text, rules, PROFILE)
        hint = verdict.suggestion
        for finding in verdict.findings:
            if finding.severity == "error":
                es = finding.es if hint is None else f"{finding.es} Se puede usar: {hint}"
                en = finding.en if hint is None else f"{finding.en} This would pass: {hint}"
                yield Fault(f"/creatives/{index}/text", finding.rule, es, en)


def _target(document: object, geography: Geography) -> tuple[Target, list[Fault]]:
    if not isinstance(document, Mapping):
        return Target(), []
    try:
        target = Target.from_document(document)
    except TargetDocumentError as refused:
        return Target(), [Fault(fault.pointer, "bad_target", fault.es, fault.en) for fault in refused.faults]
    unknown = check_target(target, geography)
    return target, [Fault(fault.pointer, "unknown_place", fault.es, fault.en) for fault in unknown]


def _sense_faults(shape: _Document, now: datetime) -> Iterator[Fault]:
    if shape.quantity is None and shape.campaign_class != "house":
        yield Fault(
            "/quantity",
            "quantity_required",
            "debe ser un número: solo la clase house puede no tener cantidad",
            "must be a number: only the class house may have none",
        )
    if shape.ends_at <= shape.starts_at:
        yield Fault(
            "/ends_at", "end_before_start", "debe ser posterior a starts_at", "must be later than starts_at"
        )
    elif shape.ends_at <= now:
        yield Fault("/ends_at", "too_late", "ya pasó: la campaña terminó", "has passed: the campaign is over")
    for index, name in enumerate(shape.exclude_brands):
        if name == shape.brand or not name.removeprefix(CATEGORY).strip():
            yield Fault(
                f"/exclude_brands/{index}",
                "bad_exclusion",
                'debe nombrar otra marca, o una categoría como "category:retail"',
                'must name another brand, or a category such as "category:retail"',
            )
    for index, window in enumerate(shape.hours):
        if window.start in {window.end, MINUTES_A_DAY}:
            yield Fault(
                f"/hours/{index}",
                "empty_hours",
                'debe empezar antes de "24:00" y no cuando acaba',
                'must begin before "24:00" and not when it ends',
            )


def _unwrapped(faults: Sequence[Fault], fields: Mapping[str, Any]) -> list[Fault]:
    """Point at what was written: `hours` given as one object has no index."""
    if not isinstance(fields.get("hours"), Mapping):
        return list(faults)
    return [
        Fault(fault.pointer.replace("/hours/0", "/hours", 1), fault.code, fault.es, fault.en)
        if fault.pointer.startswith("/hours/0")
        else fault
        for fault in faults
    ]


def _code(creative: _Creative, site: str | None) -> str | None:
    return None if creative.link is None or site is None else code_in(creative.text, site)


def _draft(shape: _Document, target: Target, site: str | None) -> CampaignDraft:
    return CampaignDraft(
        name=shape.name,
        brand=shape.brand,
        category=shape.category,
        campaign_class=CampaignClass(shape.campaign_class),
        creatives=tuple(
            CreativeDraft(creative.text, creative.weight, creative.link, _code(creative, site))
            for creative in shape.creatives
        ),
        target=target,
        starts_at=shape.starts_at,
        ends_at=shape.ends_at,
        quantity=shape.quantity,
        hours=tuple(
            HoursWindow(frozenset(map(DAYS.index, window.days)), window.start, window.end)
            for window in shape.hours
        ),
        pacing=Pacing(shape.pacing),
        make_good=shape.make_good,
        frequency_caps=tuple(each.cap for each in shape.frequency_caps),
        spacing_minutes=shape.spacing_minutes,
        exclude_brands=tuple(shape.exclude_brands),
        exclude_callers=tuple(shape.exclude_callers),
        response_number=shape.response_number,
        test=shape.test,
        external_id=shape.external_id,
        labels=shape.labels,
    )
