"""Targets: which places a booking covers, and what is said of one that names nothing."""

from typing import Any

import pytest

from adapters.files.reference_data import load_geography, load_numbering
from segments.geography import UnknownNameError
from segments.targets import Selector, Target, TargetDocumentError, check_target, compile_target

GEOGRAPHY = load_geography()
NUMBERING = load_numbering()


def covered(document: dict[str, Any]) -> set[tuple[str | None, str]]:
    """Return (municipality, LADA) of each place that a target covers."""
    indexes = compile_target(Target.from_document(document), NUMBERING, GEOGRAPHY)
    return {(NUMBERING.places[index].municipality, NUMBERING.places[index].lada) for index in indexes}


def test_an_empty_include_is_the_whole_country() -> None:
    """No selector covers every place, and an exclude takes its own away."""
    assert len(covered({})) == len(NUMBERING.places)
    left = covered({"exclude": [{"state": "MX-JAL"}]})
    jalisco = covered({"include": [{"state": "MX-JAL"}]})
    assert left
    assert jalisco
    assert not left & jalisco
    assert left | jalisco == covered({})


def test_a_municipality_covers_range_decided_subscribers_only() -> None:
    """Municipality 14039 is no LADA-decided place, whichever LADA it lies in."""
    assert covered({"include": [{"municipality": "14039"}]}) == {("14039", "33")}


def test_a_city_covers_its_municipality_and_the_ladas_it_is_main_city_of() -> None:
    """Torreón: its own subscribers, and those whom LADA 870 or 871 alone places; not Gómez Palacio."""
    found = covered({"include": [{"city": "Torreón, MX-COA"}]})
    assert {(None, "870"), (None, "871"), ("05035", "871")} <= found
    assert {municipality for municipality, _ in found} == {None, "05035"}


def test_a_lada_covers_its_subscribers_whichever_decided() -> None:
    """LADA 871 holds Torreón, Gómez Palacio and those without a range."""
    found = covered({"include": [{"lada": "871"}]})
    assert {("05035", "871"), ("10007", "871"), (None, "871")} <= found
    assert {lada for _, lada in found} == {"871"}


def test_a_state_uses_the_range_else_the_main_state_of_the_lada() -> None:
    """Of LADA 871 Durango gets the ranges in Durango; Coahuila its ranges and what no range decides."""
    durango = covered({"include": [{"state": "MX-DUR"}], "exclude": []})
    coahuila = covered({"include": [{"state": "MX-COA"}]})
    assert ("10007", "871") in durango
    assert ("10007", "871") not in coahuila
    assert (None, "871") in coahuila
    assert (None, "871") not in durango


def test_lada_55_is_split_between_two_states_by_range() -> None:
    """Tlalnepantla lies in Estado de México though its LADA's main state is Ciudad de México."""
    mexico = covered({"include": [{"state": "MX-MEX"}]})
    capital = covered({"include": [{"state": "MX-CMX"}]})
    assert ("15104", "55") in mexico
    assert {("09007", "55"), (None, "55"), (None, "56")} <= capital


def test_exclude_beats_include() -> None:
    """What both sides name is out, even when it is named more narrowly on the include side."""
    assert covered({"include": [{"municipality": "14039"}], "exclude": [{"state": "MX-JAL"}]}) == set()


def test_every_fault_of_the_names_is_reported_with_the_nearest() -> None:
    """One fault per unknown name, in document order, in both languages, with what was meant."""
    target = Target(
        include=(
            Selector("city", "Guadalahara, MX-JAL"),
            Selector("lada", "33"),
            Selector("state", "Jalisco"),
        ),
        exclude=(Selector("municipality", "x"), Selector("lada", "034")),
    )
    faults = check_target(target, GEOGRAPHY)
    assert [fault.pointer for fault in faults] == [
        "/target/include/0",
        "/target/include/2",
        "/target/exclude/0",
        "/target/exclude/1",
    ]
    assert "Guadalajara, MX-JAL" in faults[0].es
    assert "¿Quiso decir" in faults[0].es
    assert "Guadalajara, MX-JAL" in faults[0].en
    assert "MX-JAL" in faults[1].en
    assert '{"municipality": "14039"}' in faults[2].es
    with pytest.raises(UnknownNameError):
        compile_target(target, NUMBERING, GEOGRAPHY)


def test_the_document_comes_back_as_it_was() -> None:
    """`as_document` is the inverse of `from_document`."""
    document = {
        "include": [
            {"state": "MX-JAL"},
            {"city": "Guadalajara, MX-JAL"},
            {"lada": "55"},
            {"municipality": "14039"},
        ],
        "exclude": [{"lada": "33"}],
    }
    target = Target.from_document(document)
    assert target.as_document() == document
    assert check_target(target, GEOGRAPHY) == []
    assert Target.from_document({}) == Target()


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"includes": []}, "/target/includes"),
        ({"include": None}, "/target/include"),
        ({"include": {"state": "MX-JAL"}}, "/target/include"),
        ({"include": "MX-JAL"}, "/target/include"),
        ({"include": ["MX-JAL"]}, "/target/include/0"),
        ({"include": [{}]}, "/target/include/0"),
        ({"include": [{"state": "MX-JAL", "lada": "33"}]}, "/target/include/0"),
        ({"include": [{"country": "MX"}]}, "/target/include/0"),
        ({"exclude": [{"state": "MX-JAL"}, {"lada": 33}]}, "/target/exclude/1/lada"),
        ({"include": [{"municipality": None}]}, "/target/include/0/municipality"),
    ],
)
def test_another_shape_is_refused_with_its_place(document: dict[str, Any], pointer: str) -> None:
    """Unknown keys, lists that are none and unquoted codes each point to themselves."""
    with pytest.raises(TargetDocumentError) as caught:
        Target.from_document(document)
    (fault,) = caught.value.faults
    assert fault.pointer == pointer
    assert fault.es
    assert fault.en
