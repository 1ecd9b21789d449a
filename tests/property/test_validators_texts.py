import re

import gsm0338
from hypothesis import example, given, settings
from hypothesis import strategies as st

from adapters.files.rule_sets import default_rules
from tests.examples import tried
from validators import gsm7
from validators.check import check
from validators.findings import Verdict

RULES = default_rules()
PROFILES = st.sampled_from(sorted(RULES.profiles))
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
PIECES = st.sampled_from(
    [
        "Buen Fin", "año", "¡Gratis!", "“hoy”", "https://", "mi.tienda/abc", "tienda.mx",
        "55 1234 5678", "+52 ", "01 800 ", "2 500", "10 20 30", "(871) 012 3456", "-", ":", "\\", '"',
        "'", "  ", " ", ".", ",", "😀", "1️⃣", "👨\u200d👩\u200d👧", "\u200b", "\u00a0", "\u202e", "\n",
        "\ud800", "á", "é", "а", "Ω", "Ｇ", "：", "中", "nip", "50%", "$", "@", "descuento.Marca",
        "Marca ", "9:30", "*123#", "&", "²", "…", "/", "x", "5", "COMPRA YA HOY",
    ]
)  # fmt: skip
ADS = st.lists(PIECES, max_size=10).map("".join)
TEXTS = st.one_of(ADS, ANYTHING, st.tuples(ADS, ANYTHING).map("".join))


def assert_sound(text: str, verdict: Verdict) -> None:
    """Assert that findings lie in the text, in order, and only a refused text has a suggestion."""
    for item in verdict.findings:
        assert text[item.start : item.start + item.length] == item.text
        assert 0 <= item.start <= item.start + item.length <= len(text)
        assert item.length > 0 or text == ""
    starts = [item.start for item in verdict.findings]
    assert starts == sorted(starts)
    assert verdict.ok is not any(item.severity == "error" for item in verdict.findings)
    assert verdict.suggestion is None or not verdict.ok


@given(TEXTS, PROFILES)
@tried(150)
@example("", "channel")
@example("\ud800" * 200, "specification")
def test_any_text_gets_a_sound_verdict(text: str, profile: str) -> None:
    """The check never raises, gives the same verdict twice, and points into the text."""
    verdict = check(text, RULES, profile)
    assert_sound(text, verdict)
    assert check(text, RULES, profile) == verdict
    if verdict.ok:
        assert verdict.septets == gsm7.septets(text) == verdict.characters <= verdict.limit
        assert re.fullmatch(r"[A-Za-z0-9 $.,/@]+", text)


@given(TEXTS, PROFILES)
@tried(150)
def test_any_suggestion_passes(text: str, profile: str) -> None:
    """What is suggested passes the same rules with no error, and needs no suggestion itself."""
    suggestion = check(text, RULES, profile).suggestion
    if suggestion is not None:
        mended = check(suggestion, RULES, profile)
        assert mended.ok
        assert mended.suggestion is None


@given(
    st.lists(st.sampled_from(["ñ", "-", ":", "!", "%", "\n", "  ", "😀", "(", ")"]), min_size=1, max_size=4),
    st.data(),
)
def test_numbers_survive_mending(signs: list[str], data: st.DataObject) -> None:
    """Numbers that are no phone numbers come out as they went in: none joined, split, lost or changed."""
    words = data.draw(
        st.lists(st.sampled_from(["2 500", "10 20 30", "pesos", "$1.50", "9", "y"]), min_size=1, max_size=6)
    )
    text = " ".join(words)
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(signs)) + text[at:]
    suggestion = check(text, RULES, "channel").suggestion
    if suggestion is not None:
        assert re.findall("[0-9]+", suggestion) == re.findall("[0-9]+", text)


@given(
    st.sampled_from(
        [
            "a",
            "ñ",
            "1 ",
            "12 ",
            "a.",
            "a.b/",
            "://",
            "a://b ",
            "@",
            '"',
            "😀",
            "55 1234 5678 ",
            "\u0301",
            " ",
            "\0",
        ]
    )
)
@settings(max_examples=15, deadline=2000)
def test_ten_thousand_characters(piece: str) -> None:
    """A text of ten thousand characters is refused like any other, in good time."""
    text = (piece * 10_000)[:10_000]
    verdict = check(text, RULES)
    assert not verdict.ok
    assert_sound(text, verdict)


@given(st.text(st.sampled_from(sorted(gsm7.ONE_SEPTET | gsm7.EXTENSION.keys() | {"á", "中"}))))
def test_gsm7_agrees_with_an_independent_library(text: str) -> None:
    """Counting and octets are those of gsm0338, and both refuse the same texts."""
    try:
        expected = gsm0338.Codec().encode(text)[0]
    except UnicodeEncodeError:
        assert gsm7.septets(text) is None
        return
    assert gsm7.encode(text) == expected
    assert gsm7.septets(text) == len(expected)


@given(st.binary(max_size=160).map(lambda octets: bytes(octet & 0x7F for octet in octets)))
def test_packing_loses_nothing(unpacked: bytes) -> None:
    """Packed septets can be read back one by one."""
    packed = int.from_bytes(gsm7.pack(unpacked), "little")
    assert bytes((packed >> (7 * index)) & 0x7F for index in range(len(unpacked))) == unpacked
