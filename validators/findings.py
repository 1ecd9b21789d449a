"""What is said of a text: findings, and the verdict that holds them."""

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: `text` is the faulty part; `start` and `length` count characters (code points) of the text.

    `es` and `en` say in one sentence how to mend it.
    """

    rule: str
    severity: Severity
    start: int
    length: int
    text: str
    es: str
    en: str

    @property
    def end(self) -> int:
        """The position after the faulty part."""
        return self.start + self.length

    def as_document(self) -> dict[str, Any]:
        """Return the finding as `check --json` and the HTTP interface show it."""
        return {
            "rule": self.rule,
            "severity": self.severity,
            "start": self.start,
            "length": self.length,
            "text": self.text,
            "es": self.es,
            "en": self.en,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found: `ok` is true when no finding is an error.

    `septets` is what the text alone costs of `limit`: GSM 7-bit septets, or 16-bit UCS-2 units
    for a (refused) text that GSM 7-bit cannot hold.
    """

    ok: bool
    profile: str
    characters: int
    septets: int
    limit: int
    findings: tuple[Finding, ...]
    suggestion: str | None

    def as_document(self) -> dict[str, Any]:
        """Return the verdict as `check --json` and the HTTP interface show it."""
        return {
            "ok": self.ok,
            "profile": self.profile,
            "characters": self.characters,
            "septets": self.septets,
            "limit": self.limit,
            "findings": [finding.as_document() for finding in self.findings],
            "suggestion": self.suggestion,
        }
