"""`posdata sessions`: the live sessions of a running node, asked from its workers; needs no database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.table import number, rows
from adapters.files.node_status import control_socket, is_running
from adapters.processes.messages import AskSessions, LiveSession, LiveSessions, live_sessions

# Control asks its workers for 3 s at most; it may be in the middle of being replaced.
ANSWER_S = 10.0
RETRY_S = 0.1
# 10,000 sessions in one line.
LINE_LIMIT = 16 * 1024 * 1024

_COLUMNS = ("peer", "route", "system_id", "bind", "worker", "since", "notifications", "ads", "unanswered")


@dataclass(frozen=True, slots=True)
class _Node:
    """Which node is asked, and where."""

    name: str
    data_dir: Path


def sessions_command(*, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show the live sessions of this node; exit 3 when no node runs or a worker is silent."""
    settings = settings_at(config)
    node = _Node(settings.node.name, Path(settings.node.data_dir))
    answer = asyncio.run(_ask(node))
    if as_json:
        print_json({"node": node.name, "sessions": [_document(each) for each in answer.sessions]})
    else:
        print("\n".join(report(answer.sessions)))
    if answer.silent:
        named = ", ".join(map(str, answer.silent))
        complain([f"posdata: worker {named} did not answer: its sessions are missing; ask again"])
        raise CommandError(ExitCode.UNREACHABLE)


async def _ask(node: _Node) -> LiveSessions:
    """Ask control, again while it is being replaced. Raises `CommandError`."""
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                if answer := await _answer(control_socket(node.data_dir)):
                    return live_sessions.validate_json(answer)
                if not is_running(node.data_dir):
                    line = f"posdata: no node runs in {node.data_dir}; start one with posdata serve"
                    raise CommandError(ExitCode.UNREACHABLE, line)
                await asyncio.sleep(RETRY_S)
    except TimeoutError:
        line = f"posdata: the node in {node.data_dir} did not answer within {ANSWER_S:g} s; look at its log"
        raise CommandError(ExitCode.UNREACHABLE, line) from None


async def _answer(path: Path) -> bytes:
    """Return control's answer, empty when it could not give one. Raises `CommandError`."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_LIMIT)
    except PermissionError:
        line = f"posdata: {path} belongs to another user; run this as the one who runs the node"
        raise CommandError(ExitCode.UNREACHABLE, line) from None
    except OSError:
        return b""
    try:
        writer.write(AskSessions().encoded())
        return await reader.readline()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def _document(session: LiveSession) -> dict[str, Any]:
    return {
        "worker": session.worker,
        "route": session.route,
        "peer": session.peer,
        "system_id": session.system_id,
        "bind": session.bind,
        "since": _instant(session.since),
        "notifications": session.notifications,
        "ads": session.ads,
        "unanswered": session.unanswered,
        "bytes": {"platform": session.platform_octets, "smsc": session.smsc_octets},
    }


def report(sessions: Sequence[LiveSession]) -> Sequence[str]:
    """Return the sessions as lines for a person."""
    if not sessions:
        return ["no sessions"]
    header = (*(name.replace("_", " ") for name in _COLUMNS), "from platform", "from smsc")
    body = [
        (
            each.peer,
            each.route,
            each.system_id,
            each.bind or "",
            number(each.worker),
            _instant(each.since),
            number(each.notifications),
            number(each.ads),
            number(each.unanswered),
            number(each.platform_octets),
            number(each.smsc_octets),
        )
        for each in sessions
    ]
    return rows([header, *body])


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
