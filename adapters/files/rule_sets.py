"""Rule sets for texts, read from YAML: the shipped one and a carrier's own."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from validators.rules import RuleSet, RuleSetError, overlay

KeyPath = tuple[str, ...]


class RuleFileError(Exception):
    """A rule file that cannot be used; the message names file, line and what to mend."""


@cache
def default_rules() -> RuleSet:
    """Return the shipped rule set (validators/rule_sets/default.yaml)."""
    return RuleSet.from_mapping(_shipped())


def load_rules(path: str | Path) -> RuleSet:
    """Return the shipped rule set with a carrier's file laid over it.

    Raises `RuleFileError` when the file cannot be read, is no YAML, or holds an unknown key or a wrong value.
    """
    try:
        source = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RuleFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise RuleFileError(f"{path}:{line}: is not UTF-8: save the file as UTF-8") from error
    changes, lines = _parse(str(path), source)
    try:
        return RuleSet.from_mapping(overlay(_shipped(), changes))
    except RuleSetError as error:
        raise RuleFileError(f"{path}:{_line(lines, error.path)}: {error}") from error


@cache
def _shipped() -> Mapping[str, Any]:
    source = files("validators").joinpath("rule_sets", "default.yaml").read_text(encoding="utf-8")
    mapping: Mapping[str, Any] = yaml.safe_load(source)
    return mapping


def _parse(path: str, source: str) -> tuple[Mapping[str, Any], Mapping[KeyPath, int]]:
    """Return the mapping of a YAML document and the line of each of its keys."""
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            raise RuleFileError(f"{path}:1: must hold keys such as 'extra_characters: \"-\"'")
        lines = dict(_key_lines(path, node, ()))
        changes: Mapping[str, Any] = yaml.safe_load(source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RuleFileError(f"{path}:{mark.line + 1 if mark else 1}: is no YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RuleFileError(f"{path}:1: is no YAML: {' '.join(str(error).split())}") from error
    return changes, lines


def _key_lines(path: str, node: yaml.MappingNode, above: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise RuleFileError(f"{path}:{line}: a key must be text")
        if key.value in seen:
            raise RuleFileError(f"{path}:{line}: {'.'.join((*above, key.value))}: is there twice")
        seen.add(key.value)
        yield (*above, key.value), line
        if isinstance(value, yaml.MappingNode) and len(above) < 2:
            yield from _key_lines(path, value, (*above, key.value))


def _line(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of the innermost key of `path` that the file holds."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in lines:
            return lines[path[:depth]]
    return 1
