"""Tests of adapters.http.json_bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.json_bodies import read_document, read_shape
from adapters.http.operations import Shape
from adapters.http.problems import ProblemError


class Sent(Shape):
    """What the tests send."""

    text: str
    number: float = 0
    more: dict[str, str] = {}  # noqa: RUF012  # pydantic copies it


BAD = [
    b"",
    b"{",
    b'{"text": "a"} b',
    b'\xef\xbb\xbf{"text": "a"}',
    b'{"text": "\xff"}',
    b'{"text": "\xed\xa0\x80"}',
    b'{"text": "\x00"}',
    b'{"text": "\\u0000"}',
    b'{"text": "\\ud83d"}',
    b'{"text": "\\uDE00 a"}',
    b'{"text": "a", "more": {"\\u0000": "a"}}',
    b'{"text": "a", "number": NaN}',
    b'{"text": "a", "number": -Infinity}',
    b'{"text": "a", "number": ' + b"1" * 5000 + b"}",
    b"[" * 100_000,
]


@pytest.mark.parametrize("octets", BAD)
def test_what_is_no_json_or_no_text_is_a_bad_request(octets: bytes) -> None:
    """Both readers refuse it alike, whatever the fields."""
    for read in (read_document, lambda each: read_shape(each, Sent)):
        with pytest.raises(ProblemError) as refused:
            read(octets)
        assert refused.value.kind == "bad_request"


@pytest.mark.parametrize("octets", [b"1", b"{}", b'{"text": 1}', b'{"text": "a", "other": "NaN"}'])
def test_json_of_another_shape_has_its_faults_told(octets: bytes) -> None:
    """It is JSON, and every field that is wrong is named."""
    with pytest.raises(ProblemError) as refused:
        read_shape(octets, Sent)
    assert refused.value.kind == "invalid"
    assert refused.value.faults


@given(st.text(), st.booleans())
def test_a_text_is_read_as_it_was_written_or_refused(text: str, escaped: bool) -> None:
    """Escaped or not, a text without NUL comes through whole; one about escapes is a text like any."""
    octets = json.dumps({"text": text, "more": {"a": "\\u0000 NaN"}}, ensure_ascii=escaped).encode()
    if "\0" in text:
        with pytest.raises(ProblemError):
            read_shape(octets, Sent)
    else:
        assert read_shape(octets, Sent) == Sent(text=text, more={"a": "\\u0000 NaN"})
