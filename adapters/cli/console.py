"""How every command ends: its exit code, and one line on stderr that says what to do."""

import json
import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

TRACEBACK_VARIABLE = "POSDATA_TRACEBACK"
"""Environment variable that lets the traceback of an unexpected error through."""


class ExitCode(IntEnum):
    """What a command's exit code means."""

    WELL = 0
    NO = 1
    USAGE = 2
    UNREACHABLE = 3
    BUG = 70  # EX_SOFTWARE of sysexits.h: none of the answers above, so that no script takes it for one


class CommandError(Exception):
    """A command ends here: each line goes to stderr."""

    def __init__(self, code: ExitCode, *lines: str) -> None:
        super().__init__(*lines)
        self.code = code
        self.lines = lines


def complain(lines: Iterable[str]) -> None:
    """Write lines to stderr."""
    for line in lines:
        print(line, file=sys.stderr)


def one_line(error: BaseException) -> str:
    """Return what an error says on one line, its name when it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


def print_json(document: Any) -> None:
    """Write one JSON document to stdout."""
    print(json.dumps(document, indent=2))


def wants_traceback() -> bool:
    """Tell whether the operator asked to see where an unexpected error came from."""
    return bool(os.environ.get(TRACEBACK_VARIABLE))
