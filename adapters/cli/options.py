"""The options that several commands share, and the settings behind `-c`."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.console import CommandError, ExitCode
from adapters.files.settings_file import Probe, SettingsError, load_settings
from engine.settings import Settings

ConfigFile = Annotated[Path, typer.Option("-c", "--config", metavar="FILE", help="settings file")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON document")]
Places = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="PLACE", help="MX-JAL, 33, 14039, 'Guadalajara, MX-JAL'; repeatable"),
]
ExcludedPlaces = Annotated[
    list[str] | None, typer.Option("--exclude", metavar="PLACE", help="as --target; repeatable")
]

DEFAULT_CONFIG = Path("posdata.yaml")


def settings_at(path: Path, probe: Probe | None = None) -> Settings:
    """Read a settings file; raises `CommandError` with every fault and exit code 2."""
    try:
        return load_settings(path, probe=probe)
    except SettingsError as error:
        raise CommandError(ExitCode.USAGE, *map(str, error.faults)) from None
