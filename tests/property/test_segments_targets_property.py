"""Laws of targets: what holds for any set of selectors."""

from hypothesis import given
from hypothesis import strategies as st

from adapters.files.reference_data import load_geography, load_numbering
from segments.targets import Selector, Target, check_target, compile_target

GEOGRAPHY = load_geography()
NUMBERING = load_numbering()
EVERYWHERE = frozenset(range(len(NUMBERING.places)))

selectors = st.one_of(
    st.builds(Selector, st.just("state"), st.sampled_from(sorted(GEOGRAPHY.states))),
    st.builds(Selector, st.just("city"), st.sampled_from(sorted(GEOGRAPHY.cities))),
    st.builds(Selector, st.just("municipality"), st.sampled_from(sorted(GEOGRAPHY.municipalities))),
    st.builds(Selector, st.just("lada"), st.sampled_from(sorted(GEOGRAPHY.ladas))),
)
sides = st.lists(selectors, max_size=5).map(tuple)


def places(include: tuple[Selector, ...] = (), exclude: tuple[Selector, ...] = ()) -> frozenset[int]:
    """Compile a target against the packaged data."""
    return compile_target(Target(include, exclude), NUMBERING, GEOGRAPHY)


def matches(selector: Selector, index: int) -> bool:
    """Restate DESIGN §9 for one selector and one place."""
    place = NUMBERING.places[index]
    if selector.kind == "state":
        return place.state == selector.value
    if selector.kind == "lada":
        return place.lada == selector.value
    if selector.kind == "municipality":
        return place.municipality == selector.value
    city = GEOGRAPHY.cities[selector.value]
    if place.municipality is None:
        return place.lada in city.ladas
    return place.municipality in city.municipalities


@given(sides, sides)
def test_a_target_is_its_includes_without_its_excludes(
    include: tuple[Selector, ...], exclude: tuple[Selector, ...]
) -> None:
    """A place is covered when some include (or none at all is given) and no exclude matches it."""
    expected = {
        index
        for index in EVERYWHERE
        if (not include or any(matches(each, index) for each in include))
        and not any(matches(each, index) for each in exclude)
    }
    assert places(include, exclude) == expected


@given(selectors)
def test_every_name_of_the_data_covers_something(selector: Selector) -> None:
    """No state, city, municipality or LADA that an advertiser can pick is empty, and none is faulted."""
    assert places((selector,))
    assert check_target(Target((selector,)), GEOGRAPHY) == []


@given(sides, sides)
def test_a_target_survives_its_document(include: tuple[Selector, ...], exclude: tuple[Selector, ...]) -> None:
    """Written as JSON and read again, a target is the same."""
    target = Target(include, exclude)
    assert Target.from_document(target.as_document()) == target


def test_the_states_cut_the_country_into_parts() -> None:
    """Each place belongs to exactly one state, and so does each to one LADA."""
    for kind, codes in (("state", GEOGRAPHY.states), ("lada", GEOGRAPHY.ladas)):
        parts = [places((Selector(kind, code),)) for code in codes]  # type: ignore[arg-type]  # a literal each
        assert frozenset().union(*parts) == EVERYWHERE
        assert sum(map(len, parts)) == len(EVERYWHERE)
