"""`posdata campaigns`: import campaigns from a file, list those there are."""

import asyncio
import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.table import number, rows
from adapters.files.campaign_file import CampaignFileError, read_campaigns
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.http.taken_numbers import taken_fault
from adapters.postgres.campaigns import PostgresCampaigns, UnknownBrandError
from adapters.postgres.engagements import NumberTakenError
from adapters.postgres.links import shortener
from engine.settings import Settings
from inventory.availability import Prospect
from inventory.document import Standards
from inventory.draft import CampaignDraft
from inventory.response_numbers import unshown

campaigns = typer.Typer(help="Import and list campaigns.", no_args_is_help=True, rich_markup_mode=None)


@campaigns.command("import")
def import_campaigns(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="YAML or JSON: one campaign or a list of them")
    ],
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    approve: Annotated[
        bool, typer.Option("--approve", help="approve them at once; needs policy.allow_unreviewed")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import every campaign of a file, or none: exit 2 with one line for each fault."""
    settings = settings_at(config)
    if approve and not settings.policy.allow_unreviewed:
        line = f"{config}: --approve needs policy.allow_unreviewed: true; set it, or import without --approve"
        raise CommandError(ExitCode.USAGE, line)
    now = datetime.now(UTC)
    drafts = _drafts(file, now, settings.http.public_url)
    ids, short = asyncio.run(_add(settings, drafts, approve, now))
    complain(map(_shortfall, short))
    complain(
        f"posdata: {draft.name}: {fault.en}"
        for draft in drafts
        for fault in unshown((each.text for each in draft.creatives), draft.response_number)
    )
    imported = [(each, draft.name) for each, draft in zip(ids, drafts, strict=True)]
    if as_json:
        print_json([{"id": each, "name": name} for each, name in imported])
    else:
        print("\n".join(f"{each}  {name}" for each, name in imported))


@campaigns.command("list")
def list_campaigns(*, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """List every campaign with its state and how far it is."""
    documents = asyncio.run(_documents(settings_at(config)))
    if as_json:
        print_json(documents)
    else:
        print("\n".join(_report(documents)))


def _drafts(file: Path, now: datetime, public_url: str | None) -> Sequence[CampaignDraft]:
    standards = Standards(default_rules(), load_geography(), now, shortener(public_url))
    try:
        return read_campaigns(file, standards)
    except CampaignFileError as error:
        raise CommandError(ExitCode.USAGE, *map(str, error.faults)) from None


async def _add(
    settings: Settings, drafts: Sequence[CampaignDraft], approve: bool, now: datetime
) -> tuple[Sequence[str], Sequence[Prospect]]:
    """Add drafts; return their ids, and those approved ones that are expected to end short."""
    async with open_database(settings) as session:
        try:
            ids = await PostgresCampaigns(session.pool).add(
                drafts,
                approve=approve,
                now=now,
                timezone=settings.policy.default_timezone,
                by=getpass.getuser(),
            )
        except UnknownBrandError as error:
            raise CommandError(ExitCode.USAGE, f"posdata: {error}; nothing was imported") from None
        except NumberTakenError as taken:
            line = f"posdata: {taken_fault(taken, '').en}; nothing was imported"
            raise CommandError(ExitCode.USAGE, line) from None
        if not approve:
            return ids, []
        # It imports numpy and scipy, which importing without approval can do without.
        from adapters.cli.market import open_market  # noqa: PLC0415

        market = await open_market(session.pool, settings, now)
    return ids, [each for each in market.prospects() if each.id in set(ids) and each.at_risk]


def _shortfall(prospect: Prospect) -> str:
    share = prospect.p20 if prospect.sold_on == "p20" else prospect.p50
    expected = int(share * prospect.quantity)
    return (
        f"posdata: {prospect.name}: {expected:,} of {prospect.quantity:,} are expected "
        f"({prospect.sold_on.upper()}); "
        "it is booked all the same, posdata availability --file says what would help"
    )


async def _documents(settings: Settings) -> Sequence[dict[str, Any]]:
    async with open_database(settings) as session:
        return await PostgresCampaigns(session.pool).all_documents(datetime.now(UTC))


def _report(documents: Sequence[dict[str, Any]]) -> Sequence[str]:
    if not documents:
        return ["no campaigns; posdata campaigns import FILE brings some"]
    header = ("campaign", "brand", "class", "state", "serving", "quantity", "settled", "starts", "ends", "id")
    return rows([header, *(_row(document) for document in documents)])


def _row(document: dict[str, Any]) -> tuple[str, ...]:
    return (
        document["name"],
        document["brand"],
        document["class"],
        document["state"],
        _serving(document),
        number(document["quantity"]),
        number(document["ledger"]["settled"]),
        _minute(document["starts_at"]),
        _minute(document["ends_at"]),
        document["id"],
    )


def _serving(document: dict[str, Any]) -> str:
    if document["serving"]:
        harmful = sum(creative["harmful"] is not None for creative in document["creatives"])
        return f"yes, less {harmful} harmful" if harmful else "yes"
    if document["stopped"]:
        return "stopped"
    return "harmful" if any(creative["harmful"] for creative in document["creatives"]) else "no"


def _minute(instant: str | None) -> str:
    if instant is None:  # a draft that is not complete yet
        return "-"
    return f"{datetime.fromisoformat(instant).astimezone(UTC):%Y-%m-%d %H:%M}Z"
