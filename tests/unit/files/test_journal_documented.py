"""docs/journal.md says what is on disk."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from adapters.files.journal_writer import EPOCH_FILE, LOCK_FILE, SEGMENT_OCTETS
from engine.journal import ENTRY, FRAME_HEADER, MAX_FRAME_OCTETS, Cause, Kind

PAGE = (Path(__file__).parents[3] / "docs" / "journal.md").read_text("utf-8")


def rows(column: str) -> list[tuple[str, ...]]:
    """Return the rows of the table whose first heading is `column`."""
    table = re.search(rf"^\| {column} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert table, f"docs/journal.md has no table of {column}"
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table[1].splitlines()]


@pytest.mark.parametrize(("column", "members"), [("kind", Kind), ("cause", Cause)])
def test_every_number_on_disk_is_documented(column: str, members: type[IntEnum]) -> None:
    """Each kind and cause with its number and its name, and none that is gone."""
    assert [row[:2] for row in rows(column)] == [
        (str(each.value), f"`{each.name.lower()}`") for each in members
    ]


def test_the_layout_is_documented() -> None:
    """The fields' octets add up to what is written."""
    assert sum(int(row[1]) for row in rows("entry")) == ENTRY.size
    assert sum(int(row[1]) for row in rows("frame")[:3]) == FRAME_HEADER.size
    assert ("entries", f"{ENTRY.size} each") in {row[:2] for row in rows("frame")}


def test_the_files_are_documented() -> None:
    """Their names and sizes."""
    assert EPOCH_FILE in PAGE
    assert f" {LOCK_FILE} " in PAGE
    assert f"{SEGMENT_OCTETS // 2**20} MiB, preallocated" in PAGE
    assert f"at most {MAX_FRAME_OCTETS // 2**20} MiB" in PAGE
