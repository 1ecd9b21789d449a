"""`posdata bench`: what the relay costs beside others, a second worker, all rules, a worker's memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer

from adapters.bench import memory, relay, rules, workers
from adapters.bench.load import LoadError
from adapters.bench.peer import PEERS
from adapters.bench.relay import Plan
from adapters.cli.bench_report import Report, document, show
from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.options import AsJson

T = TypeVar("T")

NO_PEERS = "none"

bench_app = typer.Typer(help="Measure this machine.", no_args_is_help=True, rich_markup_mode=None)

Notifications = Annotated[int, typer.Option(min=1000, help="at most how many at full speed, each relay")]
Campaigns = Annotated[int, typer.Option(min=1, help="live campaigns")]
Window = Annotated[int, typer.Option(min=1, max=10_000, help="unanswered requests a bind")]
Binds = Annotated[int, typer.Option(min=1, max=64, help="binds side by side")]
FullSeconds = Annotated[float, typer.Option(min=0.2, help="at most how long at full speed, each relay")]
LatencySeconds = Annotated[float, typer.Option(min=0.2, help="how long latency is measured, each relay")]
LatencyRate = Annotated[float, typer.Option(min=1, max=20_000, help="notifications a second for latency")]
Rounds = Annotated[int, typer.Option(min=1, max=20, help="how often they take turns")]
Peers = Annotated[str, typer.Option(metavar="NAMES", help=f"of {', '.join(PEERS)}, or {NO_PEERS}")]
Messages = Annotated[int, typer.Option(min=1000, help="how many while memory is watched")]
Seconds = Annotated[float, typer.Option(min=1, help="at most how long memory is watched")]

DEFAULT = Plan()
TURNS = Plan(full_seconds=20)
ALL_PEERS = ",".join(PEERS)
MANY_CAMPAIGNS = 5000
RULES_ROUNDS = 6


@bench_app.callback()
def _bench() -> None:
    """Measure this machine."""


@bench_app.command("relay")
def relay_command(
    *,
    notifications: Notifications = DEFAULT.notifications,
    campaigns: Campaigns = DEFAULT.campaigns,
    window: Window = DEFAULT.window,
    binds: Binds = DEFAULT.binds,
    latency_seconds: LatencySeconds = DEFAULT.latency_seconds,
    latency_rate: LatencyRate = DEFAULT.latency_rate,
    full_seconds: FullSeconds = DEFAULT.full_seconds,
    rounds: Rounds = DEFAULT.rounds,
    peers: Peers = ALL_PEERS,
    as_json: AsJson = False,
) -> None:
    """Print CPU, rate and latency of no relay, a raw relay in C, this one, and those of other libraries.

    The generator, the SMSC and everything else run on one core, the measured process on another.
    """
    plan = Plan(
        notifications,
        campaigns,
        window,
        binds,
        latency_seconds,
        latency_rate,
        full_seconds,
        rounds,
        _peers(peers),
    )
    _print(Report(relay=_run(relay.measure(plan, _tell))), as_json=as_json)


def _in_turns(name: str, said: str, rounds: int, measure: Callable[[Plan], Report]) -> None:
    """Add a command that has two nodes take turns."""

    def command(
        *,
        notifications: Notifications = TURNS.notifications,
        campaigns: Campaigns = TURNS.campaigns,
        window: Window = TURNS.window,
        binds: Binds = TURNS.binds,
        full_seconds: FullSeconds = TURNS.full_seconds,
        rounds: Rounds = rounds,
        as_json: AsJson = False,
    ) -> None:
        plan = Plan(notifications, campaigns, window, binds, full_seconds=full_seconds, rounds=rounds)
        _print(measure(plan), as_json=as_json)

    bench_app.command(name, help=said)(command)


_in_turns(
    "workers",
    "Print what a notification costs over one worker and over two, and how binds are spread.",
    DEFAULT.rounds,
    lambda plan: Report(workers=_run(workers.compare(plan, _tell))),
)
_in_turns(
    "rules",
    "Print what a notification costs a worker with all rules about subscribers, and with none.",
    RULES_ROUNDS,
    lambda plan: Report(rules=_run(rules.weigh(plan, _tell))),
)


@bench_app.command("memory")
def memory_command(
    *,
    campaigns: Campaigns = MANY_CAMPAIGNS,
    messages: Messages = 1_000_000,
    seconds: Seconds = 300,
    window: Window = DEFAULT.window,
    binds: Binds = DEFAULT.binds,
    as_json: AsJson = False,
) -> None:
    """Print what a worker holds in memory with many campaigns, over many messages."""
    plan = Plan(window=window, binds=binds)
    watched = _run(memory.watch(plan, campaigns, messages, seconds, _tell))
    _print(Report(memory=watched), as_json=as_json)


@bench_app.command("all")
def all_command(*, messages: Messages = 10_000_000, seconds: Seconds = 300, as_json: AsJson = False) -> None:
    """Measure everything, with the other benches' defaults; takes up to eight minutes."""
    measured = _run(relay.measure(DEFAULT, _tell))
    compared = _run(workers.compare(TURNS, _tell))
    watched = _run(memory.watch(DEFAULT, MANY_CAMPAIGNS, messages, seconds, _tell))
    _print(Report(measured, compared, watched), as_json=as_json)


def _peers(names: str) -> tuple[str, ...]:
    """Return the peers that are named. Raises `CommandError`."""
    wanted = tuple(names.split(",")) if names != NO_PEERS else ()
    for name in wanted:
        if name not in PEERS:
            known = ", ".join(PEERS)
            raise CommandError(ExitCode.USAGE, f"posdata: --peers knows {known}, {NO_PEERS}; not '{name}'")
    return wanted


def _tell(line: str) -> None:
    complain([f"measuring {line} …"])


def _run(bench: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(bench)
    except LoadError as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {error}") from None


def _print(report: Report, *, as_json: bool) -> None:
    if as_json:
        print_json(document(report))
    else:
        show(report)
