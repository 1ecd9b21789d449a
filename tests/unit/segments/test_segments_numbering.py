"""Ranges over LADAs: which place a subscriber gets, and who decided."""

import csv
import gzip
from bisect import bisect_right
from importlib.resources import files
from pathlib import Path

import pytest

from adapters.files.reference_data import load_geography, load_numbering
from segments.geography import Geography, UnknownNameError
from segments.numbering import Numbering, NumberRange, RangeError, check_range
from segments.places import Place

FIXTURE = Path(__file__).parents[3] / "fixtures" / "numbering" / "ranges.csv"

PACKAGED = load_numbering()
SMALL = Geography((), load_geography().municipalities.values(), [load_geography().ladas["55"]])
FIXED = load_numbering(FIXTURE)


def packaged_ranges() -> list[tuple[int, int, str]]:
    """Read the packaged table anew: (first, last, municipality), by first number."""
    packed = files("segments").joinpath("data", "ranges.csv.gz").read_bytes()
    rows = csv.DictReader(gzip.decompress(packed).decode().splitlines())
    return [(int(row["start"]), int(row["start"]) + int(row["count"]) - 1, row["inegi_mun"]) for row in rows]


def place(numbering: Numbering, subscriber: int) -> Place:
    """Return the place of a number that must have one."""
    index = numbering.place_of(subscriber)
    assert index >= 0
    return numbering.places[index]


def test_both_ends_of_every_range_and_their_neighbours_agree_with_the_table() -> None:
    """At each boundary the place is what a plain search of the packaged table says."""
    ranges = packaged_ranges()
    firsts = [first for first, _, _ in ranges]
    two_digits = {"33", "55", "56", "81"}
    for first, last, _ in ranges:
        for subscriber in (first - 1, first, last, last + 1):
            at = bisect_right(firsts, subscriber) - 1
            inside = at >= 0 and subscriber <= ranges[at][1]
            digits = str(subscriber)
            lada = digits[:2] if digits[:2] in two_digits else digits[:3]
            index = PACKAGED.place_of(subscriber)
            if lada not in load_geography().ladas:
                assert index == -1
                continue
            found = PACKAGED.places[index]
            assert (found.lada, found.municipality) == (lada, ranges[at][2] if inside else None)


def test_the_packaged_ranges_are_disjoint_sorted_and_sound() -> None:
    """Each packaged range lies in one LADA and one known municipality, after the one before it."""
    end = 0
    for first, last, municipality in packaged_ranges():
        check_range(NumberRange(first, last - first + 1, municipality), load_geography())
        assert first >= end
        end = last + 1


def test_every_lada_of_the_data_resolves() -> None:
    """LADA + 0 + digits of each LADA is decided by the LADA: its own state and time zone."""
    for lada in load_geography().ladas.values():
        found = place(PACKAGED, int(lada.code.ljust(10, "0")) + 1234)
        assert (found.lada, found.municipality, found.decided_by) == (lada.code, None, "lada")
        assert (found.state, found.timezone) == (lada.state, lada.timezone)
        assert found.code == int(lada.code)


def test_an_unassigned_lada_is_no_place() -> None:
    """A LADA that nobody has yields -1, and `locate` finds nobody."""
    assert "210" not in load_geography().ladas
    assert PACKAGED.place_of(2100123456) == -1
    assert PACKAGED.place_of(0) == -1
    assert PACKAGED.place_of(9_999_999_999) >= 0
    assert PACKAGED.place_of(10_000_000_000) == -1
    assert PACKAGED.locate(b"2100123456") is None
    assert PACKAGED.locate(b"") is None


def test_places_are_dense_and_their_codes_name_them() -> None:
    """No place occurs twice; a code leads back to its place, by index and by name."""
    for index, each in enumerate(FIXED.places):
        assert FIXED.index_by_code[each.code] == index
        assert each.code == int(each.municipality or 0) * 1000 + int(each.lada)
        assert load_geography().place_by_code(each.code) == each
        assert FIXED.timezones[FIXED.zone_of[index]] == each.timezone
    assert len(FIXED.index_by_code) == len(FIXED.places)


