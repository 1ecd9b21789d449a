"""`posdata plan`: what traffic is expected, how good that has been, and why a campaign did not get it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.cli.table import number, rows
from adapters.cli.targets import POLICY, Seen, goals, goals_report, read_seen
from adapters.files.reference_data import load_geography, load_numbering
from adapters.postgres.explained import MOST_HOURS, Explained, explain
from adapters.postgres.supply import read_history
from adapters.processes.forecasting import forecaster, midnight
from engine.settings import Settings
from inventory.books import hour_of
from inventory.forecast import Forecast
from inventory.forecaster import Forecaster
from inventory.history import History
from inventory.placement import Reals
from inventory.review import Day, compared, past_days, wape
from inventory.scenarios import HOURS_PER_DAY, P20
from inventory.supply import HOUR_S
from segments.clock import pinned_zone

REVIEWED_DAYS = 14
SHOWN_DAYS = 7

plan = typer.Typer(
    add_completion=False, rich_markup_mode=None, help="Look at the forecast, and at what became of it."
)


@plan.callback()
def _group() -> None:
    """Look at the forecast, and at what became of it."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What `plan show` tells: today so far, the days before, the days to come."""

    now: datetime
    zone: str
    states: Sequence[str]
    hours_counted: int
    today: Day
    reviewed: list[Day]
    forecast: Forecast


