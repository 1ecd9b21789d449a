"""`posdata counts`: the books, and whether they balance."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.table import number, rows
from adapters.files.journal_reader import unsettled
from adapters.postgres.books import PostgresBooks
from engine.settings import Settings
from inventory.balance import imbalances
from inventory.books import CampaignCounts, Counts

_COLUMNS = ("inserted", "accepted", "rejected", "unknown", "in_flight", "settled", "leased", "free")


def counts_command(
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="ID", help="show one campaign only")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the books; exit 1 when they do not balance."""
    counts, waiting = asyncio.run(_read(settings_at(config)))
    shown = _only(counts, campaign) if campaign is not None else counts
    if as_json:
        print_json(document(shown, waiting))
    else:
        print("\n".join(report(shown, waiting)))
    if faults := imbalances(counts):
        complain(f"posdata: the books do not balance: {fault}" for fault in faults)
        raise typer.Exit(ExitCode.NO)
    if not as_json:
        print("The books balance.")


async def _read(settings: Settings) -> tuple[Counts, int]:
    async with open_database(settings) as session:
        books = PostgresBooks(session.pool)
        # In this order, so that a record is in the counts, or among those that wait, or in both for a moment;
        # a segment that is removed meanwhile was settled before the counts are read.
        applied = {each.epoch: each.applied for each in await books.open_epochs(settings.node.name)}
        waiting = unsettled(Path(settings.node.data_dir), applied)
        return await books.counts(), waiting


def _only(counts: Counts, campaign: str) -> Counts:
    found = [each for each in counts.campaigns if each.id == campaign]
    if not found:
        line = f"posdata: there is no campaign '{campaign}'; posdata campaigns list shows their ids"
        raise CommandError(ExitCode.NO, line)
    return replace(counts, campaigns=found)


def document(counts: Counts, waiting: int) -> dict[str, Any]:
    """Return the books as the contract's JSON object; `waiting` are journal records not yet settled."""
    return {
        "notifications": counts.notifications,
        "campaigns": [_campaign(each) for each in counts.campaigns],
        "pass_through": dict(counts.pass_through),
        "consumed": counts.consumed,
        "refused": counts.refused,
        "unsettled": waiting,
    }


def _campaign(counts: CampaignCounts) -> dict[str, Any]:
    return {
        "id": counts.id,
        "name": counts.name,
        "quantity": counts.quantity,
        **counts.tally(),
        "ledger": counts.ledger(),
    }


def report(counts: Counts, waiting: int) -> Sequence[str]:
    """Return the books as lines for a person."""
    totals = [
        ("notifications", counts.notifications),
        ("  with an ad", sum(each.inserted for each in counts.campaigns)),
        ("  passed through", sum(counts.pass_through.values())),
        *(
            (f"    {reason}", n)
            for reason, n in sorted(counts.pass_through.items(), key=lambda item: -item[1])
        ),
        ("  consumed", counts.consumed),
        ("  refused", counts.refused),
        ("not settled yet", waiting),
    ]
    lines = rows([(name, number(n)) for name, n in totals])
    if not counts.campaigns:
        return [*lines, "", "no campaigns"]
    header = ("campaign", "quantity", *(name.replace("_", " ") for name in _COLUMNS), "id")
    body = [
        (
            each.name,
            number(each.quantity),
            *(number(getattr(each, name)) for name in _COLUMNS),
            each.id,
        )
        for each in counts.campaigns
    ]
    return [*lines, "", *rows([header, *body])]
