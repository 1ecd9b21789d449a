"""YAML and JSON with lines: what scalars mean, and where things stand."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.files.yaml_lines import UnreadableError, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("21:00", "21:00"),
        ("2026-11-24", "2026-11-24"),
        ("off", "off"),
        ("021", "021"),
        ("0x45", 69),
        ("-5", -5),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    """No surprise of YAML 1.1: times, dates and `off` stay texts."""
    found = parse(f"key: {text}\n".encode()).value["key"]
    assert (found, type(found)) == (value, type(value))


def test_lines_are_found_by_pointer() -> None:
    """A key, a list item, a missing field's owner: each has its line."""
    document = parse(b"a:\n  b: 1\n  c:\n    - x\n    -\n      d: 2\n")
    pointers = ["", "/a/b", "/a/c/0", "/a/c/1", "/a/c/1/d", "/a/c/1/missing", "/nowhere"]
    assert [document.line(pointer) for pointer in pointers] == [1, 2, 4, 6, 6, 6, 1]


@pytest.mark.parametrize("data", [b"", b"# nothing\n", b"\xef\xbb\xbf"])
def test_nothing_is_none(data: bytes) -> None:
    """An empty file holds no value and no fault."""
    document = parse(data)
    assert (document.value, document.faults, document.line("/a")) == (None, (), 1)


def test_a_repeated_key_is_a_fault_with_both_lines() -> None:
    """The first value is kept, the repetition is told."""
    document = parse(b"a: 1\nb: 2\na: 3\n")
    assert document.value == {"a": 1, "b": 2}
    [(line, why)] = document.faults
    assert (line, why.en) == (3, "'a' is given twice, first in line 1")


@pytest.mark.parametrize(
    "data", [b"[" * 5000, b"a: " + b"9" * 5000, b"a: !!int x", b"a: !python/name:os x", b"\x00"]
)
def test_hostile_files_are_refused(data: bytes) -> None:
    """Deep nesting, endless numbers, foreign tags and control characters end in a sentence."""
    with pytest.raises(UnreadableError):
        parse(data)


def test_escaped_surrogates_in_json_are_one_character() -> None:
    """Python's json.dumps writes an emoji as two escapes: it comes back as one character."""
    assert parse(b'{"name": "\\ud83d\\ude00"}').value == {"name": "\N{GRINNING FACE}"}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_unreadable(data: bytes) -> None:
    """No file makes the reader crash, and a refusal names a line."""
    assert first_line(data) >= 1


def first_line(data: bytes) -> int:
    """Return the line where a document begins, or where reading it stopped."""
    try:
        return parse(data).line("")
    except UnreadableError as error:
        return error.line


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Zl", "Zp"]), max_size=8)


@given(
    st.recursive(st.integers() | st.booleans() | st.none() | TEXTS, lambda inner: st.lists(inner, max_size=3))
)
def test_json_lists_are_read_as_json(value: Any) -> None:
    """What json.dumps writes, compact or with tabs, comes back."""
    for indent in (None, "\t"):
        assert parse(json.dumps([value], indent=indent).encode()).value == [value]
