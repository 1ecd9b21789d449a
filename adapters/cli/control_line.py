"""A command's connection to the control process of a running node."""

import asyncio
from pathlib import Path

from adapters.cli.console import CommandError, ExitCode
from adapters.files.node_status import control_socket, is_running

# Control asks its workers for 3 s at most; it may be in the middle of being replaced.
ANSWER_S = 10.0
RETRY_S = 0.1
# 10,000 sessions in one line.
LINE_LIMIT = 16 * 1024 * 1024

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def open_line(data_dir: Path) -> Line | None:
    """Connect to control; None while it is being replaced. Raises `CommandError` when no node runs."""
    path = control_socket(data_dir)
    try:
        return await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    except PermissionError:
        line = f"posdata: {path} belongs to another user; run this as the one who runs the node"
        raise CommandError(ExitCode.UNREACHABLE, line) from None
    except OSError:
        require_node(data_dir)
        return None


def require_node(data_dir: Path) -> None:
    """Raise `CommandError` when no node runs in a directory."""
    if not is_running(data_dir):
        line = f"posdata: no node runs in {data_dir}; start one with posdata serve"
        raise CommandError(ExitCode.UNREACHABLE, line)


def no_answer(data_dir: Path) -> CommandError:
    """Return the error of a node that runs and does not answer within ANSWER_S."""
    line = f"posdata: the node in {data_dir} did not answer within {ANSWER_S:g} s; look at its log"
    return CommandError(ExitCode.UNREACHABLE, line)
