"""Campaign documents as values: faults with pointers, codes and two languages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from inventory.document import DocumentRefusedError, Standards, read_campaign
from inventory.draft import CampaignDraft
from inventory.faults import Fault, path_of, pointer_to
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.response_numbers import shows_number

NOW = datetime(2026, 11, 1, tzinfo=UTC)
STANDARDS = Standards(default_rules(), load_geography(), NOW)


def document(**changes: Any) -> dict[str, Any]:
    """Return a campaign that passes, with changes."""
    return {
        "name": "Buen Fin",
        "brand": "tienda-sol",
        "creatives": [{"text": "Descuentos en tienda sol"}],
        "starts_at": "2026-11-24T09:00:00-06:00",
        "ends_at": "2026-11-30T21:00:00-06:00",
        "quantity": 1000,
    } | changes


def faults(value: object) -> tuple[Fault, ...]:
    """Return what a document is refused for."""
    with pytest.raises(DocumentRefusedError) as refused:
        read_campaign(value, STANDARDS)
    return refused.value.faults


def test_every_fault_speaks_both_languages() -> None:
    """A fault has a pointer, a code, and different Spanish and English sentences."""
    found = faults(document(quantity=0, target={"include": [{"city": "Guadalahara"}]}, colour="red"))
    assert [fault.pointer for fault in found] == ["/quantity", "/colour", "/target/include/0"]
    assert [fault.code for fault in found] == ["greater_than_equal", "extra_forbidden", "unknown_place"]
    assert all(fault.es and fault.en and fault.es != fault.en for fault in found)


def test_texts_are_checked_even_when_the_shape_is_wrong() -> None:
    """One answer lists a wrong quantity, a refused text and an unknown place together."""
    found = faults(
        document(quantity="many", creatives=[{"text": "Promoción"}], target={"include": [{"lada": "200"}]})
    )
    assert {fault.pointer for fault in found} == {"/quantity", "/creatives/0/text", "/target/include/0"}


def test_a_refused_text_comes_with_one_that_would_pass() -> None:
    """The suggestion is part of both sentences."""
    (fault,) = faults(document(creatives=[{"text": "Promoción en tienda sol"}]))
    assert fault.es.endswith("Se puede usar: Promocion en tienda sol")
    assert fault.en.endswith("This would pass: Promocion en tienda sol")


def test_a_campaign_that_ends_now_is_too_late() -> None:
    """The window is half open: what ends at this very instant is over, a second later it is not."""
    start, end = NOW - timedelta(days=1), NOW
    (fault,) = faults(document(starts_at=start.isoformat(), ends_at=end.isoformat()))
    assert fault.code == "too_late"
    later = (NOW + timedelta(seconds=1)).isoformat()
    assert isinstance(
        read_campaign(document(starts_at=start.isoformat(), ends_at=later), STANDARDS), CampaignDraft
    )


@pytest.mark.parametrize("written", ["5501234567", "55 0123 4567", "+52 1 55 0123 4567"])
def test_a_response_number_is_known_by_its_digits(written: str) -> None:
    """Whatever form it is written in, it is the same number of the pool."""
    assert read_campaign(document(response_number=written), STANDARDS).response_number == "5501234567"


def test_a_response_number_must_be_one() -> None:
    """Words are a fault of that field."""
    [fault] = faults(document(response_number="cartel"))
    assert (fault.pointer, fault.code) == ("/response_number", "bad_number")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Marca 5501234567", True),
        ("Marca 01 5501234567, gratis", True),
        ("Marca 015501234567", True),
        ("Marca 5501234568", False),
        ("Buen Fin", False),
        ("Folio 15501234567", False),
    ],
)
def test_a_text_shows_a_number_in_one_run(text: str, shown: bool) -> None:
    """In any form that is dialled; a longer number that ends alike is another one."""
    assert shows_number(text, "5501234567") is shown


def test_caps_spacing_and_competitors_are_read() -> None:
    """A cap counts the campaign's own ads unless it says whose; what asks for nothing is nothing."""
    read = read_campaign(
        document(
            frequency_caps=[{"count": 1, "per": "day"}, {"count": 3, "per": "flight", "scope": "brand"}],
            spacing_minutes=60,
            exclude_brands=["tienda-luna", "category:banca"],
            exclude_callers=["911", "800*"],
        ),
        STANDARDS,
    )
    assert read.frequency_caps == (
        FrequencyCap(1, Per.DAY, Scope.CAMPAIGN),
        FrequencyCap(3, Per.FLIGHT, Scope.BRAND),
    )
    assert read.exclude_callers == ("911", "800*")
    assert (read.spacing_minutes, read.exclude_brands) == (60, ("tienda-luna", "category:banca"))


