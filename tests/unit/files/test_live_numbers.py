"""The response numbers that a worker knows from its start."""

from pathlib import Path

import pytest

from adapters.files.live_numbers import NUMBERS_FILE, read_numbers, write_numbers
from engine.responses import LiveNumber

NUMBERS = [LiveNumber("3300000001", 1, 1.5e9, 1e11), LiveNumber("3300000002", 2, 1.5e9, 1.6e9)]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """The last ones, whole."""
    write_numbers(tmp_path, NUMBERS[:1])
    write_numbers(tmp_path, NUMBERS)
    assert read_numbers(tmp_path) == NUMBERS


@pytest.mark.parametrize("text", [None, "", "[[1]]", "[1]", "{", "\udcff"])
def test_what_cannot_be_read_is_none(tmp_path: Path, text: str | None) -> None:
    """Then a worker waits to be told, as a first one does."""
    if text is not None:
        (tmp_path / NUMBERS_FILE).write_bytes(text.encode(errors="surrogateescape"))
    assert read_numbers(tmp_path) == []
