"""docs/notifications.md says what there is: the predicate's rows, every reason, every cause."""

import re
from pathlib import Path

from engine.journal import Cause
from engine.predicate import RULES
from engine.reasons import BY_CODE, Reason

PAGE = (Path(__file__).parents[3] / "docs" / "notifications.md").read_text("utf-8")


def table(heading: str) -> list[list[str]]:
    """Return the rows of the first table behind a line that begins so."""
    lines = PAGE[PAGE.index(f"\n{heading}") :].splitlines()
    first = next(at for at, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[first + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def test_the_predicates_table_is_the_code() -> None:
    """Field, allowed values, reason and clause of every rule, in the order in which they are asked."""
    rows = [[rule.field, rule.allowed, f"`{rule.reason.code}`", rule.clause] for rule in RULES]
    assert table("## Which messages may carry an ad") == rows


def test_every_reason_is_documented_with_its_sentence() -> None:
    """No reason is missing, none is documented that does not exist."""
    assert table("## Reasons") == [[f"`{reason.code}`", reason.sentence] for reason in Reason]
    assert {reason.code: reason for reason in Reason} == BY_CODE


def test_every_cause_is_documented() -> None:
    """The causes that counts print, in the journal's order."""
    causes = [row[0] for row in table("Causes that")]
    assert causes == [f"`{cause.code}`" for cause in Cause if cause.code]


def test_no_name_on_the_page_is_invented() -> None:
    """A code in the running text that looks like a reason is a reason, a cause or a field."""
    known = set(BY_CODE) | {cause.code for cause in Cause} | {
        "submit_sm", "data_sm", "in_flight", "default_alphabet",
    }  # fmt: skip
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE))
    assert named - known == set()
