"""`posdata ads on|off|stop`: the switches, and who confirms them."""

import asyncio
import getpass
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.console import CommandError, ExitCode
from adapters.cli.database import Session, open_database
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from adapters.files.node_status import is_running, read_status, switch_ads
from adapters.postgres.switches import CampaignNotFoundError, PostgresSwitches
from engine.settings import Settings

# A worker looks at the file every half second and says so with its next beat.
CONFIRM_S = 5.0
LOOK_S = 0.05
# A database that does not answer is not waited for: what this node does needs none.
ANSWER_S = 3.0
# A node that has not beaten for this long is not asked; above CONFIRM_S, so that one that hangs is named.
SEEN_WITHIN = timedelta(seconds=15)

ads = typer.Typer(
    help="Switch ads on or off, or stop one campaign.", no_args_is_help=True, rich_markup_mode=None
)


@ads.command("off")
def off_command(*, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Switch ads off: this node at once and without its database, then every other node."""
    _switch(settings_at(config), on=False)


@ads.command("on")
def on_command(*, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Switch ads on again, on every node."""
    _switch(settings_at(config), on=True)


@ads.command("stop")
def stop_command(
    campaign: Annotated[str, typer.Argument(help="id, external id or number")],
    *,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Stop one campaign on every node within a second."""
    confirmed = asyncio.run(_stop(settings_at(config), campaign))
    _end(confirmed)


@ads.command("resume")
def resume_command(
    campaign: Annotated[str, typer.Argument(help="id, external id or number")],
    *,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Undo `ads stop`, and let texts that the harm breaker stopped serve again."""
    _end(asyncio.run(_stop(settings_at(config), campaign, resume=True)))


def _switch(settings: Settings, *, on: bool) -> None:
    data_dir = Path(settings.node.data_dir)
    switch_ads(data_dir, on=on)
    if on:  # the database's word and the file's both keep ads off: this node can only confirm after both
        everywhere = _tell(settings, on=on)
        _end(_say_here(settings, data_dir, on=on) and everywhere)
    else:
        here = _say_here(settings, data_dir, on=on)
        _end(_tell(settings, on=on) and here)


def _say_here(settings: Settings, data_dir: Path, *, on: bool) -> bool:
    """Wait for this node's workers and print what they say."""
    word = "on" if on else "off"
    here = _wait(lambda: _confirms_here(data_dir, on=on))
    if not is_running(data_dir):
        print(f"ads {word}: node {settings.node.name} does not run; it will find ads {word} when it starts")
    else:
        print(f"ads {word}: node {settings.node.name} {'confirmed' if here else 'DID NOT CONFIRM'}")
    return here


def _tell(settings: Settings, *, on: bool) -> bool:
    """Switch every node by the database; tell whether all confirmed. Raises `CommandError`."""
    try:
        return asyncio.run(_tell_all(settings, on=on))
    except CommandError as error:
        word = "on" if on else "off"
        line = f"{'; '.join(error.lines)}; no other node was told that ads are {word}: repeat this then"
        raise CommandError(ExitCode.UNREACHABLE, line) from None


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Session]:
    """Yield a session, soon or not at all; a database of our own may take its time to start."""
    if settings.database == "embedded" and not is_running(Path(settings.node.data_dir)):
        async with open_database(settings) as session:
            yield session
        return
    async with open_database(
        settings, answers_within_s=ANSWER_S, ends_within_s=ANSWER_S + CONFIRM_S
    ) as session:
        yield session


def _confirms_here(data_dir: Path, *, on: bool) -> bool:
    if not is_running(data_dir):
        return True
    return all((worker.gate == "ads_off") is not on for worker in read_status(data_dir))


async def _tell_all(settings: Settings, *, on: bool) -> bool:
    async with _database(settings) as session:
        switches = PostgresSwitches(session.pool)
        version = await switches.ads(on=on, by=getpass.getuser(), now=datetime.now(UTC))
        return await _confirmed(switches, version, settings)


async def _stop(settings: Settings, campaign: str, *, resume: bool = False) -> bool:
    async with _database(settings) as session:
        switches = PostgresSwitches(session.pool)
        try:
            act = switches.resume if resume else switches.stop
            switched = await act(campaign, by=getpass.getuser(), now=datetime.now(UTC))
        except CampaignNotFoundError as error:
            raise CommandError(ExitCode.USAGE, f"posdata: {error}") from None
        return await _confirmed(switches, switched.version, settings)


async def _confirmed(switches: PostgresSwitches, version: int, settings: Settings) -> bool:
    """Wait for the living nodes to act on a version of the switches; print what each says."""
    deadline = time.monotonic() + CONFIRM_S
    alone = settings.database == "embedded" and not is_running(Path(settings.node.data_dir))
    while True:
        asked_from = datetime.now(UTC) - SEEN_WITHIN
        living = [node for node in await switches.nodes() if node.seen_at >= asked_from and not alone]
        late = [node.name for node in living if node.confirmed < version]
        if not late or time.monotonic() > deadline:
            break
        await asyncio.sleep(LOOK_S)
    for node in living:
        print(f"node {node.name}: {'DID NOT CONFIRM' if node.name in late else 'confirmed'}")
    if not living:
        print("no node is running; each will find the switch when it starts")
    return not late


def _wait(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + CONFIRM_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)
    return True


def _end(confirmed: bool) -> None:
    if not confirmed:
        raise CommandError(ExitCode.UNREACHABLE, "posdata: not every node confirmed; look at the ones named")
