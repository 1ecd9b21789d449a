"""`posdata config check`: the settings in effect, or every fault."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from adapters.cli.app import app
from adapters.files.settings_file import load_settings

FIXTURES = Path(__file__).parents[3] / "fixtures" / "settings"
SECRET = "s3cr3t"


def check(*arguments: object) -> Result:
    """Run `posdata config check`."""
    return CliRunner().invoke(app, ["config", "check", *map(str, arguments)])


@pytest.mark.parametrize("path", sorted((FIXTURES / "good").glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_printed_is_a_settings_file_of_the_same_effect(path: Path, tmp_path: Path) -> None:
    """The output can be saved and loaded, as YAML and as JSON."""
    for options in ([], ["--json"]):
        result = check("-c", path, *options)
        assert (result.exit_code, result.stderr) == (0, "")
        saved = tmp_path / "saved.yaml"
        saved.write_text(result.stdout, encoding="utf-8")
        assert load_settings(saved, {}) == load_settings(path, {})


def test_faults_go_to_stderr_one_line_each() -> None:
    """A file with several faults: exit 2, nothing on stdout, all of them listed."""
    path = FIXTURES / "bad" / "many_faults.yaml"
    result = check("-c", path, "--json")
    expected = path.with_suffix(".expected").read_text(encoding="utf-8").splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines() == [f"{path}:{line}" for line in expected]


def test_without_a_file_the_defaults_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing named and no posdata.yaml here: the defaults; with one here: that one."""
    monkeypatch.chdir(tmp_path)
    assert yaml.safe_load(check().stdout)["node"]["name"] == "relay-1"
    (tmp_path / "posdata.yaml").write_text("node: {name: norte-1}", encoding="utf-8")
    assert yaml.safe_load(check().stdout)["node"]["name"] == "norte-1"


def test_passwords_are_never_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the file's password nor the environment's is shown."""
    path = tmp_path / "posdata.yaml"
    path.write_text(f"database: postgresql://posdata:{SECRET}@db.example/posdata", encoding="utf-8")
    shown = json.loads(check("-c", path, "--json").stdout)
    assert shown["database"] == "postgresql://posdata:***@db.example/posdata"
    monkeypatch.setenv("POSDATA_DATABASE", f"postgresql:///posdata?password={SECRET}")
    assert SECRET not in check("-c", path).output
