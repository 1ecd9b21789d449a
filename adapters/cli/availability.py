"""`posdata availability`: how many can be bought, what stands in the way of more, how bookings will end."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.database import open_database
from adapters.cli.market import open_market, utc
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, ExcludedPlaces, Places, settings_at
from adapters.cli.table import number, rows
from adapters.cli.wish import booking_of_draft, hours_of, instant_of, size_of, target_of
from adapters.files.campaign_file import CampaignFileError, read_campaigns
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from engine.settings import Settings
from inventory.advice import Advice
from inventory.availability import REASONS, Contention, Prospect, Rival
from inventory.booking import Booking
from inventory.campaign import CampaignClass
from inventory.document import Standards
from inventory.quote import Quote, quote
from segments.clock import pinned_zone

_SHOWN = 8

_NO_TEXT = 0


def availability_command(
    *,
    target: Places = None,
    exclude: ExcludedPlaces = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="date, or instant with offset")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="WHEN", help="a date counts to its end")] = None,
    text: Annotated[str | None, typer.Option("--text", help="the ad, for its length")] = None,
    category: Annotated[str, typer.Option("--category", help="of the ad: blackouts may concern it")] = "",
    quantity: Annotated[int, typer.Option("--quantity", min=0, help="how many are wanted")] = 0,
    campaign_class: Annotated[
        CampaignClass, typer.Option("--class", help="sold as")
    ] = CampaignClass.GUARANTEED,
    hours: Annotated[
        list[str] | None,
        typer.Option("--hours", metavar="WINDOW", help="09:00-20:00 or 'mon-fri 09:00-20:00'; repeatable"),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="ask for the campaigns of a file instead")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell how many can be bought; without dates, how what was sold will end. Exit 1 when it is too few."""
    settings = settings_at(config)
    now = datetime.now(UTC)
    if file is not None:
        wishes = _wishes_of(file, now)
    elif begin is None and end is None:
        prospects, cold = asyncio.run(_prospects(settings, now))
        _print_prospects(prospects, cold_start=cold, as_json=as_json)
        return
    else:
        zone = pinned_zone(settings.policy.default_timezone)
        wish = Booking(
            "",
            "this booking",
            campaign_class,
            target_of(target or (), exclude or ()),
            now.timestamp() if begin is None else instant_of(begin, zone, is_end=False),
            instant_of(_given(end), zone, is_end=True),
            hours_of(hours or ()),
            _NO_TEXT if text is None else size_of(text),
            quantity,
            category=category,
        )
        wishes = [wish]
    answered = asyncio.run(_answers(settings, wishes, now))
    if as_json:
        documents = [_document(each) for each in answered]
        print_json(documents if file is not None else documents[0])
    else:
        zone_name = settings.policy.default_timezone
        print("\n\n".join("\n".join(_report(each, zone_name)) for each in answered))
    if not all(each.enough for each in answered):
        raise typer.Exit(ExitCode.NO)


def _given(end: str | None) -> str:
    if end is None:
        raise CommandError(ExitCode.USAGE, "posdata: --to is missing: say when the booking ends")
    return end


def _wishes_of(file: Path, now: datetime) -> Sequence[Booking]:
    try:
        drafts = read_campaigns(file, Standards(default_rules(), load_geography(), now))
    except CampaignFileError as error:
        raise CommandError(ExitCode.USAGE, *map(str, error.faults)) from None
    wishes = [wish for wish in map(booking_of_draft, drafts) if wish is not None]
    if not wishes:
        raise CommandError(ExitCode.USAGE, f"posdata: {file} asks for no quantity")
    return wishes


async def _answers(settings: Settings, wishes: Sequence[Booking], now: datetime) -> Sequence[Quote]:
    async with open_database(settings) as session:
        market = await open_market(session.pool, settings, now)
    earliest = (now + timedelta(hours=settings.policy.lead_time_hours)).timestamp()
    return [quote(market, wish.not_before(earliest)) for wish in wishes]


async def _prospects(settings: Settings, now: datetime) -> tuple[Sequence[Prospect], bool]:
    async with open_database(settings) as session:
        market = await open_market(session.pool, settings, now)
    return market.prospects(), market.forecast.cold_start


