"""`posdata audit verify`: whether the audit log is as it was written."""

import asyncio
from typing import Any

import typer

from adapters.cli.console import ExitCode, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.postgres.audit import AuditCheck, BrokenLink, check_audit
from engine.settings import Settings

audit = typer.Typer(help="Check the audit log.", no_args_is_help=True, rich_markup_mode=None)


@audit.callback()
def _group() -> None:
    """Check the audit log."""


@audit.command("verify")
def verify_command(*, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check every entry's hash against the one before it; exit 1 at the first that does not fit."""
    found = asyncio.run(_check(settings_at(config)))
    if as_json:
        print_json(_document(found))
    else:
        whole = f"{found.entries} entries hold, up to {found.upto}, hash {found.hash.hex()}"
        print(whole if found.broken is None else f"{_line(found.broken)}\n{whole}")
    if found.broken is not None:
        raise typer.Exit(ExitCode.NO)


async def _check(settings: Settings) -> AuditCheck:
    async with open_database(settings) as session:
        return await check_audit(session.pool)


def _document(found: AuditCheck) -> dict[str, Any]:
    broken = found.broken
    return {
        "ok": broken is None,
        "entries": found.entries,
        "upto": found.upto,
        "hash": found.hash.hex(),
        "broken": None if broken is None else {"sequence": broken.sequence, "flaw": broken.flaw.value},
    }


def _line(broken: BrokenLink) -> str:
    """Say which entry is broken; what stands there may be forged, but tells where to look."""
    line, entry = f"entry {broken.sequence} is {broken.flaw}", broken.entry
    if entry is None:
        return line
    at = entry.at.isoformat(timespec="seconds")
    return f"{line}: {at} {entry.actor} {entry.action} {entry.subject_type} {entry.subject_id}"
