"""`posdata simulate allocation`: the planner on simulated days, measured against what was possible."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.options import AsJson
from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import load_country
from adapters.simulator.allocation.exchange import (
    ExchangeError,
    read_book,
    read_forecast,
    read_minutes,
    write_decisions,
)
from adapters.simulator.allocation.plot import svg
from adapters.simulator.allocation.rows import Row, Scenario, row
from adapters.simulator.allocation.rules import RULES
from adapters.simulator.allocation.runs import decide, look_at, rows_of, simulate
from inventory.supply import Supply

DEFAULT = Scenario()
STREAM = "-"
PRODUCT = "posdata"

simulate_app = typer.Typer(help="Simulate.", no_args_is_help=True, rich_markup_mode=None)

Seed = Annotated[int, typer.Option(min=0, help="the first seed")]
Seeds = Annotated[int, typer.Option(min=1, help="how many seeds, one after the other")]
Campaigns = Annotated[int, typer.Option(min=1, help="campaigns of the random book")]
Notifications = Annotated[int, typer.Option(min=1, help="notifications that are expected in the whole run")]
Days = Annotated[int, typer.Option(min=1, max=60, help="days; several change the book on the way")]
Sold = Annotated[float, typer.Option(min=0.01, max=5, help="demand as a part of what campaigns may use")]
Error = Annotated[float, typer.Option(min=0, max=0.9, help="how far LADAs lie from the forecast")]
Bias = Annotated[float, typer.Option(min=-0.9, max=5, help="how far the total lies from the forecast")]
Outage = Annotated[bool, typer.Option(help="MX-CMX and MX-MEX silent 13:00 to 16:00, not announced")]
Only = Annotated[str | None, typer.Option(metavar="ALGO", help=f"one of {', '.join(RULES)}")]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="write the first seed's curves as SVG")]
Jobs = Annotated[int, typer.Option(min=1, help="seeds side by side")]
Book = Annotated[Path | None, typer.Option(metavar="FILE", help="campaigns, JSON")]
Forecast = Annotated[Path | None, typer.Option(metavar="FILE", help="what to expect, CSV")]
Stream = Annotated[str | None, typer.Option(metavar="FILE|-", help="blocks of a minute each")]


@simulate_app.callback()
def _simulate() -> None:
    """Simulate."""


@simulate_app.command("allocation")
def allocation_command(
    *,
    seed: Seed = 1,
    seeds: Seeds = 1,
    campaigns: Campaigns = DEFAULT.campaigns,
    notifications: Notifications = DEFAULT.notifications,
    days: Days = DEFAULT.days,
    sold: Sold = DEFAULT.sold,
    error: Error = DEFAULT.error,
    bias: Bias = DEFAULT.bias,
    outage: Outage = DEFAULT.outage,
    only: Only = None,
    plot: Plot = None,
    jobs: Jobs = max(1, os.cpu_count() or 1),
    book: Book = None,
    forecast: Forecast = None,
    arrivals: Stream = None,
    decisions: Stream = None,
    as_json: AsJson = False,
) -> None:
    """Run the planner and simple rules through simulated days; print how near to the optimum they come."""
    if only is not None and only not in RULES:
        raise CommandError(ExitCode.USAGE, f"--only {only}: is none of {', '.join(RULES)}")
    if book is not None or forecast is not None or arrivals is not None or decisions is not None:
        if book is None or forecast is None or arrivals is None:
            raise CommandError(ExitCode.USAGE, "--book, --forecast and --arrivals belong together")
        rows = _from_outside(book, forecast, arrivals, decisions, seed, only or PRODUCT)
        if decisions == STREAM:
            return  # standard output holds the decisions
    else:
        scenario = Scenario(campaigns, notifications, days, sold, error, bias, outage)
        algorithms = list(RULES) if only is None else [only]
        seeded = simulate(scenario, range(seed, seed + seeds), algorithms, jobs)
        rows = rows_of(scenario, seeded)
        if plot is not None:
            plot.write_text(svg(seeded[0].curves, f"delivered, seed {seed}"), encoding="utf-8")
    if as_json:
        print_json({"rows": [each.as_document() for each in rows]})
    else:
        _show(rows)


def _from_outside(
    book_file: Path, forecast_file: Path, arrivals: str, decisions: str | None, seed: int, algorithm: str
) -> list[Row]:
    """Decide on what somebody else made, minute by minute; return the row, none where nothing came."""
    country = load_country()
    with ExitStack() as stack:
        try:
            book = read_book(book_file, country)
            forecast = read_forecast(forecast_file, country)
            lines: Iterable[str] = (
                sys.stdin
                if arrivals == STREAM
                else stack.enter_context(Path(arrivals).open(encoding="utf-8"))
            )
            out = None
            if decisions is not None:
                out = (
                    sys.stdout
                    if decisions == STREAM
                    else stack.enter_context(Path(decisions).open("w", encoding="utf-8"))
                )
            decided = []
            for minute, chosen in decide(
                country, book, forecast, read_minutes(lines, country), seed, algorithm
            ):
                if out is not None:
                    write_decisions(out, book, chosen)
                decided.append((minute, chosen))
            if decisions == STREAM:
                return []
            measured, came = look_at(country, book, decided)
        except (ExchangeError, OSError) as error:
            raise CommandError(ExitCode.USAGE, str(error)) from None
    scenario = Scenario(campaigns=len(book), sold=_sold(book, forecast))
    return [row(algorithm, scenario, came, [measured])]


def _sold(book: Iterable[Booked], forecast: Supply) -> float:
    return sum(each.quantity for each in book) / max(1.0, float(forecast.by_hour.sum()))


def _show(rows: Iterable[Row]) -> None:
    for line in _table(rows):
        print(line)


def _table(rows: Iterable[Row]) -> Iterator[str]:
    yield (
        f"{'algorithm':<12}{'of optimum':>11}{'least':>8}{'unfair':>8}{'≥ 95 %':>8}{'worst':>8}"
        f"{'pacing':>8}{'p95':>8}{'over':>6}"
    )
    for each in rows:
        yield (
            f"{each.algorithm:<12}{each.optimum_share_mean:>11.2%}{each.optimum_share_min:>8.2%}"
            f"{each.fair_shortfall:>8.2%}{each.campaigns_95:>8.1%}{each.worst_campaign:>8.1%}"
            f"{each.pacing_error:>8.2%}{each.pacing_p95:>8.1%}{each.over_delivery:>6}"
        )
