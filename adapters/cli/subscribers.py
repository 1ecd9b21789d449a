"""`posdata subscribers`: one person's data, shown or erased."""

import asyncio
import getpass
from datetime import UTC, datetime
from typing import Any

import typer

from adapters.cli.console import print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from adapters.cli.suppressions import Number, own_key, seal_of, subscriber_of
from adapters.postgres.subscriber_data import erase, export
from engine.settings import Settings
from segments.seal import Seal

subscribers = typer.Typer(help="One person's data.", no_args_is_help=True, rich_markup_mode=None)


@subscribers.command("export")
def export_subscriber(number: Number, *, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print all that is kept of a subscriber under their number, as JSON."""
    settings = settings_at(config)
    print_json(asyncio.run(_export(settings, seal_of(settings), subscriber_of(number))))


@subscribers.command("erase")
def erase_subscriber(number: Number, *, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Erase what is kept of a subscriber, but for what keeps ads away from them."""
    settings = settings_at(config)
    records = asyncio.run(_erase(settings, seal_of(settings), subscriber_of(number)))
    print(f"erased {records} records")


async def _export(settings: Settings, seal: Seal, number: int) -> dict[str, Any]:
    async with open_database(settings) as session:
        await own_key(session.pool, seal)
        async with session.pool.acquire() as connection, connection.transaction():
            return await export(connection, seal, number, by=getpass.getuser(), at=datetime.now(UTC))


async def _erase(settings: Settings, seal: Seal, number: int) -> int:
    async with open_database(settings) as session:
        await own_key(session.pool, seal)
        async with session.pool.acquire() as connection, connection.transaction():
            return await erase(connection, seal, number, by=getpass.getuser(), at=datetime.now(UTC))
