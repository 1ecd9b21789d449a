import gsm0338
import pytest

from validators import gsm7

CODEC = gsm0338.Codec()


def test_tables_agree_with_an_independent_library() -> None:
    """All 128 basic and 10 extension codes are those of gsm0338."""
    for code, char in enumerate(gsm7.BASIC):
        if code != gsm7.ESCAPE:
            assert CODEC.decode(bytes([code]))[0] == char
            assert gsm7.encode(char) == bytes([code])
    for char, code in gsm7.EXTENSION.items():
        assert CODEC.decode(bytes([gsm7.ESCAPE, code]))[0] == char
        assert gsm7.encode(char) == bytes([gsm7.ESCAPE, code])
    assert len(gsm7.BASIC) == 128
    assert len(set(gsm7.BASIC)) == 128


@pytest.mark.parametrize(
    ("text", "septets"),
    [
        ("", 0),
        ("hola", 4),
        ("$@", 2),
        ("ñÑé¿", 4),
        ("€", 2),
        ("[a]", 5),
        ("á", None),
        ("a\x1b", None),
        ("\ud800", None),
    ],
)
def test_septets(text: str, septets: int | None) -> None:
    """A character costs one septet, an extension character two, and the escape is no character."""
    assert gsm7.septets(text) == septets
    assert gsm7.is_gsm7(text) is (septets is not None)


def test_encode_names_what_does_not_fit() -> None:
    """A character outside the alphabet is named with its position."""
    with pytest.raises(ValueError, match=r"U\+00E1 at position 1 "):
        gsm7.encode("más")


def test_pack() -> None:
    """Eight septets go into seven octets: the published packing of 'hellohello' (GSM 03.38)."""
    assert gsm7.pack(gsm7.encode("hellohello")).hex() == "e8329bfd4697d9ec37"
    assert len(gsm7.pack(bytes(160))) == 140
    assert gsm7.pack(b"") == b""
