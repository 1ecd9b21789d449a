"""`posdata suppressions`: lists of numbers that get no ads, imported; single numbers, added and removed."""

import asyncio
import getpass
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.console import CommandError, ExitCode, complain, print_json
from adapters.cli.database import open_database
from adapters.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, settings_at
from adapters.files.hash_key import HashKeyError
from adapters.files.number_file import MOST_FAULTS, BadLine, read_numbers, seal_numbers
from adapters.files.number_key import load_seal
from adapters.postgres.choices import Choices, Word
from adapters.postgres.pool import Pool
from adapters.postgres.registers import claim_key, read_state
from adapters.postgres.suppression_lists import Imported, SealedParts, import_list, remove_from_lists
from adapters.postgres.switches import PostgresSwitches
from engine.settings import Settings
from engine.trial_list import trial_subscriber
from segments.seal import Seal

CONFIRM_S = 30.0
LOOK_S = 0.1
SEEN_WITHIN = timedelta(seconds=5)

suppressions = typer.Typer(help="Lists of numbers without ads.", no_args_is_help=True, rich_markup_mode=None)

Number = Annotated[str, typer.Argument(metavar="NUMBER", help="a subscriber, in any form")]
Source = Annotated[str, typer.Option("--source", metavar="S", help="where the wish came from")]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An import: what was read, what it came to."""

    lines: int
    faults: Sequence[BadLine]
    bad: int
    imported: Imported | None


@suppressions.command("import")
def import_suppressions(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="one number a line, in any form")],
    *,
    config: ConfigFile = DEFAULT_CONFIG,
    name: Annotated[str, typer.Option("--list", metavar="NAME", help="the list it belongs to")] = "repep",
    strict: Annotated[bool, typer.Option("--strict", help="import nothing if any line is bad")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="make the list these, no others")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a list: exit 1 with one line for each bad row; the rest is imported, unless --strict."""
    settings = settings_at(config)
    seal = seal_of(settings)
    try:
        outcome = asyncio.run(_import(settings, seal, file, name, strict=strict, replace=replace))
    except OSError as error:
        raise CommandError(ExitCode.USAGE, f"{file}: {error.strerror or 'cannot be read'}") from None
    complain(f"{file}: {fault}" for fault in outcome.faults)
    if outcome.bad > len(outcome.faults):
        complain([f"{file}: {outcome.bad - len(outcome.faults)} more bad lines"])
    numbers = outcome.imported.numbers if outcome.imported is not None else None
    if as_json:
        print_json(
            {
                "list": name,
                "lines": outcome.lines,
                "bad": outcome.bad,
                "imported": outcome.imported is not None,
                "numbers": numbers,
            }
        )
    elif numbers is None:
        print(f"nothing imported: {outcome.bad} of {outcome.lines} lines are bad")
    else:
        print(f"{name}: {numbers} numbers; {outcome.bad} of {outcome.lines} lines were bad")
    if outcome.bad:
        raise CommandError(ExitCode.NO)


@suppressions.command("add")
def add_suppression(
    number: Number, *, config: ConfigFile = DEFAULT_CONFIG, source: Source = "manual", wording: str = ""
) -> None:
    """Suppress one subscriber."""
    settings = settings_at(config)
    subscriber, seal = subscriber_of(number), seal_of(settings)

    async def add(pool: Pool) -> bool:
        word = Word(source, wording, datetime.now(UTC), getpass.getuser())
        async with pool.acquire() as connection, connection.transaction():
            return await Choices(seal).suppress(connection, subscriber, word)

    print("suppressed" if asyncio.run(_with_pool(settings, seal, add)) else "was suppressed already")


@suppressions.command("remove")
def remove_suppression(
    number: Number, *, config: ConfigFile = DEFAULT_CONFIG, source: Source = "manual"
) -> None:
    """Take one subscriber off every list, and lift an opt-out."""
    settings = settings_at(config)
    subscriber, seal = subscriber_of(number), seal_of(settings)

    async def remove(pool: Pool) -> bool:
        async with pool.acquire() as connection, connection.transaction():
            return await remove_from_lists(
                connection, seal, subscriber, source=source, by=getpass.getuser(), at=datetime.now(UTC)
            )

    print("removed" if asyncio.run(_with_pool(settings, seal, remove)) else "was not suppressed")


def seal_of(settings: Settings) -> Seal:
    """Return the node's seal. Raises `CommandError`."""
    try:
        return load_seal(settings, Path(settings.node.data_dir))
    except HashKeyError as error:
        raise CommandError(ExitCode.USAGE, f"posdata: {error}") from None


def subscriber_of(number: str) -> int:
    """Return the ten digits of a number. Raises `CommandError`, which does not repeat it."""
    try:
        return trial_subscriber(number)
    except ValueError as error:
        raise CommandError(ExitCode.NO, f"posdata: NUMBER {error}") from None


async def own_key(pool: Pool, seal: Seal) -> None:
    """Make sure that the register is sealed with this key. Raises `CommandError`."""
    await claim_key(pool, seal.check)
    if (await read_state(pool)).key_check != seal.check:
        line = "posdata: the numbers are sealed with another key: see privacy.number_key_file"
        raise CommandError(ExitCode.USAGE, line)


async def _with_pool(settings: Settings, seal: Seal, act: object) -> bool:
    async with open_database(settings) as session:
        await own_key(session.pool, seal)
        done: bool = await act(session.pool)  # type: ignore[operator]
        return done


async def _import(
    settings: Settings, seal: Seal, file: Path, name: str, *, strict: bool, replace: bool
) -> Outcome:
    lines, bad = 0, 0
    faults: list[BadLine] = []
    parts = SealedParts()
    for block in read_numbers(file):
        lines += block.lines
        bad += len(block.faults)
        faults += block.faults[: MOST_FAULTS - len(faults)]
        parts.add(seal_numbers(seal, block.numbers))
    if strict and bad:
        return Outcome(lines, faults, bad, None)
    async with open_database(settings) as session:
        await own_key(session.pool, seal)
        imported = await import_list(
            session.pool,
            name,
            parts,
            source=file.name,
            by=getpass.getuser(),
            at=datetime.now(UTC),
            replace=replace,
        )
        await _confirmed(session.pool, imported.lists)
    return Outcome(lines, faults, bad, imported)


async def _confirmed(pool: Pool, lists: int) -> None:
    """Wait until the living nodes act on the lists, and say which do not."""
    deadline = time.monotonic() + CONFIRM_S
    switches = PostgresSwitches(pool)
    while True:
        asked_from = datetime.now(UTC) - SEEN_WITHIN
        living = [node for node in await switches.nodes() if node.seen_at >= asked_from]
        late = [node.name for node in living if node.status.get("register", {}).get("lists", 0) < lists]
        if not late or time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_S)
    complain(f"node {name}: does not act on it yet" for name in late)
