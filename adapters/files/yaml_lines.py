"""YAML and JSON read with the line of every value, duplicate keys refused.

Scalars follow YAML 1.2's core schema: `off`, `21:00` and `2026-11-24` stay texts. Anchors and
aliases, tags and merge keys are refused: a settings file says each thing once.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from inventory.faults import path_of

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class LineFault:
    """One thing wrong with a file, said so that an editor can jump to it; line 0 is the file as a whole."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.line else f"{self.file}: {self.message}"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file or a key can't be read, in each language."""

    es: str
    en: str


class UnreadableError(Exception):
    """The file is no document at all: `line` is where reading stopped, `reason` why."""

    def __init__(self, line: int, reason: Reason) -> None:
        super().__init__(f"line {line}: {reason.en}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: its value (None when empty) and what finds lines; `faults` are repeated or odd keys."""

    value: Any
    root: yaml.Node | None
    faults: tuple[tuple[int, Reason], ...]

    def line(self, pointer: str) -> int:
        """Return the line (from 1) of what a JSON pointer names, or of the nearest thing around it."""
        node, line = self.root, 1 if self.root is None else _line(self.root)
        for part in path_of(pointer):
            found = _child(node, part)
            if found is None:
                break
            node, line = found
        return line


class _CoreLoader(yaml.SafeLoader):
    """PyYAML with the core schema of YAML 1.2 and without aliases."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (PyYAML's own class attribute, filled below)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node; an alias is refused."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call] # the stubs lack it
            raise yaml.composer.ComposerError(
                problem="aliases (*name) are not supported; write the value out", problem_mark=mark
            )
        return super().compose_node(parent, index)


for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
):
    _CoreLoader.add_implicit_resolver(_TAG + _name, re.compile(f"(?:{_pattern})\\Z", re.ASCII), list(_first))


def parse(data: bytes) -> Document:
    """Parse a YAML or JSON file's bytes; raises `UnreadableError` when it is neither."""
    text = _decoded(data)
    try:
        is_json, value = _as_json(text)
        root = _composed(text.replace("\t", " ") if is_json else text)
        faults: list[tuple[int, Reason]] = []
        built = _built(root, faults) if root is not None else None
    except RecursionError:
        raise UnreadableError(1, Reason("está anidado demasiado hondo", "is nested too deeply")) from None
    return Document(value if is_json else built, root, tuple(faults))


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UnreadableError(
            line, Reason("no es UTF-8; guarde el archivo como UTF-8", "is not UTF-8; save the file as UTF-8")
        ) from None


def _as_json(text: str) -> tuple[bool, Any]:
    """Read the text as JSON where it is: only then may a tab stand between values."""
    if not text.lstrip().startswith(("{", "[")):
        return False, None
    try:
        return True, json.loads(text)
    except ValueError:
        return False, None


def _composed(text: str) -> yaml.Node | None:
    try:
        loader = _CoreLoader(text)
        try:
            return loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        which = f"U+{int(error.character):04X}"
        raise UnreadableError(
            line, Reason(f"lleva el carácter {which}", f"holds the character {which}")
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise UnreadableError(mark.line + 1 if mark else 1, _reason(error)) from None


def _reason(error: yaml.MarkedYAMLError) -> Reason:
    problem = error.problem or error.context or "?"
    if "\\t" in problem:
        return Reason(
            "lleva un tabulador: YAML se sangra solo con espacios",
            "a tab: YAML is indented with spaces only",
        )
    return Reason(f"no es YAML: {problem}", f"is not YAML: {problem}")


def _built(node: yaml.Node, faults: list[tuple[int, Reason]]) -> Any:
    if isinstance(node, yaml.MappingNode):
        return dict(_pairs(node, faults))
    if isinstance(node, yaml.SequenceNode):
        return [_built(item, faults) for item in node.value]
    return _scalar(node)


def _pairs(node: yaml.MappingNode, faults: list[tuple[int, Reason]]) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        if key.tag != _TAG + "str":
            faults.append((_line(key), Reason("una clave debe ser un texto", "a key must be a text")))
        elif key.value in seen:
            first = seen[key.value]
            twice = Reason(
                f"'{key.value}' está dos veces, antes en el renglón {first}",
                f"'{key.value}' is given twice, first in line {first}",
            )
            faults.append((_line(key), twice))
        else:
            seen[key.value] = _line(key)
            yield key.value, _built(value, faults)


def _scalar(node: yaml.Node) -> str | int | float | bool | None:
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    try:
        match kind:
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int":
                return int(text, 16) if text.startswith("0x") else int(text)
            case "float":
                return float(text)
    except ValueError:
        shown = repr(text[:40])
        raise UnreadableError(
            _line(node),
            Reason(f"{shown} no es un número que se pueda usar", f"{shown} is no number that can be used"),
        ) from None
    raise UnreadableError(
        _line(node),
        Reason(f"la etiqueta {node.tag} no se admite", f"the tag {node.tag} is not supported"),
    )


def _child(node: yaml.Node | None, part: str) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((value, _line(key)) for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
        item = node.value[int(part)]
        return item, _line(item)
    return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
