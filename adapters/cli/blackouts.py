"""`posdata blackouts`: no ads of some categories in some places for a time; made, listed, withdrawn."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Any, TypeVar

import typer

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, ExcludedPlaces, Places, settings_at
from adapters.cli.table import rows
from adapters.cli.wish import DATE, instant_of, target_of
from adapters.files.reference_data import load_geography
from adapters.http.blackouts_api import blackout_document
from adapters.postgres.blackouts import BlackoutOverError, BlackoutUnknownError, PostgresBlackouts
from engine.settings import Settings
from inventory.blackouts import BlackoutDraft
from segments.clock import pinned_zone

SHOWN = 1000

blackouts = typer.Typer(help="No ads there and then.", no_args_is_help=True, rich_markup_mode=None)

T = TypeVar("T")


@blackouts.command("add")
def add_blackout(
    reason: Annotated[str, typer.Argument(metavar="REASON", help="why, in words")],
    *,
    begin: Annotated[str, typer.Option("--from", metavar="WHEN", help="date or time, on the national clock")],
    end: Annotated[str, typer.Option("--to", metavar="WHEN", help="a date counts to its end")],
    target: Places = None,
    exclude: ExcludedPlaces = None,
    category: Annotated[
        list[str] | None, typer.Option("--category", metavar="NAME", help="repeatable; all without it")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Keep ads of some categories, or all, away from some places, or all, for a time."""
    settings, now = settings_at(config), datetime.now(UTC)
    zone = pinned_zone(settings.policy.default_timezone)
    draft = BlackoutDraft(
        reason.strip(),
        tuple(dict.fromkeys(each.strip() for each in category)) if category else None,
        target_of(target or (), exclude or ()),
        _instant(begin, zone, is_end=False),
        _instant(end, zone, is_end=True),
    )
    faults = [
        f"posdata: {fault.pointer.strip('/')} {fault.en}" for fault in draft.faults(load_geography(), now)
    ]
    if not all((draft.reason, *(draft.categories or ()))):
        faults.append("posdata: REASON and --category need words")
    if faults:
        raise CommandError(ExitCode.USAGE, *faults)

    async def add(register: PostgresBlackouts) -> dict[str, Any]:
        row = await register.create(draft, by=getpass.getuser(), at=now)
        return await _document(register, row, settings)

    _print(asyncio.run(_with_register(settings, add)), as_json=as_json)


@blackouts.command("list")
def list_blackouts(
    *,
    every: Annotated[bool, typer.Option("--all", help="those that are over or withdrawn, too")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """List the blackouts that hold now or later."""
    settings = settings_at(config)

    async def listed(register: PostgresBlackouts) -> list[dict[str, Any]]:
        standing_at = None if every else datetime.now(UTC)
        found = await register.listed(standing_at=standing_at, limit=SHOWN)
        return [await _document(register, row, settings) for row in found]

    documents = asyncio.run(_with_register(settings, listed))
    if as_json:
        print_json(documents)
        return
    print("\n".join(_report(documents)) if documents else "no blackouts")


@blackouts.command("withdraw")
def withdraw_blackout(
    blackout: Annotated[str, typer.Argument(metavar="ID", help="as `list` shows it")],
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Let a blackout hold no more; exit 1 when it is over or unknown."""
    settings = settings_at(config)

    async def withdraw(register: PostgresBlackouts) -> dict[str, Any]:
        row = await register.withdraw(blackout, by=getpass.getuser(), at=datetime.now(UTC))
        return await _document(register, row, settings)

    try:
        document = asyncio.run(_with_register(settings, withdraw))
    except BlackoutUnknownError:
        line = f"posdata: no blackout {blackout}; `posdata blackouts list --all` shows them"
        raise CommandError(ExitCode.NO, line) from None
    except BlackoutOverError:
        raise CommandError(ExitCode.NO, "posdata: it has ended, or was withdrawn") from None
    _print(document, as_json=as_json)


def _instant(text: str, zone: tzinfo, *, is_end: bool) -> datetime:
    """Return an instant; one without an offset is of the national clock. Raises `CommandError`."""
    written = text
    with suppress(ValueError):
        given = datetime.fromisoformat(text)
        if given.tzinfo is None and not DATE.fullmatch(text):
            written = given.replace(tzinfo=zone).isoformat()
    return datetime.fromtimestamp(instant_of(written, zone, is_end=is_end), UTC)


async def _with_register(settings: Settings, act: Callable[[PostgresBlackouts], Awaitable[T]]) -> T:
    async with open_database(settings) as session:
        return await act(PostgresBlackouts(session.pool))


async def _document(
    register: PostgresBlackouts, row: Mapping[str, Any], settings: Settings
) -> dict[str, Any]:
    unknown = set(await register.unknown(row["categories"] or ()))
    return blackout_document(row, settings.policy.default_timezone, datetime.now(UTC), unknown)


def _print(document: Mapping[str, Any], *, as_json: bool) -> None:
    complain(f"posdata: no brand and no campaign is of {each!r}" for each in document["unknown_categories"])
    if as_json:
        print_json(document)
    else:
        span = f"{document['from']} to {document['to']} ({document['timezone']})"
        print(f"{document['id']}  {document['state']}  {span}")


def _report(documents: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    table = [("reason", "state", "from", "to", "categories", "where", "id")]
    for each in documents:
        sides = ((sign, each["target"][side]) for sign, side in (("", "include"), ("-", "exclude")))
        places = [f"{sign}{value}" for sign, listed in sides for entry in listed for value in entry.values()]
        categories = ", ".join(each["categories"] or ["all"])
        where = ("" if each["target"]["include"] else "everywhere ") + "; ".join(places)
        table.append(
            (each["reason"], each["state"], each["from"], each["to"], categories, where.strip(), each["id"])
        )
    return rows(table)