def _print_prospects(prospects: Sequence[Prospect], *, cold_start: bool, as_json: bool) -> None:
    if as_json:
        print_json({"cold_start": cold_start, "campaigns": [each.document() for each in prospects]})
        return
    if cold_start:
        print(_COLD)
    if not prospects:
        print("nothing is sold; posdata availability --from DATE --to DATE asks what can be")
        return
    header = ("campaign", "class", "quantity", "P20 %", "P50 %", "at risk", "id")
    table = [
        (
            each.name,
            each.campaign_class.value,
            number(each.quantity),
            f"{100 * each.p20:.1f}",
            f"{100 * each.p50:.1f}",
            "AT RISK" if each.at_risk else "no",
            each.id,
        )
        for each in prospects
    ]
    print("\n".join(rows([header, *table])))


def _document(each: Quote) -> dict[str, Any]:
    return {
        "name": each.wish.name,
        "class": each.wish.campaign_class.value,
        "quantity": each.wish.wanted,
        "enough": each.enough,
        "counted_from": utc(each.wish.opens),
        **each.answer.document(),
        "counted_until": None if each.answer.counted_until is None else utc(each.answer.counted_until),
        "contention": each.contention.document(carrier=True),
        "suggestions": [_advice_document(one) for one in each.advice],
    }


def _advice_document(advice: Advice) -> dict[str, Any]:
    document = advice.document()
    return document | {name: utc(document[name]) for name in ("opens", "closes") if name in document}


_COLD = "cold start: under two weeks were counted yet; the forecast rests on assumed traffic"


def _report(each: Quote, zone_name: str) -> Iterable[str]:
    """Yield lines for a person: the answer first, then what stands in the way, then what would help."""
    wish, answer = each.wish, each.answer
    if wish.wanted:
        verdict = "enough" if each.enough else f"SHORT BY {wish.wanted - answer.available:,}"
        yield f"{wish.name}: {answer.available:,} available of {wish.wanted:,} wanted: {verdict}"
    else:
        yield f"{wish.name}: {answer.available:,} available"
    if answer.reason is not None:
        yield f"  why: {REASONS[answer.reason][1]}"
        return
    zone = pinned_zone(zone_name)
    figure = answer.sold_on.upper()
    yield f"  sold as {wish.campaign_class.value}, on {figure}; from {_local(wish.opens, zone)}"
    if answer.counted_until is not None:
        yield f"  counted to {_local(answer.counted_until, zone)}, the rest in proportion"
    if answer.cold_start:
        yield f"  {_COLD}"
    yield from (
        "  " + line
        for line in rows(
            [
                ("notifications", "P20", "P50"),
                ("it may use", number(answer.reached), number(answer.expected)),
                ("beside what was sold", number(answer.p20), number(answer.p50)),
            ]
        )
    )
    yield (
        f"  lost to quiet hours {answer.quiet_cost:,}, to blackouts {answer.blackout_cost:,},"
        f" to the text's length {answer.room_cost:,} (P50)"
    )
    yield from _obstacles(each.contention)
    for one in each.advice:
        yield f"  {_sentence(one, zone)}: {one.available:,} ({one.gain:+,})"


def _obstacles(contention: Contention) -> Iterable[str]:
    yield from _named("in the way", contention.contending)
    verb = "would lose units if it were forced" if contention.missing else "would lose units to it"
    yield from _named(verb, contention.displaced)
    places: Mapping[str, Any] = {"days": contention.days, "states": contention.states}
    for what, tight in places.items():
        if tight:
            full = ", ".join(f"{each.label} {100 * each.share:.0f} %" for each in tight)
            yield f"  fullest {what}: {full}"


def _named(verb: str, rivals: Sequence[Rival]) -> Iterable[str]:
    if not rivals:
        return
    yield f"  {verb}:"
    order = sorted(rivals, key=lambda each: (each.campaign_class.rank, -each.units))
    table = [(each.name, each.campaign_class.value, number(each.units), each.id) for each in order[:_SHOWN]]
    yield from ("    " + line for line in rows([("campaign", "class", "units", "id"), *table]))
    if len(order) > _SHOWN:
        yield f"    and {len(order) - _SHOWN} more"


def _sentence(advice: Advice, zone: Any) -> str:
    booking = advice.booking
    if advice.change == "dates":
        return f"from {_local(booking.opens, zone)} to {_local(booking.closes, zone)}"
    if advice.change == "text":
        return f"with a text of {booking.size} characters"
    names = ", ".join(selector.value for selector in booking.target.include)
    return f"in {names}" if names else "in the whole country"


def _local(seconds: float, zone: Any) -> str:
    return f"{datetime.fromtimestamp(seconds, zone):%Y-%m-%d %H:%M}"