@pytest.mark.parametrize(
    ("field", "value", "pointer"),
    [
        ("frequency_caps", [{"count": 0, "per": "day"}], "/frequency_caps/0/count"),
        ("frequency_caps", [{"count": 1, "per": "month"}], "/frequency_caps/0/per"),
        ("frequency_caps", [{"per": "day"}], "/frequency_caps/0/count"),
        ("spacing_minutes", 0, "/spacing_minutes"),
        ("spacing_minutes", 10081, "/spacing_minutes"),
        ("exclude_brands", ["tienda-luna", "tienda-sol"], "/exclude_brands/1"),
        ("exclude_brands", ["category:"], "/exclude_brands/0"),
        ("exclude_callers", ["911", "¿?"], "/exclude_callers/1"),
    ],
)
def test_bad_caps_are_faults(field: str, value: object, pointer: str) -> None:
    """Each with its place in the document; no campaign competes with its own brand."""
    assert [fault.pointer for fault in faults(document(**{field: value}))] == [pointer]


def test_a_campaign_may_make_good_what_failed() -> None:
    """The draft says so; anything else is a fault of that field."""
    assert read_campaign(document(make_good="failed"), STANDARDS).make_good == "failed"
    assert [fault.pointer for fault in faults(document(make_good="all"))] == ["/make_good"]


@pytest.mark.parametrize("field", ["frequency_caps", "exclude_callers", "exclude_brands"])
@pytest.mark.parametrize("value", [None, []])
def test_empty_lists_ask_for_nothing(field: str, value: object) -> None:
    """Null and the empty list of such a field are accepted."""
    assert isinstance(read_campaign(document(**{field: value}), STANDARDS), CampaignDraft)


@pytest.mark.parametrize("value", [None, True, 5, "Buen Fin", [], [document()]])
def test_what_is_no_object_is_one_fault(value: object) -> None:
    """A document that is no object is refused as a whole."""
    (fault,) = faults(value)
    assert (fault.pointer, fault.code) == ("", "model_type")


@pytest.mark.parametrize("value", [True, "1000", 1000.0, 10**13])
def test_a_quantity_is_a_whole_number(value: object) -> None:
    """Nothing is turned into a number, and a number must fit the ledger."""
    assert [fault.pointer for fault in faults(document(quantity=value))] == ["/quantity"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(
    field=st.sampled_from([*document(), "class", "target", "hours", "pacing", "labels", "category"]),
    value=JSON_VALUES,
)
def test_any_value_is_a_draft_or_faults(field: str, value: object) -> None:
    """Whatever JSON a field holds, the answer is a draft or faults inside that document, never a crash."""
    assert well_formed(document(**{field: value}))


def well_formed(value: object) -> bool:
    """Tell whether reading gives a draft, or faults that all point somewhere."""
    try:
        read = read_campaign(value, STANDARDS)
    except DocumentRefusedError as refused:
        return bool(refused.faults) and all(not f.pointer or f.pointer[0] == "/" for f in refused.faults)
    return isinstance(read, CampaignDraft)


@given(st.lists(st.text() | st.integers(min_value=0)))
def test_pointers_are_read_as_they_are_written(path: list[str | int]) -> None:
    """A path survives RFC 6901, slashes and tildes included."""
    assert path_of(pointer_to(path)) == [str(part) for part in path]
