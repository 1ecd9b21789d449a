from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.files.rule_sets import default_rules
from validators.check import check
from validators.rules import RuleSet, overlay
from validators.sentences import SENTENCES

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "fixtures" / "texts").glob("*.yaml"))
SHIPPED = yaml.safe_load((ROOT / "validators" / "rule_sets" / "default.yaml").read_text("utf-8"))


def read(path: Path) -> dict[str, Any]:
    """Return one case."""
    case: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return case


def rules_of(case: dict[str, Any]) -> RuleSet:
    """Return the shipped rules with the case's own changes laid over them."""
    return RuleSet.from_mapping(overlay(SHIPPED, case["rules"])) if "rules" in case else default_rules()


def by_place(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings in one order for both sides."""
    return sorted(findings, key=lambda item: (item["start"], item["rule"]))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_text_case(path: Path) -> None:
    """Each case's text gets exactly its findings, in place, and its suggestion."""
    case = read(path)
    verdict = check(case["text"], rules_of(case), case["profile"])
    document = verdict.as_document()
    found = [
        {key: item[key] for key in ("rule", "severity", "start", "text")} for item in document["findings"]
    ]
    assert by_place(found) == by_place(case["findings"])
    assert verdict.suggestion == case["suggestion"]
    assert verdict.ok is not any(item["severity"] == "error" for item in case["findings"])
    assert verdict.septets == case.get("septets", verdict.septets)


def test_every_rule_has_a_case() -> None:
    """No rule is without a text that it finds."""
    found = {item["rule"] for path in CASES for item in read(path)["findings"]}
    assert found == set(SENTENCES)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_sentences_are_filled(path: Path) -> None:
    """Every finding says in Spanish and in English, in printable words, how to mend it."""
    case = read(path)
    for item in check(case["text"], rules_of(case), case["profile"]).findings:
        for sentence in (item.es, item.en):
            assert sentence.isprintable()
            assert sentence.endswith(".")
            assert "None" not in sentence
        assert item.es != item.en
