"""docs/operations.md and docs/http.md say what a node says: alarms, events, files, exit codes, routes."""

import re
from pathlib import Path

import pytest

from adapters.cli.console import ExitCode
from adapters.files.cdr import CDR_FOLDER, POSITION_FILE
from adapters.files.hash_key import HASH_KEY_FILE
from adapters.files.journal_reader import JOURNAL_FOLDER
from adapters.files.journal_writer import EPOCH_FILE
from adapters.files.node_status import ADS_OFF_FILE, LOCK_FILE, RUN_FOLDER, STATUS_FILE
from adapters.files.reference_data import load_geography, load_numbering
from adapters.files.rule_sets import default_rules
from adapters.http.api import PREFIX
from adapters.http.app import all_operations, node_app
from adapters.http.health import Readiness
from adapters.http.services import Services
from adapters.processes.plan_file import PLAN_FOLDER
from engine.access import EVERYBODY, TAGS
from engine.settings import Settings
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


@pytest.mark.parametrize(
    "name", [LOCK_FILE, STATUS_FILE, ADS_OFF_FILE, HASH_KEY_FILE, EPOCH_FILE, POSITION_FILE]
)
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


def services() -> Services:
    """Return what the API needs where there is no database."""
    return Services(lambda: None, Settings, load_geography(), load_numbering(), default_rules())


async def ready() -> Readiness:
    """Return that all is well."""
    return Readiness(relay=True, database=True, ads=True)


async def no_metrics() -> bytes:
    """Return none."""
    return b""


async def test_every_route_is_explained_and_none_that_is_gone() -> None:
    """Each route outside the API has its section, each page of the console its row."""
    app = node_app(ready, no_metrics, services())
    served = {resource.canonical for resource in app.router.resources()}
    outside = {path for path in served if not path.startswith(PREFIX)}
    told = re.findall(r"^## GET (\S+)$", HTTP, re.MULTILINE) + re.findall(
        r"^\| `(/\S*)` \|", HTTP, re.MULTILINE
    )
    assert set(told) == outside


def test_every_operation_of_the_api_is_listed_and_none_that_is_gone() -> None:
    """Method, path, roles, as the operations say them."""
    rows = {
        (f"{each.method} {each.path}", "all" if each.roles == EVERYBODY else ", ".join(sorted(each.roles)))
        for each in all_operations(services())
    }
    listed = set(re.findall(r"^\| `([A-Z]+ /\S+)` \| ([a-z_, ]+) \|", HTTP, re.MULTILINE))
    assert listed == rows


def test_scopes_name_the_operations_there_are() -> None:
    """A key can be narrowed to every kind of operation, and to none that is gone."""
    assert {each.tag for each in all_operations(services())} == TAGS


@pytest.mark.parametrize("field", ["ready", *Readiness.__dataclass_fields__])
def test_every_field_of_readyz_is_explained(field: str) -> None:
    """Whoever reads an answer knows what each field means."""
    assert f"| `{field}` |" in HTTP


@pytest.mark.parametrize("state", CampaignState)
def test_every_state_of_a_campaign_is_explained(state: CampaignState) -> None:
    """docs/architecture.md says how a campaign gets into each state."""
    assert f"`{state}`" in (DOCS / "architecture.md").read_text(encoding="utf-8")
