"""The campaign form: from what a browser posts to the contract's document, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_TEXTS = 20
# What the form does not show; a copy of a campaign keeps it.
_KEPT = ("labels", "make_good", "frequency_caps", "spacing_minutes", "exclude_brands", "exclude_callers")


@dataclass(frozen=True, slots=True)
class FormText:
    """A text in the form, its share among the campaign's texts, and where its short link leads."""

    text: str = ""
    weight: str = "1"
    link: str = ""


@dataclass(frozen=True, slots=True)
class FormValues:
    """The form's fields as a browser has them; times are local ("2026-11-24T09:00") or empty."""

    name: str = ""
    brand: str = ""
    category: str = ""
    campaign_class: str = "standard"
    pacing: str = "even"
    texts: Sequence[FormText] = (FormText(),)
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    starts_at: str = ""
    ends_at: str = ""
    days: Sequence[str] = DAYS
    opens: str = ""
    closes: str = ""
    quantity: str = ""
    response_number: str = ""
    kept: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept_json(self) -> str:
        """What the form carries along unseen."""
        return json.dumps(self.kept, ensure_ascii=False)


def posted(form: Mapping[str, str], lists: Mapping[str, Sequence[str]]) -> FormValues:
    """Return the values that a browser posted."""
    numbers = [number for number in range(1, MOST_TEXTS + 1) if f"text-{number}" in form]
    texts = [
        FormText(
            form[f"text-{number}"], form.get(f"weight-{number}", "1"), form.get(f"link-{number}", "").strip()
        )
        for number in numbers
    ]
    filled = [each for each in texts if each.text] or texts[:1] or [FormText()]
    return FormValues(
        name=form.get("name", ""),
        brand=form.get("brand", ""),
        category=form.get("category", ""),
        campaign_class=form.get("class", "standard"),
        pacing=form.get("pacing", "even"),
        texts=filled,
        include=lists.get("include", ()),
        exclude=lists.get("exclude", ()),
        starts_at=form.get("starts_at", ""),
        ends_at=form.get("ends_at", ""),
        days=[day for day in lists.get("day", ()) if day in DAYS],
        opens=form.get("opens", ""),
        closes=form.get("closes", ""),
        quantity=form.get("quantity", ""),
        response_number=form.get("response_number", "").strip(),
        kept=_kept(form.get("kept", "")),
    )


def document_of(values: FormValues, zone: tzinfo) -> dict[str, Any]:
    """Return the campaign document that the values stand for; what can't be read stays as it was typed."""
    document: dict[str, Any] = {
        "name": values.name,
        "brand": values.brand,
        "class": values.campaign_class,
        "pacing": values.pacing,
        "creatives": [_creative(each) for each in values.texts],
        "target": {"include": places_of(values.include), "exclude": places_of(values.exclude)},
        "starts_at": instant_of(values.starts_at, zone),
        "ends_at": instant_of(values.ends_at, zone),
        "quantity": _whole(values.quantity) if values.quantity.strip() else None,
    }
    document["response_number"] = values.response_number or None
    if values.category:
        document["category"] = values.category
    if "hours" not in values.kept:
        document["hours"] = _hours(values)
    return {**document, **values.kept}


def values_of(document: Mapping[str, Any], zone: tzinfo) -> FormValues:
    """Return the values that show a document, be it a campaign or a draft with faults."""
    hours = document.get("hours") or []
    hours = [hours] if isinstance(hours, Mapping) else hours if isinstance(hours, list) else []
    window = hours[0] if len(hours) == 1 and isinstance(hours[0], Mapping) else {}
    kept = {name: document[name] for name in _KEPT if document.get(name)}
    if len(hours) > 1:
        kept["hours"] = hours
    target = document.get("target")
    sides = target if isinstance(target, Mapping) else {}
    creatives = document.get("creatives")
    texts = [
        FormText(str(each.get("text", "")), str(each.get("weight", 1)), str(each.get("link") or ""))
        for each in (creatives if isinstance(creatives, list) else [])
        if isinstance(each, Mapping)
    ]
    quantity = document.get("quantity")
    return FormValues(
        name=str(document.get("name") or ""),
        brand=str(document.get("brand") or ""),
        category=str(document.get("category") or ""),
        campaign_class=str(document.get("class") or "standard"),
        pacing=str(document.get("pacing") or "even"),
        texts=texts or [FormText()],
        include=written(sides.get("include")),
        exclude=written(sides.get("exclude")),
        starts_at=_local(document.get("starts_at"), zone),
        ends_at=_local(document.get("ends_at"), zone),
        days=window.get("days") or DAYS,
        opens=str(window.get("from", "")),
        closes=str(window.get("to", "")),
        quantity="" if quantity is None else str(quantity),
        response_number=str(document.get("response_number") or ""),
        kept=kept,
    )


def _creative(given: FormText) -> dict[str, Any]:
    creative: dict[str, Any] = {"text": given.text, "weight": _whole(given.weight)}
    return {**creative, "link": given.link} if given.link else creative


def _hours(values: FormValues) -> list[dict[str, Any]]:
    if not values.opens and not values.closes and len(values.days) in {0, len(DAYS)}:
        return []
    opens, closes = values.opens or "00:00", values.closes or "24:00"
    return [{"days": list(values.days) or list(DAYS), "from": opens, "to": closes}]


def places_of(written: Sequence[str]) -> list[dict[str, str]]:
    """Return a side of a target from what the picker posts: kind:value."""
    places = (each.partition(":") for each in written)
    return [{kind: value} for kind, _, value in places]


def written(side: object) -> list[str]:
    """Return a side of a target as the picker posts it: kind:value."""
    if not isinstance(side, list):
        return []
    return [f"{kind}:{value}" for each in side if isinstance(each, Mapping) for kind, value in each.items()]


def instant_of(local: str, zone: tzinfo) -> str | None:
    """Return a local time of a form with its offset; None for nothing, as typed what is no time."""
    if not local:
        return None
    try:
        return datetime.fromisoformat(local).replace(tzinfo=zone).isoformat()
    except ValueError:
        return local


def _local(instant: object, zone: tzinfo) -> str:
    if not isinstance(instant, str):
        return ""
    try:
        return datetime.fromisoformat(instant).astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    except (ValueError, OverflowError):
        return ""


def _whole(text: str) -> int | str:
    plain = text.strip().replace(",", "")
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 15 else text


def _kept(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    return {name: given[name] for name in (*_KEPT, "hours") if name in given}
