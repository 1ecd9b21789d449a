"""The campaign form: what a browser posts becomes the contract's document, and comes back as it was."""

from typing import Any

import pytest

from adapters.files.reference_data import load_geography
from adapters.http.console.campaign_form import DAYS, FormText, document_of, posted, values_of
from adapters.http.console.places import TILES
from adapters.http.console.text_check import Piece, handset, pieces, with_link
from adapters.http.console.visit import local
from adapters.http.console.wording import age, millis, number, octets, percent
from segments.clock import pinned_zone

ZONE = pinned_zone("America/Mexico_City")
DOCUMENT: dict[str, Any] = {
    "name": "Buen Fin",
    "brand": "tienda-sol",
    "category": "retail",
    "class": "guaranteed",
    "pacing": "asap",
    "creatives": [
        {"text": "Buen Fin, mi.tienda/sol", "weight": 2},
        {"text": "Hola", "weight": 1, "link": "https://tienda.example/hola"},
    ],
    "target": {
        "include": [{"state": "MX-JAL"}, {"lada": "55"}],
        "exclude": [{"city": "Guadalajara, MX-JAL"}],
    },
    "starts_at": "2026-11-24T09:00:00-06:00",
    "ends_at": "2026-11-30T21:00:00-06:00",
    "hours": [{"days": ["mon", "sat"], "from": "09:00", "to": "20:00"}],
    "quantity": 100000,
    "response_number": "5501234567",
}


def test_a_document_comes_back_as_it_was() -> None:
    """What the form shows of a campaign is what it would send."""
    assert document_of(values_of(DOCUMENT, ZONE), ZONE) == DOCUMENT


def test_what_the_form_does_not_show_is_kept() -> None:
    """Labels, and hours of several windows, survive an edit in the browser."""
    windows = [{"from": "09:00", "to": "12:00"}, {"from": "16:00", "to": "20:00"}]
    whole = {**DOCUMENT, "labels": {"plaza": "norte"}, "hours": windows}
    values = values_of(whole, ZONE)
    form = {"name": "Buen Fin", "text-1": "Hola", "kept": values.kept_json}
    document = document_of(posted(form, {}), ZONE)
    assert (document["labels"], document["hours"]) == (whole["labels"], windows)


def test_what_cannot_be_read_stays_as_it_was_typed() -> None:
    """The API tells what is wrong with it, instead of the form guessing."""
    form = {
        "starts_at": "mañana",
        "quantity": "muchos",
        "text-1": "Hola",
        "weight-1": "x",
        "kept": "{[",
        "opens": "9",
    }
    document = document_of(posted(form, {"include": ["nowhere"], "day": ["lun"]}), ZONE)
    assert (document["starts_at"], document["quantity"]) == ("mañana", "muchos")
    assert document["creatives"] == [{"text": "Hola", "weight": "x"}]
    assert document["target"]["include"] == [{"nowhere": ""}]
    assert document["hours"] == [{"days": list(DAYS), "from": "9", "to": "24:00"}]


def test_a_draft_of_any_shape_can_be_shown() -> None:
    """A draft keeps what was sent over the API, however odd."""
    odd = {"creatives": [1, {"text": 3}], "target": {"include": [1], "exclude": {}}, "hours": 7, "ends_at": 5}
    assert values_of(odd, ZONE).texts[0].text == "3"
    assert values_of({"target": [], "creatives": {}}, ZONE).include == []


def test_every_state_has_its_tile() -> None:
    """32 states, no two on one place."""
    assert set(TILES) == set(load_geography().states)
    assert len(set(TILES.values())) == 32


def test_faults_are_marked_where_they_are() -> None:
    """Pieces add up to the text; an error covers a warning."""
    findings = [
        {"severity": "warning", "start": 0, "length": 6},
        {"severity": "error", "start": 4, "length": 1},
    ]
    cut = pieces("Hola: adios", findings)
    assert cut == [Piece("Hola", "warning"), Piece(":", "error"), Piece(" ", "warning"), Piece("adios", "")]


def test_the_handset_says_how_much_room_is_left() -> None:
    """Beside the sample an ad of 90 fits; what no SMS can hold has no room."""
    assert handset("x" * 90, " ").left == 160 - len(handset("", "").notification) - 1 - 90
    assert handset("漢", " ").left is None


@pytest.mark.parametrize(
    "path", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\nb", ""]
)
def test_nobody_is_sent_elsewhere(path: str) -> None:
    """`next` leads to this console only."""
    assert local(path) == "/"


def test_figures_are_short() -> None:
    """Thousands apart, shares in percent, sizes and ages in the unit that fits."""
    assert [number(1234567), number(3.25), number(None)] == ["1,234,567", "3.2", "–"]
    assert [percent(0.613), percent(0.05), percent(None)] == [
        "61\N{NO-BREAK SPACE}%",
        "5\N{NO-BREAK SPACE}%",
        "–",
    ]
    assert [millis(0.0005), millis(2.5), millis(None)] == ["≤ 0.5 ms", "≤ 2.5 s", "–"]
    assert [age(3.21), age(600), age(9000), age(None)] == ["3.2 s", "10 min", "2 h", "–"]
    assert [octets(12), octets(1234567), octets(5 * 10**9)] == ["12 B", "1.23 MB", "5.0 GB"]


def test_a_text_is_looked_at_with_its_link_as_short_as_it_will_be() -> None:
    """The address in the text gives way to a short link, and what is wrong with it is told."""
    address = "https://tienda.example/ofertas/de/noviembre"
    text, faults = with_link(FormText(f"Todo en {address}", link=address), "sol.mx")
    assert (text, faults) == ("Todo en sol.mx/r/xxxxxxx", [])
    _, faults = with_link(FormText("Todo en la tienda", link=address), "sol.mx")
    assert [each.code for each in faults] == ["link_not_in_text"]
    _, faults = with_link(FormText(f"Todo en {address}", link=address), None)
    assert [each.code for each in faults] == ["no_public_url"]
    assert (
        with_link(FormText("Ya en sol.mx/r/2345678", link=address), "sol.mx")[0] == "Ya en sol.mx/r/2345678"
    )
    assert with_link(FormText("Hola"), "sol.mx") == ("Hola", [])
