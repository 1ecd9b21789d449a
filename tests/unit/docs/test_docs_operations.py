"""docs/operations.md and docs/http.md say what a node says: alarms, events, files, exit codes, routes."""

import re
from pathlib import Path

import pytest

from adapters.cli.console import ExitCode
from adapters.files.cdr import CDR_FOLDER, POSITION_FILE
from adapters.files.journal_reader import JOURNAL_FOLDER
from adapters.files.journal_writer import EPOCH_FILE
from adapters.files.node_status import ADS_OFF_FILE, LOCK_FILE, RUN_FOLDER, STATUS_FILE
from adapters.http.app import node_app
from adapters.http.health import Readiness
from adapters.processes.plan_file import PLAN_FOLDER
from inventory.campaign import CampaignState

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
HTTP = (DOCS / "http.md").read_text(encoding="utf-8")
SOURCES = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("adapters", "engine")
    for path in (ROOT / folder).rglob("*.py")
)
ALARMS = set(re.findall(r'"(alarm_[a-z_]+)"', SOURCES))
EVENTS = set(re.findall(r'(?:log\.(?:info|warning|error)|\.event)\(\s*"([a-z_]+)"', SOURCES)) - ALARMS


def test_every_alarm_is_explained_once_and_none_that_is_gone() -> None:
    """An operator finds each alarm of the code in the table, and no other."""
    rows = re.findall(r"^\| `(alarm_[a-z_]+)` \|", OPERATIONS, re.MULTILINE)
    assert sorted(rows) == sorted(ALARMS)


def test_every_other_event_is_explained() -> None:
    """What is logged without being an alarm is named too."""
    assert [event for event in sorted(EVENTS) if f"`{event}`" not in OPERATIONS] == []


@pytest.mark.parametrize("name", [LOCK_FILE, STATUS_FILE, ADS_OFF_FILE, EPOCH_FILE, POSITION_FILE])
def test_every_file_of_a_data_dir_is_explained(name: str) -> None:
    """Whoever looks into the data directory learns what lies there."""
    assert f"`{name}`" in OPERATIONS


@pytest.mark.parametrize("folder", [JOURNAL_FOLDER, CDR_FOLDER, PLAN_FOLDER, RUN_FOLDER, "postgres"])
def test_every_folder_of_a_data_dir_is_explained(folder: str) -> None:
    """The folders stand in the same table."""
    assert f"| `{folder}/" in OPERATIONS


def test_every_exit_code_is_explained() -> None:
    """docs/commands.md says what each exit code means, and knows no other."""
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", commands, re.MULTILINE)} == set(ExitCode)


def test_every_environment_variable_is_explained() -> None:
    """What is read from the environment is told."""
    variables = re.findall(r'(?:_VARIABLE = |environ\.get\()"([A-Z_]+)"', SOURCES)
    told = OPERATIONS + "".join(page.read_text(encoding="utf-8") for page in DOCS.rglob("*.md"))
    assert len(variables) >= 3
    assert [name for name in variables if name not in told] == []


async def test_every_route_is_explained_and_none_that_is_gone() -> None:
    """Each route of the HTTP port has its section."""
    app = node_app(lambda: Readiness(relay=True, database=True, ads=True), lambda: b"")
    served = {resource.canonical for resource in app.router.resources()}
    assert set(re.findall(r"^## GET (\S+)$", HTTP, re.MULTILINE)) == served


@pytest.mark.parametrize("field", ["ready", *Readiness.__dataclass_fields__])
def test_every_field_of_readyz_is_explained(field: str) -> None:
    """Whoever reads an answer knows what each field means."""
    assert f"| `{field}` |" in HTTP


@pytest.mark.parametrize("state", CampaignState)
def test_every_state_of_a_campaign_is_explained(state: CampaignState) -> None:
    """docs/architecture.md says how a campaign gets into each state."""
    assert f"`{state}`" in (DOCS / "architecture.md").read_text(encoding="utf-8")
