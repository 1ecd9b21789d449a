"""Campaign fields as the JSON in which they are stored and listed (DESIGN §9)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inventory.campaign import HoursWindow
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


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(clock: str) -> int:
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)
