"""Links made short in texts: which place, which code, what is refused."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.short_links import CODE_CHARACTERS, KnownLink, Shortener, code_in, shortened, site_of

LINK = "https://www.tiendasol.example/ofertas?utm=sms"
SITE = "sol.mx"


def shortener(known: dict[str, KnownLink] | None = None) -> Shortener:
    """Return one whose codes are numbered."""
    numbers = count(1)
    return Shortener(SITE, lambda: f"bcdfgh{CODE_CHARACTERS[next(numbers)]}", known or {})


@pytest.mark.parametrize(
    "text",
    [
        "Ofertas en https://www.tiendasol.example/ofertas?utm=sms hoy",
        "Ofertas en www.tiendasol.example/ofertas?utm=sms.",
        "Ofertas: HTTPS://WWW.tiendasol.example/ofertas?utm=sms",
    ],
)
def test_the_address_in_a_text_becomes_short(text: str) -> None:
    """With or without its scheme; what stands around it stays."""
    short, faults = shortened({"text": text, "link": LINK}, shortener())
    assert faults == []
    assert "sol.mx/r/bcdfgh3" in short["text"]
    assert "tiendasol" not in short["text"]
    assert "://" not in short["text"]


def test_a_code_stays_while_text_and_target_do() -> None:
    """Read again unchanged it is the same; another target, text or campaign has another code."""
    text = "Ofertas en sol.mx/r/bcdfghz hoy"
    known = {"bcdfghz": KnownLink(LINK, text)}
    same, _ = shortened({"text": text, "link": LINK}, shortener(known))
    assert same["text"] == text
    moved, _ = shortened({"text": text, "link": LINK + "2"}, shortener(known))
    reworded, _ = shortened({"text": text + "!", "link": LINK}, shortener(known))
    copied, _ = shortened({"text": text, "link": LINK}, shortener())
    assert [each["text"] for each in (moved, reworded, copied)] == [
        "Ofertas en sol.mx/r/bcdfgh3 hoy",
        "Ofertas en sol.mx/r/bcdfgh3 hoy!",
        "Ofertas en sol.mx/r/bcdfgh3 hoy",
    ]


@pytest.mark.parametrize(
    ("text", "link", "code"),
    [
        ("Ofertas hoy", LINK, "link_not_in_text"),
        (f"{LINK} o {LINK}", LINK, "link_not_in_text"),
        (LINK + "/mas", LINK, "link_not_in_text"),
        ("javascript:alert(1)", "javascript:alert(1)", "bad_url"),
        ("http://u:p@a.example", "http://u:p@a.example", "bad_url"),
        ("https://sol.mx/r/bcdfghz", "https://sol.mx/r/bcdfghz", "short_link"),
        ("Ofertas en sol.mx/r/bcdfghz", None, "link_missing"),
    ],
)
def test_what_is_no_link_is_refused(text: str, link: str | None, code: str) -> None:
    """Only web addresses, which stand in the text once, and no short link without its target."""
    _, faults = shortened({"text": text, "link": link}, shortener())
    assert [fault.code for fault in faults] == [code]


def test_without_a_site_there_are_no_links() -> None:
    """The refusal names the setting."""
    for without in (None, Shortener(None, str)):
        _, faults = shortened({"text": LINK, "link": LINK}, without)
        assert [fault.code for fault in faults] == ["no_public_url"]
    assert site_of("https://sol.mx/") == SITE


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_text_and_link_are_judged(text: str, link: str) -> None:
    """Whatever comes is made short or refused, never a crash; a short text has a code of ours."""
    short, faults = shortened({"text": text, "link": link}, shortener())
    assert bool(faults) is (code_in(short["text"], SITE) is None)
