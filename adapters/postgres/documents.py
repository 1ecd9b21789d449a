"""Campaign fields as the JSON in which they are stored and listed (DESIGN §9)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from inventory.campaign import HoursWindow
from inventory.draft import CampaignDraft
from inventory.frequency import CapDocument, FrequencyCap
from segments.targets import Selector, Target

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def target_document(target: Target) -> dict[str, list[dict[str, str]]]:
    """Return `{"include": [{"state": "MX-JAL"}], "exclude": []}`."""
    return {
        "include": [{selector.kind: selector.value} for selector in target.include],
        "exclude": [{selector.kind: selector.value} for selector in target.exclude],
    }


def target_of(document: Mapping[str, Any]) -> Target:
    """Return the target of a stored document."""
    return Target(tuple(_selectors(document["include"])), tuple(_selectors(document["exclude"])))


def _selectors(entries: Iterable[Mapping[Any, str]]) -> Iterable[Selector]:
    return (Selector(kind, value) for entry in entries for kind, value in entry.items())


def hours_document(hours: Iterable[HoursWindow]) -> list[dict[str, Any]]:
    """Return `[{"days": ["mon"], "from": "09:00", "to": "20:00"}]`."""
    return [
        {
            "days": [DAYS[day] for day in sorted(window.days)],
            "from": _clock(window.start),
            "to": _clock(window.end),
        }
        for window in hours
    ]


def hours_of(document: Sequence[Mapping[str, Any]]) -> tuple[HoursWindow, ...]:
    """Return the windows of a stored document."""
    return tuple(
        HoursWindow(
            frozenset(DAYS.index(day) for day in window["days"]),
            _minutes(window["from"]),
            _minutes(window["to"]),
        )
        for window in document
    )


def exposure_document(draft: CampaignDraft) -> dict[str, Any]:
    """Return a draft's caps, spacing, competitors and callers as `campaigns.exposure` holds them."""
    return {
        "frequency_caps": [cap.document() for cap in draft.frequency_caps],
        "spacing_minutes": draft.spacing_minutes,
        "exclude_brands": list(draft.exclude_brands),
        "exclude_callers": list(draft.exclude_callers),
    }


def exposure_shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored one by the names of a campaign's document, whatever it lacks."""
    return {
        "frequency_caps": document.get("frequency_caps", []),
        "spacing_minutes": document.get("spacing_minutes"),
        "exclude_brands": document.get("exclude_brands", []),
        "exclude_callers": document.get("exclude_callers", []),
    }


class Exposure(TypedDict):
    """The same as the fields of campaigns and drafts."""

    frequency_caps: tuple[FrequencyCap, ...]
    spacing_minutes: int | None
    exclude_brands: tuple[str, ...]
    exclude_callers: tuple[str, ...]


def exposure_of(document: Mapping[str, Any]) -> Exposure:
    """Return the fields of a stored one."""
    shown = exposure_shown(document)
    return Exposure(
        frequency_caps=tuple(CapDocument.model_validate(cap).cap for cap in shown["frequency_caps"]),
        spacing_minutes=shown["spacing_minutes"],
        exclude_brands=tuple(shown["exclude_brands"]),
        exclude_callers=tuple(shown["exclude_callers"]),
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
