import re
from pathlib import Path

import pytest
import yaml

from validators.sentences import SENTENCES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "texts.md").read_text("utf-8")
SHIPPED = yaml.safe_load((ROOT / "validators" / "rule_sets" / "default.yaml").read_text("utf-8"))


@pytest.mark.parametrize("rule", sorted(SENTENCES))
def test_every_rule_is_documented(rule: str) -> None:
    """docs/texts.md explains each rule, with its severity."""
    row = re.search(rf"^\| `{rule}` \| (\w+) \|", PAGE, re.MULTILINE)
    assert row, f"docs/texts.md has no row for {rule}"
    assert row[1] == SENTENCES[rule].severity


def test_no_rule_is_documented_that_does_not_exist() -> None:
    """docs/texts.md speaks of no rule that is gone."""
    assert set(re.findall(r"^\| `(\w+)` \| (?:error|warning) \|", PAGE, re.MULTILINE)) == set(SENTENCES)


def test_every_key_of_a_rule_set_is_documented() -> None:
    """docs/texts.md explains each key of a rule file."""
    keys = {
        f"{key}.{inner}" if key in ("links", "phones", "shouting") else key
        for key, value in SHIPPED.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert [key for key in sorted(keys) if f"`{key}`" not in PAGE] == []
