"""A verdict as lines for a person: what is wrong, where, how to mend it."""

from collections.abc import Iterator

from rich.cells import cell_len

from validators.alphabets import WireForm
from validators.findings import Finding, Verdict

_CONTEXT = 40
_MOST_FINDINGS = 20
_NAMES = {
    "gsm7": "GSM 7-bit unpacked (data_coding 0)",
    "gsm7_packed": "GSM 7-bit packed (on the air)",
    "ascii": "ASCII (data_coding 1)",
    "latin1": "Latin-1 (data_coding 3)",
    "ucs2": "UCS-2BE (data_coding 8)",
}


def describe(text: str, verdict: Verdict, label: str = "") -> Iterator[str]:
    """Yield the verdict's lines: a headline, each finding with its place marked, the suggestion."""
    errors = sum(finding.severity == "error" for finding in verdict.findings)
    warnings = len(verdict.findings) - errors
    yield (
        f"{label}{'OK' if verdict.ok else 'REFUSED'}  {verdict.profile} {verdict.septets}/{verdict.limit}"
        f"  errors {errors}, warnings {warnings}"
    )
    for finding in verdict.findings[:_MOST_FINDINGS]:
        yield from _describe_finding(text, finding)
    if len(verdict.findings) > _MOST_FINDINGS:
        yield f"  and {len(verdict.findings) - _MOST_FINDINGS} more findings (--json lists all)"
    if verdict.suggestion is not None:
        yield f"  suggestion: {verdict.suggestion}"
    elif not verdict.ok:
        yield "  no suggestion: only the author can mend this without changing what it says"


def describe_wire(forms: tuple[WireForm, ...]) -> Iterator[str]:
    """Yield one line an alphabet: its size and octets in hexadecimal, or why it cannot hold the text."""
    for form in forms:
        size = "" if form.octets is None else f"{len(form.octets):4} octets  {form.octets.hex(' ')}"
        yield f"  {_NAMES[form.alphabet]:36}{size or f'no: {form.problem}'}"


def _describe_finding(text: str, finding: Finding) -> Iterator[str]:
    first = max(0, finding.start - _CONTEXT)
    last = min(len(text), min(finding.end, finding.start + _CONTEXT) + _CONTEXT)
    before = ("…" if first else "") + _shown(text[first : finding.start])
    marked = _shown(text[finding.start : min(finding.end, last)])
    after = _shown(text[finding.end : last]) + ("…" if last < len(text) else "")
    yield f"    {before}{marked}{after}"
    yield f"    {' ' * cell_len(before)}{'^' * max(1, cell_len(marked))}"
    yield f"  {finding.severity} {finding.rule} at {finding.start}"
    yield f"    es: {finding.es}"
    yield f"    en: {finding.en}"


def _shown(part: str) -> str:
    """Show what cannot be printed as a dot, so that no text can move the cursor."""
    return "".join(char if char.isprintable() else "·" for char in part)
