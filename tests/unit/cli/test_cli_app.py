"""The command line as a whole: exit codes, one line for an error, commands found by name."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from typer.testing import CliRunner, Result

from adapters.cli import app as command_line
from adapters.cli.app import COMMANDS, app
from adapters.cli.console import CommandError, ExitCode


def run(*arguments: str) -> Result:
    """Run posdata in this process."""
    return CliRunner().invoke(app, list(arguments))


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `posdata check` end with an exception."""

    def command() -> NoReturn:
        raise error

    monkeypatch.setattr("adapters.cli.check.check_command", command)


def test_help_lists_every_command_without_loading_it() -> None:
    """`--help` and `-h` name all commands, exit 0, and say nothing on stderr."""
    for option in ("--help", "-h"):
        result = run(option)
        assert (result.exit_code, result.stderr) == (0, "")
        assert all(f"  {name} " in result.stdout for name in COMMANDS)


def test_no_arguments_show_the_help_as_a_usage_error() -> None:
    """Bare `posdata` and a bare group exit with 2 and print nothing on stdout."""
    for arguments in ([], ["campaigns"], ["config"], ["db"]):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Usage: posdata" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["chek"], "posdata: no command 'chek'; did you mean 'check'?"),
        (["quux"], "posdata: no command 'quux'; see posdata --help"),
        (["counts", "--bad"], "posdata: No such option: --bad; add --help to see how"),
        (["config", "chek"], "posdata: No such command 'chek'. Did you mean 'check'?; add --help to see how"),
        (["campaigns", "import"], "posdata: Missing argument 'FILE'; add --help to see how"),
        (["counts", "-c"], "posdata: Option '-c' requires an argument; add --help to see how"),
    ],
)
def test_usage_errors_are_one_line(arguments: list[str], line: str) -> None:
    """A mistyped command, option or argument: exit 2, one line on stderr, nothing on stdout."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"{line}\n")


@pytest.mark.parametrize("code", [ExitCode.NO, ExitCode.USAGE, ExitCode.UNREACHABLE])
def test_a_command_ends_with_its_own_code_and_lines(code: ExitCode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command says on ending goes to stderr, whatever it was."""
    raising(CommandError(code, "one", "two"), monkeypatch)
    result = run("check")
    assert (result.exit_code, result.stdout, result.stderr) == (int(code), "", "one\ntwo\n")


def test_an_unforeseen_error_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug shows no traceback and takes none of the codes that mean something."""
    raising(KeyError("place"), monkeypatch)
    result = run("check")
    assert result.exit_code == ExitCode.BUG
    assert result.stderr == "posdata: unexpected KeyError: 'place'; POSDATA_TRACEBACK=1 shows where\n"


def test_a_traceback_is_shown_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """POSDATA_TRACEBACK lets the exception through."""
    monkeypatch.setenv("POSDATA_TRACEBACK", "1")
    raising(KeyError("place"), monkeypatch)
    assert isinstance(run("check").exception, KeyError)


def test_an_interrupt_ends_as_a_shell_expects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C exits with 128 + SIGINT and prints no traceback."""
    raising(KeyboardInterrupt(), monkeypatch)
    result = run("check")
    assert (result.exit_code, result.stderr) == (130, "")


def test_a_command_loads_nothing_of_the_others() -> None:
    """`posdata check` starts without the database driver and the settings."""
    program = (
        "import sys; from adapters.cli.app import load; load('check'); "
        "print([m for m in ('asyncpg', 'aiohttp', 'engine.settings') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": "."},
    )
    assert done.stdout == "[]\n"


def test_every_command_of_the_table_exists() -> None:
    """Each name loads a command of that name."""
    assert [command_line.load(name).name for name in COMMANDS] == list(COMMANDS)