@plan.command("show")
def show(*, config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Show the forecast against what came, its error, the days to come, and each campaign's target."""
    settings = settings_at(config)
    now = datetime.now(UTC)
    history, seen = asyncio.run(_read(settings, now))
    expects = forecaster(load_numbering(), settings.policy.default_timezone)
    outlook = _outlook(expects, history, settings.policy.default_timezone, now)
    found = goals(settings, load_numbering(), expects.lada_of_place, outlook.forecast, seen, now)
    if as_json:
        told = {"shortage_policy": POLICY, "targets": [each.document() for each in found]}
        print_json({**document(outlook), **told})
    else:
        lines = [*report(outlook), "", *goals_report(found, cold_start=outlook.forecast.cold_start)]
        print("\n".join(lines))


@plan.command("explain")
def explain_command(
    campaign: Annotated[str, typer.Argument(metavar="ID", help="the campaign's id")],
    *,
    hours: Annotated[int, typer.Option("--hours", min=1, max=MOST_HOURS, help="how many, up to now")] = 24,
    config: ConfigFile = DEFAULT_CONFIG,
    as_json: AsJson = False,
) -> None:
    """Tell by hour what became of the traffic that a campaign might have had. Exit 1 when there is none."""
    settings = settings_at(config)
    found = asyncio.run(_explain(settings, campaign, hours))
    if found is None:
        raise CommandError(ExitCode.NO, f"posdata: there is no campaign {campaign}")
    told = found.document(carrier=True)
    if as_json:
        print_json(told)
    else:
        print("\n".join(losses_report(told)))


async def _explain(settings: Settings, campaign: str, hours: int) -> Explained | None:
    now = datetime.now(UTC)
    last = hour_of(now)
    async with open_database(settings) as session:
        return await explain(
            session.pool,
            campaign,
            range(last - hours + 1, last + 1),
            now,
            settings,
            (load_numbering(), load_geography()),
        )


def losses_report(document: Mapping[str, Any]) -> Sequence[str]:
    """Return lines for a person."""
    header = ("hour (UTC)", "supply", "outside", "blackout", "no room", "inserted", "others", "bare")
    shown = [(each["hour"][:16], each) for each in document["hours"]] + [("total", document["total"])]
    table = [
        (
            label,
            *(number(each[name]) for name in ("supply", "outside", "blackout", "no_room", "inserted")),
            number(sum(each["others"].values())),
            number(each["bare"]),
        )
        for label, each in shown
    ]
    reasons = [f"  {reason}: {number(count)}" for reason, count in document["reasons"].items()]
    told = ["notifications that went bare in these hours, wherever, by reason:", *reasons] if reasons else []
    return [document["name"], *rows([header, *table]), *told, document["note_en"]]


async def _read(settings: Settings, now: datetime) -> tuple[History, Seen]:
    async with open_database(settings) as session:
        numbering = load_numbering()
        history = await read_history(session.pool, numbering, hour_of(now))
        return history, await read_seen(session.pool, numbering, now)


def _outlook(expects: Forecaster, history: History, zone: str, now: datetime) -> Outlook:
    first, hour = midnight(now, zone), hour_of(now)
    counted = history.before(hour)
    forecast = expects.forecast(
        counted,
        first,
        (SHOWN_DAYS + 1) * HOURS_PER_DAY,
        np.random.default_rng(first),
        known_until=hour if counted.hours < HOURS_PER_DAY else None,
    )
    expected = expects.areas.by_state(forecast.supply.by_hour[:HOURS_PER_DAY])
    return Outlook(
        now,
        zone,
        expects.states,
        counted.hours,
        compared(expects, expected, counted, first, hour - first),
        past_days(expects, counted, first, REVIEWED_DAYS),
        forecast,
    )


def document(outlook: Outlook) -> dict[str, Any]:
    """Return the outlook as one JSON object."""
    today, over = outlook.today, _hours_over(outlook)
    return {
        "as_of": outlook.now.isoformat(timespec="seconds"),
        "cold_start": outlook.forecast.cold_start,
        "hours_counted": outlook.hours_counted,
        "today": {
            "hours_over": over,
            "forecast": _whole(today.forecast),
            "forecast_so_far": _whole(today.forecast[:over]),
            "actual": _whole(today.actual),
            "by_hour": [
                {
                    "hour": _instant(today.first_hour + hour, outlook.zone),
                    "forecast": _whole(today.forecast[hour]),
                    "actual": _whole(today.actual[hour]) if hour < over else None,
                }
                for hour in range(HOURS_PER_DAY)
            ],
            "by_state": [
                {
                    "state": state,
                    "forecast": _whole(today.forecast[:, index]),
                    "forecast_so_far": _whole(today.forecast[:over, index]),
                    "actual": _whole(today.actual[:, index]),
                }
                for index, state in enumerate(outlook.states)
            ],
        },
        "error": {
            "wape": _rounded(wape(outlook.reviewed)),
            "days": [
                {
                    "day": _instant(day.first_hour, outlook.zone)[:10],
                    "forecast": _whole(day.forecast),
                    "actual": _whole(day.actual),
                    "wape": _rounded(wape([day])),
                }
                for day in outlook.reviewed
            ],
        },
        "next_days": [
            {"day": _instant(first, outlook.zone)[:10], "p50": round(p50), "p20": round(p20)}
            for first, p50, p20 in next_days(outlook)
        ],
    }


def next_days(outlook: Outlook) -> Sequence[tuple[int, float, float]]:
    """Return first hour, P50 and P20 of each day after today."""
    supply = outlook.forecast.supply
    found = []
    for row in range(HOURS_PER_DAY, supply.hours, HOURS_PER_DAY):
        day = np.zeros_like(supply.by_hour)
        day[row : row + HOURS_PER_DAY] = supply.by_hour[row : row + HOURS_PER_DAY]
        found.append((supply.first_hour + row, float(day.sum()), outlook.forecast.reached(day, P20)))
    return found


def report(outlook: Outlook) -> Sequence[str]:
    """Return the outlook as lines for a person."""
    today, over = outlook.today, _hours_over(outlook)
    lines = []
    if outlook.forecast.cold_start:
        days = outlook.hours_counted // HOURS_PER_DAY
        lines += [f"cold start: {days} whole days were counted; levels and shapes are assumed in part", ""]
    hours = [("hour", "forecast", "actual", "off %")]
    for hour in range(HOURS_PER_DAY):
        actual = _whole(today.actual[hour]) if hour < over else None
        clock = _instant(today.first_hour + hour, outlook.zone)[11:16]
        hours.append((clock, *_compared(_whole(today.forecast[hour]), actual)))
    states = [("state", "forecast so far", "actual", "off %")]
    for index, state in enumerate(outlook.states):
        due, came = _whole(today.forecast[:over, index]), _whole(today.actual[:, index])
        states.append((state, *_compared(due, came if over else None)))
    lines += [f"today, {_instant(today.first_hour, outlook.zone)[:10]}", *rows(hours), "", *rows(states), ""]
    error = wape(outlook.reviewed)
    if error is None:
        lines.append("no day was forecast and counted yet")
    else:
        past = [("day", "forecast", "actual", "off %", "WAPE by state %")]
        for day in outlook.reviewed:
            name = _instant(day.first_hour, outlook.zone)[:10]
            own = wape([day])
            percent = "-" if own is None else f"{100 * own:.1f}"
            past.append((name, *_compared(_whole(day.forecast), _whole(day.actual)), percent))
        lines += [*rows(past), f"WAPE by state over {len(outlook.reviewed)} days: {100 * error:.1f} %"]
    ahead = [("day", "P50", "P20")]
    for first, p50, p20 in next_days(outlook):
        ahead.append((_instant(first, outlook.zone)[:10], number(round(p50)), number(round(p20))))
    return [*lines, "", *rows(ahead)]


def _compared(forecast: int, actual: int | None) -> tuple[str, str, str]:
    off = f"{100 * (actual - forecast) / forecast:+.1f}" if actual is not None and forecast else "-"
    return number(forecast), number(actual), off


def _hours_over(outlook: Outlook) -> int:
    return hour_of(outlook.now) - outlook.today.first_hour


def _whole(counts: Reals) -> int:
    return round(float(counts.sum()))


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _instant(hour: int, zone: str) -> str:
    return datetime.fromtimestamp(hour * HOUR_S, pinned_zone(zone)).isoformat(timespec="minutes")
