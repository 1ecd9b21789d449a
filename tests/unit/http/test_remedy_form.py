"""Tests of adapters.http.console.remedy_form."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from multidict import MultiDict

from adapters.http.console.campaign_form import FormValues
from adapters.http.console.remedy_form import link_of, remedied

ZONE = ZoneInfo("America/Mexico_City")
BEFORE = FormValues(
    name="Buen Fin", include=("state:MX-JAL",), exclude=("lada:33",), ends_at="2026-11-30T21:00"
)


def followed(link: str) -> FormValues:
    """Return what the form shows of BEFORE when a link is followed."""
    return remedied(BEFORE, MultiDict(parse_qsl(urlsplit(link).query)))


def test_a_remedy_opens_the_form_with_its_field_filled_in() -> None:
    """Only what it changes is another value; the end is on the form's clock; a text is left to its author."""
    later = {"change": "dates", "closes": datetime(2026, 12, 3, 3, 0, tzinfo=UTC)}
    assert link_of("7", later, ZONE).startswith("/campaigns/7/edit?")
    shown = followed(link_of("7", later, ZONE))
    assert (shown.ends_at, shown.name, shown.include) == ("2026-12-02T21:00", BEFORE.name, BEFORE.include)
    target = {"include": [{"state": "MX-JAL"}, {"municipality": "14039"}], "exclude": [{"lada": "33"}]}
    shown = followed(link_of("7", {"change": "target", "target": target}, ZONE))
    assert (shown.include, shown.exclude) == (["state:MX-JAL", "municipality:14039"], ["lada:33"])
    shown = followed(link_of("7", {"change": "target", "target": {"include": [], "exclude": []}}, ZONE))
    assert (shown.include, shown.exclude, shown.ends_at) == ([], [], BEFORE.ends_at)
    assert followed(link_of("7", {"change": "text", "characters": 40}, ZONE)) == BEFORE