@pytest.mark.parametrize(
    ("address", "municipality", "state", "timezone", "decided_by"),
    [
        (b"5501234567", "15104", "MX-MEX", "America/Mexico_City", "range"),
        (b"5503012345", "09007", "MX-CMX", "America/Mexico_City", "range"),
        (b"5504012345", None, "MX-CMX", "America/Mexico_City", "lada"),
        (b"5609012345", None, "MX-CMX", "America/Mexico_City", "lada"),
        (b"3301234567", "14039", "MX-JAL", "America/Mexico_City", "range"),
        (b"3302345678", "14120", "MX-JAL", "America/Mexico_City", "range"),
        (b"8101234567", "19039", "MX-NLE", "America/Monterrey", "range"),
        (b"8710123456", "05035", "MX-COA", "America/Monterrey", "range"),
        (b"8710234567", "10007", "MX-DUR", "America/Monterrey", "range"),
        (b"8710912345", None, "MX-COA", "America/Monterrey", "lada"),
        (b"3220012345", "14067", "MX-JAL", "America/Mexico_City", "range"),
        (b"3220112345", "18020", "MX-NAY", "America/Bahia_Banderas", "range"),
        (b"8670112345", "19005", "MX-NLE", "America/Matamoros", "range"),
        (b"6640012345", "02004", "MX-BCN", "America/Tijuana", "range"),
        (b"6640912345", None, "MX-BCN", "America/Tijuana", "lada"),
        (b"6560012345", "08037", "MX-CHH", "America/Ciudad_Juarez", "range"),
        (b"6560912345", None, "MX-CHH", "America/Ciudad_Juarez", "lada"),
        (b"6260012345", None, "MX-CHH", "America/Ojinaga", "lada"),
        (b"6140012345", None, "MX-CHH", "America/Chihuahua", "lada"),
        (b"6620012345", "26030", "MX-SON", "America/Hermosillo", "range"),
        (b"9980012345", "23005", "MX-ROO", "America/Cancun", "range"),
        (b"9980912345", None, "MX-ROO", "America/Cancun", "lada"),
        (b"8780012345", None, "MX-COA", "America/Matamoros", "lada"),
        (b"8990012345", None, "MX-TAM", "America/Matamoros", "lada"),
        (b"9990012345", None, "MX-YUC", "America/Merida", "lada"),
    ],
)
def test_the_range_decides_else_the_lada(
    address: bytes, municipality: str | None, state: str, timezone: str, decided_by: str
) -> None:
    """A range gives municipality, state and time zone; a number outside them its LADA's main city's."""
    located = FIXED.locate(b"+521" + address)
    assert located is not None
    found = located.place
    assert located.subscriber == address.decode()
    assert (found.municipality, found.state, found.timezone) == (municipality, state, timezone)
    assert located.decided_by == found.decided_by == decided_by


def test_a_later_range_covers_an_earlier_one_and_nothing_beside_it() -> None:
    """A range laid over others changes its own numbers only, to the number, at either end of them too."""
    first = 5501230000
    base = [NumberRange(first, 10, "09015"), NumberRange(first + 10, 10, "09007")]
    for size in (1, 2, 9, 10, 11, 19, 20, 21, 22):
        for start in (first + each for each in (-1, 0, 1, 5, 9, 10, 11, 15, 19, 20)):
            top = NumberRange(start, size, "15104")
            covered = Numbering(SMALL, [*base, top], "")
            ends = {
                edge + beside
                for edge in (first, first + 10, first + 20, start, start + size)
                for beside in (-1, 0)
            }
            for subscriber in ends:
                holders = [each for each in [top, *base] if each.start <= subscriber < each.start + each.size]
                assert place(covered, subscriber).municipality == (
                    holders[0].municipality if holders else None
                )


def test_the_digest_names_the_version_of_the_data() -> None:
    """Other ranges, another digest; the same ranges, the same digest."""
    assert FIXED.digest == load_numbering(FIXTURE).digest
    assert FIXED.digest != PACKAGED.digest


@pytest.mark.parametrize(
    ("numbers", "says"),
    [
        (NumberRange(5500000000, 0, "09015"), "at least one"),
        (NumberRange(550000000, 10, "09015"), "ten-digit"),
        (NumberRange(55000000000, 10, "09015"), "ten-digit"),
        (NumberRange(2100000000, 10, "09015"), "ten-digit"),
        (NumberRange(8719999990, 11, "05035"), "leave LADA 871"),
    ],
)
def test_a_range_that_the_plan_cannot_hold_is_refused(numbers: NumberRange, says: str) -> None:
    """Too few numbers, no LADA, or more than one LADA: refused with the reason."""
    with pytest.raises(RangeError, match=says):
        check_range(numbers, load_geography())


def test_a_range_in_an_unknown_municipality_is_refused() -> None:
    """The municipality of a range must be one of the data's."""
    with pytest.raises(UnknownNameError, match="99999"):
        check_range(NumberRange(5500000000, 10, "99999"), load_geography())
