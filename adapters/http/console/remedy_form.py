"""A remedy on its way into the campaign form: the link that opens it, and what it then shows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import tzinfo
from typing import Any
from urllib.parse import urlencode

from multidict import MultiMapping

from adapters.http.console.campaign_form import FormValues, written

# Where in the form each remedy is to be seen.
_ANCHORS: Mapping[str, str] = {"dates": "ends_at", "target": "h-where", "text": "texts"}


def link_of(campaign: str, told: Mapping[str, Any], zone: tzinfo) -> str:
    """Return the path of a campaign's form with what a remedy changes; a text is left to its author."""
    change = told["change"]
    fields: list[tuple[str, str]] = [("change", change)]
    if change == "dates":
        fields.append(("ends_at", told["closes"].astimezone(zone).strftime("%Y-%m-%dT%H:%M")))
    elif change == "target":
        fields += [(side, each) for side in ("include", "exclude") for each in written(told["target"][side])]
    return f"/campaigns/{campaign}/edit?{urlencode(fields)}#{_ANCHORS[change]}"


def remedied(values: FormValues, query: MultiMapping[str]) -> FormValues:
    """Return the form's values with what the link changes."""
    match query.get("change"):
        case "dates":
            return replace(values, ends_at=query.get("ends_at", values.ends_at))
        case "target":
            include, exclude = (query.getall(side, []) for side in ("include", "exclude"))
            return replace(values, include=include, exclude=exclude)
        case _:
            return values
