"""`posdata bench relay`: what the relay costs, beside others, in one table."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from adapters.bench.load import LoadError
from adapters.bench.relay import Plan, Row, bench
from adapters.cli.console import CommandError, ExitCode, complain
from adapters.cli.table import rows

bench_app = typer.Typer(help="Measure this machine.", no_args_is_help=True, rich_markup_mode=None)


@bench_app.callback()
def _bench() -> None:
    """Measure this machine."""


@bench_app.command("relay")
def relay_command(
    *,
    notifications: Annotated[int, typer.Option(min=1000, help="how many at full speed")] = 300_000,
    campaigns: Annotated[int, typer.Option(min=1, help="live campaigns")] = 300,
    window: Annotated[int, typer.Option(min=1, max=10_000, help="unanswered requests a bind")] = 100,
    binds: Annotated[int, typer.Option(min=1, max=64, help="binds side by side")] = 4,
    latency_seconds: Annotated[float, typer.Option(min=1, help="how long latency is measured")] = 5,
) -> None:
    """Print CPU per notification and latency of no relay, a raw relay in C, and this one.

    The generator, the SMSC and everything else run on one core, the measured process on another.
    """
    plan = Plan(notifications, campaigns, window, binds, latency_seconds)
    try:
        measured = asyncio.run(bench(plan, lambda name: complain([f"measuring {name} …"])))
    except LoadError as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {error}") from None
    print("\n".join(rows(_table(measured))))


def _table(measured: Sequence[Row]) -> list[tuple[str, ...]]:
    raw = next(row for row in measured if row.name.startswith("raw"))
    header = ("relay", "µs each", "× raw", "whole node µs", "busy %", "a second", "p50 ms", "p99 ms")
    return [
        header,
        *(
            (
                row.name,
                f"{row.cpu_us:.2f}",
                f"{row.cpu_us / raw.cpu_us:.1f}",
                f"{row.node_cpu_us:.2f}",
                f"{100 * row.busy:.0f}",
                f"{row.rate:,.0f}",
                f"{row.p50_ms:.3f}",
                f"{row.p99_ms:.3f}",
            )
            for row in measured
        ),
    ]
