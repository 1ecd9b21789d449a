"""Names: what an advertiser may write for a place, and what the data says of it."""

import pytest

from adapters.files.reference_data import load_geography
from segments.geography import AmbiguousNameError, Geography, Lada, Municipality, State, UnknownNameError

GEOGRAPHY = load_geography()


def test_the_tables_agree_with_each_other() -> None:
    """32 states; municipalities and main cities lie in the states and municipalities they name."""
    assert len(GEOGRAPHY.states) == 32
    assert len(GEOGRAPHY.ladas) == 413
    for municipality in GEOGRAPHY.municipalities.values():
        assert GEOGRAPHY.states[municipality.state].inegi == municipality.code[:2]
    for lada in GEOGRAPHY.ladas.values():
        main = GEOGRAPHY.municipalities[lada.municipality]
        assert (lada.state, lada.timezone) == (main.state, main.timezone)
        assert lada.municipality in lada.municipalities


@pytest.mark.parametrize(
    "text",
    [
        "Mérida, MX-YUC",
        "merida, mx-yuc",
        "MÉRIDA,MX-YUC",
        "  Me\u0301rida ,  MX-YUC ",
        "Mérida",
        "Mérida, Yucatán",
        "merida, yucatan",
    ],
)
def test_a_city_is_found_whatever_its_accents_and_letter_case(text: str) -> None:
    """The label, its plain-letter forms and the name alone lead to the same city."""
    city = GEOGRAPHY.find_city(text)
    assert (city.label, city.ladas, city.municipalities) == (
        "Mérida, MX-YUC",
        frozenset({"990", "999"}),
        frozenset({"31050"}),
    )


def test_every_city_is_found_by_its_label() -> None:
    """Each label in the list leads back to its city."""
    for label, city in GEOGRAPHY.cities.items():
        assert GEOGRAPHY.find_city(label) is city


def test_a_city_is_found_by_either_of_its_two_names() -> None:
    """What stands in parentheses is a name of its own."""
    assert GEOGRAPHY.find_city("Durango, MX-DUR") is GEOGRAPHY.find_city("Victoria de Durango")


def test_mexico_city_is_made_of_all_its_boroughs() -> None:
    """The city of LADA 55 and 56 holds the sixteen municipality codes of its state."""
    city = GEOGRAPHY.find_city("Ciudad de México, MX-CMX")
    assert city.ladas == {"55", "56"}
    assert city.municipalities == {f"090{number:02}" for number in range(2, 18)}


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Guadalahara, MX-JAL", "Guadalajara, MX-JAL"),
        ("Guadalajara, MX-NLE", "Guadalajara, MX-JAL"),
        ("Gudalajara", "Guadalajara, MX-JAL"),
        ("Zapopan, MX-JAL", "municipality 14120 (Zapopan, MX-JAL)"),
    ],
)
def test_an_unknown_city_is_refused_with_the_nearest(text: str, suggestion: str) -> None:
    """A misspelt city, a wrong state and a mere municipality each get the name that was meant."""
    with pytest.raises(UnknownNameError) as caught:
        GEOGRAPHY.find_city(text)
    assert caught.value.suggestions[0] == suggestion
    assert suggestion in str(caught.value)


@pytest.mark.parametrize("text", ["", ",", "qqqqqqq", "MX-JAL", ", MX-JAL"])
def test_a_name_like_no_other_is_refused_all_the_same(text: str) -> None:
    """Nothing is guessed from text that resembles no city."""
    with pytest.raises(UnknownNameError):
        GEOGRAPHY.find_city(text)


def test_a_name_that_two_cities_bear_needs_its_state() -> None:
    """An ambiguous name is refused with both labels, and found with its state."""
    states = [State("MX-AAA", "01", "Uno"), State("MX-BBB", "02", "Dos")]
    municipalities = [
        Municipality(code, "Nava", state.code, "America/Tijuana")
        for code, state in zip(("01001", "02001"), states, strict=True)
    ]
    ladas = [
        Lada(code, "Nava", each.state, each.code, each.timezone, 0.5, (), (each.code,))
        for code, each in zip(("222", "333"), municipalities, strict=True)
    ]
    geography = Geography(states, municipalities, ladas)
    with pytest.raises(AmbiguousNameError) as caught:
        geography.find_city("nava")
    assert caught.value.suggestions == ("Nava, MX-AAA", "Nava, MX-BBB")
    assert geography.find_city("nava, dos").ladas == {"333"}


@pytest.mark.parametrize(
    ("find", "text", "suggestion"),
    [
        (GEOGRAPHY.find_state, "Jalisco", "MX-JAL"),
        (GEOGRAPHY.find_state, "mx-jal", "MX-JAL"),
        (GEOGRAPHY.find_municipality, "14999", "14099"),
        (GEOGRAPHY.find_municipality, "zapopan", "municipality 14120 (Zapopan, MX-JAL)"),
        (GEOGRAPHY.find_lada, "guadalajara", "33"),
    ],
)
def test_codes_are_written_exactly(find: object, text: str, suggestion: str) -> None:
    """A state, municipality or LADA is its code; a name in its place is answered with the code."""
    assert callable(find)
    with pytest.raises(UnknownNameError) as caught:
        find(text)
    assert suggestion in caught.value.suggestions


def test_straddling_ladas_tell_the_shares_of_their_states() -> None:
    """78 LADAs span states; 871 is 61 % Coahuila and 39 % Durango, 55 is half Estado de México."""
    straddling = {lada.code: lada for lada in GEOGRAPHY.straddling}
    assert len(straddling) == 78
    assert [(each.state, round(each.share, 2)) for each in straddling["871"].shares] == [
        ("MX-COA", 0.61),
        ("MX-DUR", 0.39),
    ]
    for code in ("55", "56"):
        assert [each.state for each in straddling[code].shares] == ["MX-MEX", "MX-CMX"]
        assert straddling[code].shares[0].share == pytest.approx(0.53, abs=0.01)
    for lada in straddling.values():
        assert sum(each.share for each in lada.shares) == pytest.approx(1, abs=0.001)


def test_weights_cover_every_lada_and_add_up_to_one() -> None:
    """The simulator's traffic mix leaves no LADA out."""
    assert set(GEOGRAPHY.weights) == set(GEOGRAPHY.ladas)
    assert min(GEOGRAPHY.weights.values()) > 0
    assert sum(GEOGRAPHY.weights.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("code", [99_999_055, 14_039_210, 0])
def test_a_place_code_of_unknown_parts_is_refused(code: int) -> None:
    """A stored code whose municipality or LADA is not in the data is an error, not a wrong place."""
    with pytest.raises(UnknownNameError):
        GEOGRAPHY.place_by_code(code)
