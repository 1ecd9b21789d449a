"""The console's catalogue: every word that a page asks for, in both languages, and no other."""

import re
from pathlib import Path
from typing import get_args

from adapters.http.blackouts_api import STATES as FORCES
from adapters.http.console.deeds import DEED_WORDS
from adapters.http.console.words import WORDS
from adapters.http.engagements_api import STATES
from engine.access import OrganisationKind, Role
from engine.reasons import Reason
from inventory.campaign import CampaignClass, CampaignState, Pacing, Review
from inventory.document import DAYS
from inventory.engagements import LeadWindow, Purpose

HTTP = Path(__file__).parents[3] / "adapters" / "http"
SOURCES = [*(HTTP / "templates").glob("*.html"), *(HTTP / "console").glob("*.py")]
# Keys written out, as in t("login.title"), WORD in the menu, or two beside an `if`.
WRITTEN = re.compile(r"""["']([a-z]+(?:\.[a-z_]+)+)["']""")
ASKED = {
    key
    for path in SOURCES
    if not path.name.endswith("words.py") and path.name not in {"reasons.py", "deeds.py"}
    for key in WRITTEN.findall(path.read_text(encoding="utf-8"))
    if not key.endswith((".html", ".css", ".js"))
    and key.partition(".")[0] in {word.partition(".")[0] for word in WORDS}
}
# Keys that are put together: t("state." ~ campaign.state).
FAMILIES = {
    "role": {role.value for role in Role},
    "kind": {kind.value for kind in OrganisationKind},
    "state": {*(state.value for state in CampaignState), "stopped"},
    "class": {each.value for each in CampaignClass},
    "pacing": {each.value for each in Pacing},
    "review": {each.value for each in Review},
    "finish": {"quantity", "ended", "cancelled"},
    "day": set(DAYS),
    "deed": {key.removeprefix("deed.") for key in DEED_WORDS if key.startswith("deed.")},
    "thing": {key.removeprefix("thing.") for key in DEED_WORDS if key.startswith("thing.")},
    "mode": {"insert", "observe", "bypass"},
    "reason": {reason.code for reason in Reason},
    "count": {"inserted", "accepted", "rejected", "delivered", "failed", "unknown"},
    "place": {"city", "lada", "municipality"},
    "theme": {"auto", "dark", "light"},
    "purpose": set(get_args(Purpose)),
    "window": set(get_args(LeadWindow)),
    "run": {"draft", "live", "closed"},
    "answer": set(STATES),
    "force": set(FORCES),
    "fate": {"inserted", "others", "elsewhere", "no_room", "outside", "blackout", "bare"},
    "alert": {word.removeprefix("alert.") + "_tag" for word in ASKED if word.startswith("alert.")}
    - {"more_tag", "at_risk_tag_tag"},
    "campaign": {f"{action}{end}" for action in ("pause", "resume", "cancel") for end in ("", "_sure")},
}
AUDITED = re.compile(r'audit\(\s*connection,\s*[a-z_.]+,\s*"([a-z_-]+)",\s*"([a-z_]+)"')
FIXED = {"skip", "nav", "home", "logout", "search", "yes", "of", "ads", "notifications"}


def test_every_word_that_a_page_asks_for_is_there() -> None:
    """No page fails for a missing word, whatever state, role or reason it shows."""
    needed = ASKED | FIXED | {f"{name}.{each}" for name, members in FAMILIES.items() for each in members}
    assert sorted(needed - WORDS.keys()) == []


def test_what_is_audited_is_told_in_words() -> None:
    """The page of the audit log shows no name that only the code knows."""
    written = {
        pair
        for path in HTTP.parent.rglob("*.py")
        for pair in AUDITED.findall(path.read_text(encoding="utf-8"))
    }
    assert ("add-coupons", "engagement") in written
    words = {key for deed, thing in written for key in (f"deed.{deed}", f"thing.{thing}")}
    assert sorted(words - DEED_WORDS.keys()) == []


def test_no_word_is_left_over() -> None:
    """What no page asks for any more is gone from the catalogue."""
    needed = ASKED | FIXED | {f"{name}.{each}" for name, members in FAMILIES.items() for each in members}
    assert sorted(WORDS.keys() - needed) == []


def test_both_languages_say_it_with_the_same_blanks() -> None:
    """Neither language is empty, and both have the same places to fill in."""
    blanks = re.compile(r"\{[a-z_]+\}")
    for key, (spanish, english) in WORDS.items():
        assert spanish.strip(), key
        assert english.strip(), key
        assert set(blanks.findall(spanish)) == set(blanks.findall(english)), key
