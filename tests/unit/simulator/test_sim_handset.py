"""What the simulated handset shows."""

import pytest
from gsm0338 import Codec
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulator.handset import GSM_BASIC, gsm_octets, gsm_text, shown


def test_gsm_alphabet_is_the_one_of_an_independent_library() -> None:
    """Each of the 127 characters decodes as the PyPI package gsm0338 has it."""
    reference = Codec()
    for octet in set(range(128)) - {0x1B}:
        assert gsm_text(bytes([octet])) == reference.decode(bytes([octet]))[0]
    assert len(GSM_BASIC) == 128


@pytest.mark.parametrize(
    ("octet", "text"), [(0x14, "^"), (0x28, "{"), (0x2F, "\\"), (0x3C, "["), (0x65, "€")]
)
def test_extension_characters_follow_an_escape(octet: int, text: str) -> None:
    """An escaped octet shows the extension table's character."""
    assert gsm_text(b"a\x1b" + bytes([octet]) + b"b") == f"a{text}b"


@given(st.text(alphabet=GSM_BASIC.replace("\x1b", "")))
def test_encoding_and_decoding_gsm_are_inverse(text: str) -> None:
    """What the simulator encodes, its handset shows."""
    assert gsm_text(gsm_octets(text)) == text


@pytest.mark.parametrize(
    ("coding", "octets", "text"),
    [
        (0, b"\x02 5 \x00", "$ 5 @"),
        (1, b"$5", "$5"),
        (3, "á".encode("latin-1"), "á"),
        (8, "día".encode("utf-16-be"), "día"),
        (0x10, b"\x02", "$"),
        (0x18, "í".encode("utf-16-be"), "í"),
        (0xF0, b"\x02", "$"),
        (0xF1, b"\x00", "@"),
    ],
)
def test_each_data_coding_shows_as_its_alphabet(coding: int, octets: bytes, text: str) -> None:
    """The alphabet is chosen by data_coding."""
    assert shown(coding, 0, octets) == text


@pytest.mark.parametrize("coding", [2, 4, 0x14, 0xF4])
def test_binary_shows_nothing(coding: int) -> None:
    """8-bit content is no text."""
    assert shown(coding, 0, b"\x01\x02") is None


def test_default_alphabet_is_a_setting() -> None:
    """data_coding 0 is read as what the SMSC says its default is."""
    assert shown(0, 0, b"$", "ascii") == "$"
    assert shown(0, 0, b"\xe1", "latin1") == "á"
    assert shown(0, 0, b"$") == "¤"


def test_user_data_header_is_not_shown() -> None:
    """With the UDH indicator the header's octets are skipped."""
    assert shown(0, 0x40, b"\x05\x00\x03\x41\x02\x01Hola") == "Hola"


def test_text_outside_the_alphabet_is_refused_on_encoding() -> None:
    """á has no GSM septet."""
    with pytest.raises(UnicodeEncodeError):
        gsm_octets("á")
