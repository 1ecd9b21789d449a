"""The check of one text against a rule set."""

from validators.findings import Verdict
from validators.inspection import inspect, units_of
from validators.rules import RuleSet
from validators.suggestion import suggest


def check(text: str, rules: RuleSet, profile: str = "specification") -> Verdict:
    """Return the verdict on an advertiser's text; the limit counts this text alone.

    Never raises for any text; raises `UnknownProfileError` for a profile that `rules` does not have.
    """
    limit = rules.limit(profile)
    units = units_of(text)
    findings = inspect(text, rules, units, limit)
    ok = not any(item.severity == "error" for item in findings)
    return Verdict(
        ok=ok,
        profile=profile,
        characters=len(text),
        septets=units,
        limit=limit,
        findings=findings,
        suggestion=None if ok else suggest(text, findings, rules, limit),
    )
