from validators.alphabets import ucs2_units, wire_forms


def test_each_alphabet_holds_what_it_can() -> None:
    """A text with á and € is refused by name where it does not fit and encoded where it does."""
    forms = {form.alphabet: form for form in wire_forms("á$")}
    assert forms["latin1"].octets == b"\xe1$"
    assert forms["ucs2"].octets == b"\x00\xe1\x00$"
    for alphabet in ("gsm7", "gsm7_packed", "ascii"):
        assert forms[alphabet].octets is None
        assert "U+00E1 at position 0" in (forms[alphabet].problem or "")


def test_dollar_and_at_differ_by_alphabet() -> None:
    """`$@` is 02 00 in GSM 7-bit and 24 40 in ASCII."""
    forms = {form.alphabet: form.octets for form in wire_forms("$@")}
    assert forms["gsm7"] == b"\x02\x00"
    assert forms["ascii"] == b"$@"


def test_half_a_character_fits_nowhere() -> None:
    """A lone surrogate has no octets in any alphabet."""
    assert all(form.octets is None and form.problem for form in wire_forms("\ud800"))


def test_ucs2_units_count_surrogate_pairs() -> None:
    """A character beyond U+FFFF takes two units."""
    assert ucs2_units("a😀") == 3
