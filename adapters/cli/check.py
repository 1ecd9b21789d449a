"""`posdata check`: whether a text is fit for the channel, and how to mend one that is not."""

import io
import json
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from adapters.cli.verdicts import describe, describe_wire
from adapters.files.rule_sets import RuleFileError, default_rules, load_rules
from validators.alphabets import wire_forms
from validators.check import check
from validators.findings import Verdict
from validators.rules import RuleSet, UnknownProfileError

_REFUSED = 1
_USAGE = 2


def check_command(
    text: Annotated[str | None, typer.Argument(help="The text to check; an empty one is refused.")] = None,
    file: Annotated[Path | None, typer.Option(help="Check a file instead: UTF-8, one text a line.")] = None,
    profile: Annotated[str, typer.Option(help="specification (90) or channel (110).")] = "specification",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for a file a list.")] = False,
    wire: Annotated[bool, typer.Option("--wire", help="Print the octets in each alphabet too.")] = False,
    rules: Annotated[Path | None, typer.Option(help="A YAML file laid over the shipped rule set.")] = None,
) -> None:
    """Check advertisers' texts: exit 0 when all pass, 1 when one is refused, 2 for usage."""
    if (text is None) == (file is None):
        _fail("give either a TEXT or --file FILE, for example: posdata check 'Buen Fin en tienda sol'")
    texts = [text] if text is not None else _lines(file or Path())
    verdicts = _verdicts(texts, _rules(rules), profile)
    _print_anything()
    if as_json:
        documents = [_document(*pair, wire=wire) for pair in zip(texts, verdicts, strict=True)]
        print(json.dumps(documents if file is not None else documents[0]))
    else:
        _print_report(texts, verdicts, numbered=file is not None, wire=wire)
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(_REFUSED)


def _rules(path: Path | None) -> RuleSet:
    try:
        return default_rules() if path is None else load_rules(path)
    except RuleFileError as error:
        _fail(str(error))


def _verdicts(texts: list[str], rules: RuleSet, profile: str) -> list[Verdict]:
    try:
        return [check(text, rules, profile) for text in texts]
    except UnknownProfileError as error:
        _fail(f"--profile: {error}")


def _lines(path: Path) -> list[str]:
    """Return the texts of a file: a line is a text, also an empty one."""
    try:
        octets = path.read_bytes()
    except OSError as error:
        _fail(f"{path}: cannot be read: {error.strerror}")
    lines = octets.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        _fail(f"{path}: holds no text: write one text a line")
    return [_decoded(path, number, line.removesuffix(b"\r")) for number, line in enumerate(lines, start=1)]


def _decoded(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        octet, column = line[error.start], error.start + 1
        _fail(f"{path}:{number}: octet 0x{octet:02x} at column {column} is not UTF-8: save the file as UTF-8")


def _document(text: str, verdict: Verdict, *, wire: bool) -> dict[str, Any]:
    document = verdict.as_document()
    if wire:
        document["wire"] = {
            form.alphabet: {
                "data_coding": form.data_coding,
                "octets": None if form.octets is None else len(form.octets),
                "hex": None if form.octets is None else form.octets.hex(),
                "problem": form.problem,
            }
            for form in wire_forms(text)
        }
    return document


def _print_report(texts: list[str], verdicts: list[Verdict], *, numbered: bool, wire: bool) -> None:
    for number, (text, verdict) in enumerate(zip(texts, verdicts, strict=True), start=1):
        for line in describe(text, verdict, f"line {number}: " if numbered else ""):
            print(line)
        if wire:
            for line in describe_wire(wire_forms(text)):
                print(line)
    if numbered:
        refused = sum(not verdict.ok for verdict in verdicts)
        print(f"{len(texts)} texts: {len(texts) - refused} pass, {refused} refused")


def _print_anything() -> None:
    """Show escaped what the terminal's encoding cannot hold, rather than fail."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _fail(message: str) -> NoReturn:
    print(f"posdata check: {message}", file=sys.stderr)
    raise typer.Exit(_USAGE)
