from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.files.rule_sets import default_rules
from validators.check import check
from validators.findings import Verdict
from validators.rules import RuleSet, RuleSetError, UnknownProfileError, overlay

SHIPPED: Mapping[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "validators" / "rule_sets" / "default.yaml").read_text("utf-8")
)


def with_changes(**changes: Any) -> RuleSet:
    """Return the shipped rules with changes."""
    return RuleSet.from_mapping(overlay(SHIPPED, changes))


@pytest.mark.parametrize(
    ("changes", "path", "problem"),
    [
        ({"profiles": {"channel": 0}}, "profiles.channel", "from 1 to 160, not 0"),
        ({"profiles": {"channel": True}}, "profiles.channel", "not True"),
        ({"profiles": {"channel": 161}}, "profiles.channel", "not 161"),
        ({"profiles": "x"}, "profiles", "not 'x'"),
        ({"profiles": {5: 5}}, "profiles.5", "not 5"),
        ({"allowed_characters": ""}, "allowed_characters", "not ''"),
        ({"allowed_characters": 5}, "allowed_characters", "not 5"),
        ({"extra_characters": "á"}, "extra_characters", "'á' is not in GSM 03.38"),
        ({"extra_characters": "\n"}, "extra_characters", "control character"),
        ({"links": 5}, "links", "not 5"),
        ({"links": {"max_length": "25"}}, "links.max_length", "not '25'"),
        ({"links": {"known_tlds": [False]}}, "links.known_tlds", "False is not text"),
        ({"links": {"shortest": 1}}, "links.shortest", "unknown key"),
        ({"phones": {"obsolete_prefixes": ["x"]}}, "phones.obsolete_prefixes", "'x' is not a run of digits"),
        ({"phones": {"cues": "tel"}}, "phones.cues", "must be a list, not 'tel'"),
        ({"banned_words": ["x"]}, "banned_words", "not ['x']"),
        ({"banned_words": {"dos palabras": ["x"]}}, "banned_words.dos palabras", "must be a plain word"),
        ({"banned_words": {"x": [" "]}}, "banned_words.x", "' ' is not text"),
        ({"shouting": {"upper_share": 2}}, "shouting.upper_share", "not 2"),
        ({"shouting": {"min_letters": 0}}, "shouting.min_letters", "not 0"),
        ({"shout": {}}, "shout", "unknown key"),
    ],
)
def test_wrong_rules_name_key_and_value(changes: dict[str, Any], path: str, problem: str) -> None:
    """A rule set that cannot be used says which key, and what stands there."""
    with pytest.raises(RuleSetError) as caught:
        with_changes(**changes)
    assert ".".join(caught.value.path) == path
    assert problem in str(caught.value)


def test_a_missing_key_is_named() -> None:
    """A rule set without a section says which."""
    with pytest.raises(RuleSetError, match=r"^links: is missing$"):
        RuleSet.from_mapping({key: value for key, value in SHIPPED.items() if key != "links"})


def test_overlay_keeps_what_is_not_named() -> None:
    """A carrier's limit for one profile leaves the other and every other key as shipped."""
    rules = with_changes(profiles={"channel": 100}, links={"max_length": 30})
    assert dict(rules.profiles) == {"specification": 90, "channel": 100}
    assert rules.max_link == 30
    assert rules.known_tlds == default_rules().known_tlds


def test_a_carrier_adds_a_profile() -> None:
    """A profile of a carrier's own is checked against its own limit."""
    rules = with_changes(profiles={"short": 5})
    assert check("abcde", rules, "short").ok
    assert not check("abcdef", rules, "short").ok


def test_no_banned_words() -> None:
    """A carrier may empty the lists."""
    rules = with_changes(banned_words={name: [] for name in SHIPPED["banned_words"]})
    assert rules.banned is None
    assert check("Envia tu nip", rules).ok


def test_no_prefixes_and_no_cues() -> None:
    """Empty lists switch off what they feed and nothing else."""
    rules = with_changes(phones={"obsolete_prefixes": [], "cues": []})
    assert check("Marca 01800123456", rules).findings == ()
    assert check("Llama al 123 4567", rules).ok
    assert not check("55 1234 5678", rules).ok


def test_unknown_profile_lists_the_known() -> None:
    """A profile that is not there is answered with those that are."""
    with pytest.raises(UnknownProfileError, match="specification, channel"):
        check("hola", default_rules(), "short")


def test_document_has_the_shape_of_the_contract() -> None:
    """`as_document` holds exactly the keys that `check --json` promises."""
    document = check("Niño", default_rules()).as_document()
    assert list(document) == ["ok", "profile", "characters", "septets", "limit", "findings", "suggestion"]
    assert list(document["findings"][0]) == ["rule", "severity", "start", "length", "text", "es", "en"]
    assert isinstance(check("hola", default_rules()), Verdict)
