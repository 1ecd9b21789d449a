"""`posdata sessions`: the live sessions of a running node, asked from its workers; needs no database."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.control_line import ANSWER_S, RETRY_S, no_answer, open_line, require_node
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.table import number, rows
from adapters.processes.messages import AskSessions, LiveSession, LiveSessions, live_sessions

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
    answer = asyncio.run(ask_sessions(node.data_dir))
    if as_json:
        print_json({"node": node.name, "sessions": [_document(each) for each in answer.sessions]})
    else:
        print("\n".join(report(answer.sessions)))
    if answer.silent:
        named = ", ".join(map(str, answer.silent))
        complain([f"posdata: worker {named} did not answer: its sessions are missing; ask again"])
        raise CommandError(ExitCode.UNREACHABLE)


async def ask_sessions(data_dir: Path) -> LiveSessions:
    """Ask control, again while it is being replaced. Raises `CommandError`."""
    try:
        async with asyncio.timeout(ANSWER_S):
            while True:
                if (line := await open_line(data_dir)) and (answer := await _answer(*line)):
                    return live_sessions.validate_json(answer)
                require_node(data_dir)
                await asyncio.sleep(RETRY_S)
    except TimeoutError:
        raise no_answer(data_dir) from None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return control's answer, empty when it could not give one."""
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
