"""The words of the short code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.keywords import WISHES, WORDS, Wish, wish_of


@pytest.mark.parametrize("text", ["BAJA", "baja", "  Bája. ", "¡Alto!", "stop\r\n", "«Cancelar»", "STÓP"])
def test_the_way_out_is_forgiving(text: str) -> None:
    """Case, accents, punctuation and spaces around the word do not matter."""
    assert wish_of(text) is Wish.OUT


@pytest.mark.parametrize(
    "text", ["", "hola", "BAJA POR FAVOR", "no me den de baja", "BAJAR", "STOPS", "B A J A"]
)
def test_what_is_not_one_word_of_them_asks_for_nothing(text: str) -> None:
    """A word within a sentence or within another word is not taken for a wish."""
    assert wish_of(text) is None


def test_every_word_has_its_place_in_journals() -> None:
    """And the places are those of the journals that were written."""
    assert WORDS == ("BAJA", "ALTO", "STOP", "CANCELAR", "AYUDA")
    assert set(WORDS) == set(WISHES)


def test_help_is_told_apart() -> None:
    """AYUDA changes nothing; it is answered."""
    assert wish_of(" ayúda ") is Wish.HELP


@given(st.sampled_from(sorted(WISHES)), st.text(" .,;!¡?¿\"'\t\n", max_size=5), st.booleans())
def test_every_word_is_known_however_it_is_framed(word: str, frame: str, lower: bool) -> None:
    """Each of the words has its meaning within any frame of spaces and points."""
    assert wish_of(frame + (word.lower() if lower else word) + frame) is WISHES[word]
