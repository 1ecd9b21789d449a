"""docs/commands.md says what there is: every command, argument and option."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.cli.app import COMMANDS, load

DOCUMENT = (Path(__file__).parents[3] / "docs" / "commands.md").read_text(encoding="utf-8")


def sections() -> Iterator[tuple[str, str]]:
    """Yield each command with the section that documents it; a heading may name several."""
    for section in re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        for name in heading.split(", "):
            yield name.removeprefix("posdata "), text


def commands(name: str) -> Iterator[tuple[str, Any]]:
    """Yield a command, or those of a group, by full name."""
    command = load(name)
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
    else:
        yield from ((f"{name} {each}", found) for each, found in inner.items())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_what_it_takes(name: str) -> None:
    """Each command has its section, and each option and argument stands in it."""
    documented = dict(sections())
    for full_name, command in commands(name):
        text = documented.get(full_name)
        assert text is not None, f"docs/commands.md has no section '## posdata {full_name}'"
        for parameter in command.params:
            words = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar or ""]
            missing = [word for word in words if word and f"`{word}" not in text]
            assert not missing, f"posdata {full_name}: {missing} is not documented"


def test_no_section_documents_a_command_that_is_gone() -> None:
    """Each section's first word is a command of the table."""
    assert {name.split()[0] for name, _ in sections()} == set(COMMANDS)
