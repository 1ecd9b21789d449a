"""What may change once a campaign is sold: one table, field by field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from inventory.draft import CampaignDraft
from inventory.faults import Fault


class Rule(StrEnum):
    """What a change of a field takes while the campaign is approved, live or paused."""

    FREE = "free"
    AVAILABILITY = "availability"
    QUANTITY = "quantity"
    TEXTS = "texts"
    DRAFT_ONLY = "draft_only"


RULES: Mapping[str, Rule] = {
    "name": Rule.FREE,
    "pacing": Rule.FREE,
    "external_id": Rule.FREE,
    "labels": Rule.FREE,
    "starts_at": Rule.AVAILABILITY,
    "ends_at": Rule.AVAILABILITY,
    "hours": Rule.AVAILABILITY,
    "frequency_caps": Rule.AVAILABILITY,
    "spacing_minutes": Rule.AVAILABILITY,
    "exclude_brands": Rule.AVAILABILITY,
    "exclude_callers": Rule.FREE,
    "target": Rule.AVAILABILITY,
    "quantity": Rule.QUANTITY,
    "creatives": Rule.TEXTS,
    "brand": Rule.DRAFT_ONLY,
    "category": Rule.DRAFT_ONLY,
    "class": Rule.DRAFT_ONLY,
    "make_good": Rule.DRAFT_ONLY,
    "test": Rule.DRAFT_ONLY,
    "response_number": Rule.DRAFT_ONLY,
}
"""By the document's field names; a field that is not here may change in a draft only."""

_ATTRIBUTES = {"class": "campaign_class"}


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit changes, by field, and whether the quantity has to be looked at again."""

    fields: frozenset[str]
    needs_availability: bool


class SpentError(Exception):
    """The quantity would fall below what is spent or leased; `least` is the lowest that may be."""

    def __init__(self, least: int) -> None:
        super().__init__(f"at least {least}")
        self.least = least


def changed_fields(before: CampaignDraft, after: CampaignDraft) -> frozenset[str]:
    """Return the fields, by the document's names, that differ."""
    names = {name: _ATTRIBUTES.get(name, name) for name in RULES}
    listed = set(names.values())
    rest = {name: name for name in CampaignDraft.__slots__ if name not in listed}
    return frozenset(
        name
        for name, attribute in (names | rest).items()
        if getattr(before, attribute) != getattr(after, attribute)
    )


def change(before: CampaignDraft, after: CampaignDraft, spent: int) -> tuple[Change, Sequence[Fault]]:
    """Return what an edit of a sold campaign changes, and the fields that may not change any more.

    `spent` is settled + leased. Raises `SpentError`.
    """
    fields = changed_fields(before, after)
    faults = [
        Fault(
            f"/{name}",
            "draft_only",
            "solo puede cambiar en un borrador",
            "may change in a draft only",
        )
        for name in sorted(fields)
        if RULES.get(name, Rule.DRAFT_ONLY) is Rule.DRAFT_ONLY
    ]
    if after.quantity is not None and after.quantity < spent:
        raise SpentError(spent)
    more = after.quantity is not None and before.quantity is not None and after.quantity > before.quantity
    wider = any(RULES.get(name) is Rule.AVAILABILITY for name in fields)
    bounded = "quantity" in fields and before.quantity is None
    return Change(fields, after.quantity is not None and (more or wider or bounded)), faults


@dataclass(frozen=True, slots=True)
class KnownText:
    """A text that a campaign has: which creative, and what its newest version says."""

    creative: str
    text: str
    link: str | None


@dataclass(frozen=True, slots=True)
class TextPlan:
    """What becomes of a campaign's texts: by position in the new list, the creative and whether it is new.

    `kept` keep their version, `renewed` get a new one, `added` are new creatives, `removed` serve no more.
    """

    kept: Mapping[int, str]
    renewed: Mapping[int, str]
    added: tuple[int, ...]
    removed: tuple[str, ...]


def plan_texts(known: Sequence[KnownText], wanted: Sequence[Any]) -> TextPlan:
    """Match texts as they are wanted (with `text` and `link`) with those there are.

    A text that is the same keeps its version wherever it stands; then the others are matched in order.
    """
    left = list(known)
    kept: dict[int, str] = {}
    for position, one in enumerate(wanted):
        same = next((each for each in left if (each.text, each.link) == (one.text, one.link)), None)
        if same is not None:
            kept[position] = same.creative
            left.remove(same)
    others = [position for position in range(len(wanted)) if position not in kept]
    renewed = {position: each.creative for position, each in zip(others, left, strict=False)}
    return TextPlan(
        kept, renewed, tuple(others[len(left) :]), tuple(each.creative for each in left[len(others) :])
    )
