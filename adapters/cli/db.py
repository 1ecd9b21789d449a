"""`posdata db`: the schema brought up to date, the embedded database copied to a file and back."""

import asyncio
import getpass
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli import database
from adapters.cli.console import CommandError, ExitCode, one_line
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from adapters.files.journal_reader import JOURNAL_FOLDER
from adapters.files.node_status import switch_ads, take_node_lock
from adapters.postgres.cluster import ServerError
from adapters.postgres.dump import DumpError, Fenced, check, dump, restore, set_aside
from adapters.postgres.server import owned_or_joined
from engine.settings import Settings

db = typer.Typer(
    help="Bring the database up to date, back it up, restore it.", no_args_is_help=True, rich_markup_mode=None
)

DumpFile = Annotated[Path, typer.Argument(metavar="FILE", help="the dump")]


@db.command("migrate")
def migrate_database(*, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Apply the migrations that are missing and name them; doing it twice changes nothing."""
    applied = asyncio.run(_migrated(settings_at(config)))
    print("\n".join(applied) if applied else "up to date")


async def _migrated(settings: Settings) -> Sequence[str]:
    async with open_database(settings) as session:
        return session.migrated


@db.command("backup")
def backup_command(file: DumpFile, *, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Copy the embedded database to a file, as of one instant; the node may run."""
    data_dir = _embedded(settings_at(config))

    async def backup() -> None:
        async with owned_or_joined(data_dir, database.OPEN_S) as dsn:
            await asyncio.to_thread(dump, data_dir, dsn, file)

    try:
        asyncio.run(backup())
    except (DumpError, ServerError) as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {one_line(error)}") from None
    print(f"{file}: {file.stat().st_size} octets")


@db.command("restore")
def restore_command(file: DumpFile, *, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Put a backup in the place of the embedded database; the node must not run. Ads are off afterwards.

    What was leased when the backup was taken is booked as unknown: it may have been spent since.
    """
    settings = settings_at(config)
    data_dir = _embedded(settings)
    try:
        check(data_dir, file)
    except DumpError as error:
        raise CommandError(ExitCode.USAGE, f"posdata: {file} can't be restored: {one_line(error)}") from None
    lock = take_node_lock(data_dir)
    if lock is None:
        raise CommandError(ExitCode.USAGE, f"posdata: a node runs in {data_dir}; stop it, then restore")
    now = datetime.now(UTC)
    switch_ads(data_dir, on=False)
    try:
        fenced = asyncio.run(restore(data_dir, file, by=getpass.getuser(), now=now))
    except (DumpError, ServerError) as error:
        line = f"posdata: {one_line(error)}; nothing was restored, ads are off on this node"
        raise CommandError(ExitCode.UNREACHABLE, line) from None
    journals = set_aside(data_dir / JOURNAL_FOLDER, now)
    os.close(lock)
    print("\n".join(_report(fenced, journals)))


def _embedded(settings: Settings) -> Path:
    if settings.database != "embedded":
        line = "posdata: the database is not the embedded one; use its own pg_dump and pg_restore"
        raise CommandError(ExitCode.USAGE, line)
    return Path(settings.node.data_dir)


def _report(fenced: Sequence[Fenced], journals: Path | None) -> Sequence[str]:
    lines = [
        f"worker {one.epoch.worker} of {one.epoch.node}, epoch {one.epoch.number}: {one.units} units unknown"
        for one in fenced
    ]
    if journals is not None:
        lines.append(f"journals of after the backup: {journals} (posdata journal verify shows their sums)")
    lines.append("restored; ads are off: compare with the SMSC's figures before `posdata ads on`")
    return lines
