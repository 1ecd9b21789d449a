"""Reading numbering data: a given range table is used whole or refused with its line."""

from pathlib import Path

import pytest

from adapters.files.reference_data import ReferenceDataError, load_numbering
from scripts.build_reference_data import merged

HEADER = b"start,count,inegi_mun\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r":1: the first line must be start,count,inegi_mun"),
        (b"start,inegi_mun,count\n", r":1: the first line"),
        (HEADER + b"5500000000,10\n", r":2: 2 columns"),
        (HEADER + b"\n", r":2: 1 columns"),
        (HEADER + b"5500000000,10,09015\n55O0000010,10,09015\n", r":3: start is '55O0000010'"),
        (HEADER + b"5500000000,-1,09015\n", r":2: count is '-1'"),
        (HEADER + b"5500000000,,09015\n", r":2: count is ''"),
        (HEADER + b"5500000000,0,09015\n", r":2: count is 0"),
        (HEADER + b"5500000000,10000000000,09015\n", r":2: count is '10000000000'"),
        (HEADER + b"2100000000,10,09015\n", r":2: 2100000000 is no ten-digit number of a known LADA"),
        (HEADER + b"5500000000,100000001,09015\n", r":2: .* leave LADA 55"),
        (HEADER + b"5500000000,10,9015\n", r":2: unknown municipality '9015'; near it: .*09015"),
        (HEADER + b"5500000005,10,09015\n5500000000,6,09015\n", r":3: overlaps the range of line 2"),
        (HEADER + b"5500000000,10,09015\n5500000010,10,\xff\n", r":3: not UTF-8"),
    ],
)
def test_a_wrong_range_table_is_refused_with_file_and_line(tmp_path: Path, content: bytes, says: str) -> None:
    """Each mistake is told in one line that names the file and the line."""
    path = tmp_path / "ranges.csv"
    path.write_bytes(content)
    with pytest.raises(ReferenceDataError, match=says) as caught:
        load_numbering(path)
    assert str(caught.value).startswith(f"{path}:")
    assert "\n" not in str(caught.value)


def test_a_range_table_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and a directory are named."""
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(ReferenceDataError, match="cannot be read"):
            load_numbering(path)


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """A byte order mark and CRLF do no harm."""
    path = tmp_path / "ranges.csv"
    path.write_bytes(b"\xef\xbb\xbf" + (HEADER + b"5500000000,10,09015\n").replace(b"\n", b"\r\n"))
    located = load_numbering(path).locate(b"5500000009")
    assert located is not None
    assert located.place.municipality == "09015"


def test_the_packaged_plan_is_read_once_per_process() -> None:
    """Without a range table the same plan is returned again."""
    assert load_numbering() is load_numbering()


def test_ranges_that_touch_are_merged_within_one_lada_and_municipality() -> None:
    """The build script joins neighbours, but never over the end of a LADA nor between municipalities."""
    rows = [
        (5400000000, 10, "20001"),
        (5400000010, 10, "20001"),
        (5400000020, 10, "20002"),
        (5400000031, 10, "20002"),
        (5499999990, 10, "09015"),
        (5500000000, 10, "09015"),
    ]
    assert list(merged(rows)) == [(5400000000, 20, "20001"), *rows[2:]]
