"""`posdata serve`: run a node until SIGTERM."""

import asyncio
from pathlib import Path

import structlog

from adapters.cli.console import CommandError, ExitCode
from adapters.cli.options import DEFAULT_CONFIG, ConfigFile, settings_at
from adapters.files.named_files import file_faults
from adapters.files.settings_file import load_settings
from adapters.processes.child import configure_logging
from adapters.processes.supervisor import Addresses, StartError, Supervisor
from engine.settings import Settings

log = structlog.get_logger()


def serve_command(*, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Run a node; prints `ready relay=HOST:PORT http=HOST:PORT` when it takes traffic.

    SIGTERM drains it: ads stop, answers come home, the books are settled. SIGHUP reads the settings again.
    """
    configure_logging()
    try:
        asyncio.run(_run(settings_at(config, file_faults), config.absolute()))
    except StartError as error:
        raise CommandError(ExitCode.UNREACHABLE, f"posdata: {error}") from None


async def _run(settings: Settings, config: Path) -> None:
    def announce(addresses: Addresses) -> None:
        """Say that the node is ready, and what it goes by."""
        _announce(addresses)
        declare(settings)

    await Supervisor(settings, announce, load=lambda: load_settings(config, probe=file_faults)).run()


def declare(settings: Settings) -> None:
    """Log on what legal ground ads are sent, as the carrier declares it, and what consent is asked for."""
    policy = settings.policy
    log.info("legal_basis", legal_basis=policy.legal_basis, consent=policy.consent)


def _announce(addresses: Addresses) -> None:
    """Print the ready line; with several routes, each is named."""
    relay = ",".join(
        address if name == "default" else f"{name}={address}" for name, address in addresses.relay.items()
    )
    print(f"ready relay={relay} http={addresses.http}", flush=True)
