"""README can be followed literally: its targets, commands and settings are there."""

import re
from pathlib import Path

import yaml

from adapters.cli.app import COMMANDS
from engine.settings import parse_settings

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_make_target_exists() -> None:
    """Each `make TARGET` of README is a target of the Makefile."""
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"(?:^|`|\$ )make ([a-z]+)", README, re.MULTILINE))
    assert {"demo", "test"} <= named <= set(targets)


def test_every_command_exists() -> None:
    """Each `posdata COMMAND` of README is a command."""
    named = set(re.findall(r"`(?:\.venv/bin/)?posdata ([a-z]+)", README))
    assert named <= set(COMMANDS)
    assert {"demo", "serve", "counts"} <= named


def test_the_settings_shown_are_settings() -> None:
    """A node starts with what README shows."""
    [shown] = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert parse_settings(yaml.safe_load(shown)).relay.mode == "observe"


def test_the_python_it_asks_for_is_the_one_the_project_asks_for() -> None:
    """README and pyproject.toml agree on the oldest Python."""
    [oldest] = re.findall(
        r'^requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    assert f"Python {oldest} or newer" in README


def test_the_version_in_use_has_its_place_in_the_changelog() -> None:
    """The changelog begins with what is not released yet."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", changelog, re.MULTILINE)[0] == "Unreleased"
