"""The `posdata` command line: which commands there are, and how each ends."""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from adapters.cli.console import TRACEBACK_VARIABLE, CommandError, ExitCode, complain, wants_traceback


@dataclass(frozen=True, slots=True)
class Source:
    """Where a command's code lives: it is imported when the command runs, so that the others start fast."""

    module: str
    name: str
    summary: str


COMMANDS: Mapping[str, Source] = {
    "demo": Source(
        "adapters.cli.demo", "demo_command", "Run everything on this machine and balance the books."
    ),
    "serve": Source("adapters.cli.serve", "serve_command", "Run a node."),
    "check": Source("adapters.cli.check", "check_command", "Validate texts."),
    "lookup": Source("adapters.cli.lookup", "lookup_command", "Tell where a subscriber is."),
    "campaigns": Source("adapters.cli.campaigns", "campaigns", "Import and list campaigns."),
    "plan": Source("adapters.cli.plan", "plan", "Show the forecast against what came."),
    "availability": Source(
        "adapters.cli.availability", "availability_command", "Tell how many can be bought."
    ),
    "counts": Source("adapters.cli.counts", "counts_command", "Show the books."),
    "sessions": Source("adapters.cli.sessions", "sessions_command", "Show the live sessions."),
    "trace": Source("adapters.cli.trace", "trace_command", "Capture a system_id's PDUs."),
    "ads": Source("adapters.cli.ads", "ads", "Switch ads on or off, or stop one campaign."),
    "receipts": Source("adapters.cli.receipts", "receipts", "Learn from receipts."),
    "blackouts": Source("adapters.cli.blackouts", "blackouts", "No ads there and then."),
    "suppressions": Source("adapters.cli.suppressions", "suppressions", "Lists of numbers without ads."),
    "subscribers": Source("adapters.cli.subscribers", "subscribers", "One person's data."),
    "keys": Source("adapters.cli.people", "keys", "Make keys for the API."),
    "users": Source("adapters.cli.people", "users", "Register users of the console."),
    "audit": Source("adapters.cli.audit", "audit", "Check the audit log."),
    "config": Source("adapters.cli.config", "config", "Check a settings file."),
    "journal": Source("adapters.cli.journal", "journal", "Look into journals."),
    "bench": Source("adapters.cli.bench", "bench_app", "Measure this machine."),
    "simulate": Source("adapters.cli.simulate", "simulate_app", "Simulate days of allocation."),
    "db": Source("adapters.cli.db", "db", "Migrate, back up, restore the database."),
}


class _Commands(TyperGroup):
    """The top level: commands are loaded by name, and every error is one line and an exit code."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override] # typer's own subclass
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override] # typer's own subclass
        """Load one command; None when there is none of that name."""
        del ctx
        return load(cmd_name) if cmd_name in COMMANDS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command, or say which name is near."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "see posdata --help"
            raise CommandError(ExitCode.USAGE, f"posdata: no command '{args[0]}'; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, source.summary) for name, source in COMMANDS.items()])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the command line and exit."""
        extra["standalone_mode"] = False
        sys.exit(_ended(lambda: super(_Commands, self).main(*args, **extra)))


def load(name: str) -> Any:
    """Import a command and return what typer runs."""
    source = COMMANDS[name]
    found = getattr(importlib.import_module(source.module), source.name)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(found)
        command = get_command(single)
    command.name = name
    return command


def _ended(run: Callable[[], Any]) -> int:
    """Run and return the exit code; what went wrong is said on stderr."""
    try:
        code = run()
    except CommandError as error:
        complain(error.lines)
        return error.code
    except typer.TyperException as error:
        complain([_usage(error.format_message())])
        return ExitCode.USAGE
    except typer.Abort:
        complain(["posdata: stopped"])
        return ExitCode.NO
    except Exception as error:
        if wants_traceback():
            raise
        complain([f"posdata: unexpected {type(error).__name__}: {error}; {TRACEBACK_VARIABLE}=1 shows where"])
        return ExitCode.BUG
    return code if isinstance(code, int) else ExitCode.WELL


def _usage(message: str) -> str:
    # Help itself comes this way when a command needs arguments and got none.
    return message if "\n" in message else f"posdata: {message.rstrip('.')}; add --help to see how"


app = typer.Typer(
    cls=_Commands,
    name="posdata",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def posdata() -> None:
    """Append advertisers' texts to missed-call notifications, and count every one exactly once."""
