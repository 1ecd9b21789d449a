"""`posdata db migrate`: the schema brought up to date."""

import asyncio
from collections.abc import Sequence

import typer

from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from engine.settings import Settings

db = typer.Typer(help="Bring the database up to date.", no_args_is_help=True, rich_markup_mode=None)


@db.command("migrate")
def migrate_database(*, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Apply the migrations that are missing and name them; doing it twice changes nothing."""
    applied = asyncio.run(_migrated(settings_at(config)))
    print("\n".join(applied) if applied else "up to date")


async def _migrated(settings: Settings) -> Sequence[str]:
    async with open_database(settings) as session:
        return session.migrated
