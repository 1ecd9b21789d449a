"""Near-duplicates and differences: what an approver is shown beside a text."""

from hypothesis import given
from hypothesis import strategies as st

from inventory.likeness import MOST_TOLD, Refused, difference, likeness, near_duplicates

TEXT = "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"


@given(st.text(max_size=60), st.text(max_size=60))
def test_kept_and_added_pieces_are_the_text(former: str, text: str) -> None:
    """And kept and removed ones have the former text's words."""
    pieces = difference(former, text)
    assert "".join(each.text for each in pieces if each.kind != "removed") == text
    assert "".join(each.text for each in pieces if each.kind != "added") == former


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_symmetric_and_bounded(one: str, other: str) -> None:
    """A text is wholly like itself."""
    assert likeness(one, one) == 1
    assert 0 <= likeness(one, other) == likeness(other, one) <= 1


def test_small_disguises_stay_near() -> None:
    """Case, accents, digits for letters, another number of spaces."""
    assert likeness(TEXT, "BUÉN FIN  en t1enda s0l: 40 de descuento; marca 5512345678") == 1
    assert likeness(TEXT, "Abrimos el lunes en Zapopan. Lo esperamos") < 0.2


def test_the_nearest_refused_texts_are_told_once_each() -> None:
    """Nearest first, and not more than can be read."""
    refused = [Refused(f"{TEXT} {'x' * at}", "sol", "Exagera") for at in range(9)] * 2
    near = near_duplicates(TEXT, [*refused, Refused("Otra cosa", "sol", None)])
    assert [each.refused.text for each in near] == [f"{TEXT} {'x' * at}" for at in range(MOST_TOLD)]
