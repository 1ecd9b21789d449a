"""`posdata demo`: everything on this machine, live, ending in a balance."""

import asyncio
import sys
from collections.abc import Sequence
from typing import Annotated, Self

import typer
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.options import AsJson
from adapters.cli.table import number, rows
from adapters.processes.child import configure_logging
from adapters.processes.supervisor import StartError
from adapters.simulator.demo import Demo, DemoError, Outcome, Progress
from adapters.simulator.demo_calls import Loop
from adapters.simulator.demo_people import DemoUser

SHOWN_STATES = 8
# Without a terminal, a line this often.
LINE_EVERY_S = 5.0


def demo_command(
    *,
    seconds: Annotated[float, typer.Option(min=1, max=86400, help="how long traffic runs")] = 30,
    rate: Annotated[float, typer.Option(min=1, max=3000, help="notifications a second, on average")] = 200,
    seed: Annotated[int, typer.Option(help="the same seed, the same traffic")] = 1,
    as_json: AsJson = False,
    no_http: Annotated[bool, typer.Option("--no-http", help="serve no HTTP")] = False,
) -> None:
    """Run a node between a simulated missed-call platform and SMSC; exit 0 only if the books balance."""
    configure_logging("error")
    show = _Quiet() if as_json else _LiveTable() if sys.stdout.isatty() else _Lines()
    try:
        with show:
            outcome = asyncio.run(_run(seconds, rate, seed, http=not no_http, show=show))
    except (StartError, DemoError) as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {error}") from None
    if as_json:
        print_json(outcome.as_document())
    else:
        _print_balance(outcome)
    if not outcome.balanced:
        raise typer.Exit(ExitCode.NO)


async def _run(seconds: float, rate: float, seed: int, *, http: bool, show: "_Quiet") -> Outcome:
    return await Demo(seconds, rate, seed, http=http, shown=show.update, opened=show.opened).run()


class _Quiet:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was shown."""

    def opened(self, address: str, users: Sequence[DemoUser]) -> None:
        """Show nothing."""

    def update(self, progress: Progress) -> None:
        """Show nothing."""


class _Lines(_Quiet):
    """A line every few seconds, for logs."""

    def __init__(self) -> None:
        self._next = LINE_EVERY_S

    def opened(self, address: str, users: Sequence[DemoUser]) -> None:
        """Print who may log in where."""
        print("\n".join(_doors(address, users)), flush=True)

    def update(self, progress: Progress) -> None:
        """Print a line when one is due."""
        if progress.seconds >= self._next:
            self._next += LINE_EVERY_S
            inserted = sum(campaign.inserted for campaign in progress.counts.campaigns)
            print(
                f"{progress.seconds:5.0f} s  {progress.counts.notifications:>9,} notifications"
                f"  {inserted:>9,} ads  {progress.rate:6,.0f}/s  p99 {progress.p99_ms or 0:.1f} ms",
                flush=True,
            )


class _LiveTable(_Quiet):
    """A table that changes in place."""

    def __init__(self) -> None:
        self._live = Live(Text("starting the node…"), console=Console(), refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *failure: object) -> None:
        self._live.__exit__(None, None, None)

    def opened(self, address: str, users: Sequence[DemoUser]) -> None:
        """Print above the table who may log in where."""
        self._live.console.print(Text("\n".join(_doors(address, users))))

    def update(self, progress: Progress) -> None:
        """Draw the table anew."""
        self._live.update(Group(_headline(progress), _campaigns(progress), _states(progress)))


def _doors(address: str, users: Sequence[DemoUser]) -> Sequence[str]:
    """Return the console's address, and a line for each user of this run."""
    people = [(user.email, user.password, user.role.value, user.organisation) for user in users]
    return [f"console {address}", *rows([("log in as", "password", "role", "organisation"), *people])]


def _headline(progress: Progress) -> Text:
    inserted = sum(campaign.inserted for campaign in progress.counts.campaigns)
    share = 100 * inserted / max(1, progress.counts.notifications)
    http = f"   http://{progress.http}" if progress.http else ""
    return Text(
        f"{progress.seconds:5.1f} s   {progress.counts.notifications:,} notifications   {inserted:,} ads"
        f" ({share:.0f} %)   {progress.rate:,.0f}/s   p50 {progress.p50_ms or 0:.1f} ms"
        f"   p99 {progress.p99_ms or 0:.1f} ms{http}"
    )


def _campaigns(progress: Progress) -> Table:
    table = _table("campaign", "quantity", "inserted", "accepted", "rejected", "in flight", "free")
    for each in progress.counts.campaigns:
        table.add_row(
            each.name,
            *map(
                number,
                (each.quantity, each.inserted, each.accepted, each.rejected, each.in_flight, each.free),
            ),
        )
    return table


def _states(progress: Progress) -> Table:
    table = _table("state", "ads")
    most = sorted(progress.by_state.items(), key=lambda item: -item[1])
    for name, inserted in most[:SHOWN_STATES]:
        table.add_row(name, number(inserted))
    if rest := sum(inserted for _, inserted in most[SHOWN_STATES:]):
        table.add_row(f"{len(most) - SHOWN_STATES} other states", number(rest))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(first, box=box.SIMPLE)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _print_loop(loop: Loop) -> None:
    """Print what calls to the response numbers came to."""
    confirmations = sum(map(len, loop.confirmed.values()))
    print(
        f"  {loop.consumed:,} calls to response numbers answered: {loop.leads:,} leads, "
        f"{confirmations:,} confirmation SMS, {len(loop.codes):,} coupons, no code twice"
    )
    print(f"  the leads as XLSX: {loop.sheet_rows:,} rows, {loop.sheet_calls:,} calls")
    print("  votes: " + ", ".join(f"{option} {votes:,}" for option, votes in loop.votes.items()))
    if loop.stopped_after_s is not None:
        print(
            f"  one caller opted out: the last ad to that number {loop.stopped_after_s:.2f} s after the call"
            " (at most 1 s is asked)"
        )


def _print_balance(outcome: Outcome) -> None:
    """Print what the SMSC counted against what the ledger says, campaign by campaign."""
    lines = [("campaign", "quantity", "inserted", "ledger", "SMSC")]
    lines += [
        (
            each.name,
            number(each.quantity),
            number(each.inserted),
            number(each.accepted),
            number(outcome.smsc_by_campaign.get(each.name, 0)),
        )
        for each in outcome.counts.campaigns
    ]
    print("\n".join(rows(lines)))
    print()
    reasons = sorted(outcome.counts.pass_through.items(), key=lambda item: -item[1])
    print(
        f"{outcome.sent:,} notifications sent by the platform, {outcome.counts.notifications:,} in the books:"
    )
    print(f"  {outcome.inserted:,} with an ad, {sum(outcome.counts.pass_through.values()):,} passed through")
    print("  " + ", ".join(f"{reason} {count:,}" for reason, count in reasons))
    _print_loop(outcome.loop)
    print(f"  round trip p50 {outcome.p50_ms:.1f} ms, p99 {outcome.p99_ms:.1f} ms")
    if outcome.balanced:
        accepted = (
            f"the SMSC accepted {outcome.smsc_counted:,} ads, the ledger says {outcome.ledger_counted:,}"
        )
        print(f"The books balance: {accepted}.")
    else:
        print("\n  ".join(["THE BOOKS DO NOT BALANCE:", *outcome.disagreements]))
