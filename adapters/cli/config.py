"""`posdata config check`: the settings in effect, or everything that is wrong with them."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from adapters.cli.console import CommandError, ExitCode, print_json
from adapters.cli.options import DEFAULT_CONFIG, AsJson, settings_at
from adapters.files.named_files import file_faults
from adapters.files.settings_file import SettingsError, default_settings, masked_dsn
from engine.settings import SHORTHAND, Settings

config = typer.Typer(help="Check a settings file.", no_args_is_help=True, rich_markup_mode=None)


@config.command("check")
def check_config(
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            "-c", "--config", metavar="FILE", help="settings file; posdata.yaml, or defaults without one"
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the settings in effect, passwords masked; exit 2 with one line for each fault."""
    document = effective(_settings(file))
    if as_json:
        print_json(document)
    else:
        print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), end="")


def _settings(file: Path | None) -> Settings:
    if file is not None or DEFAULT_CONFIG.exists():
        return settings_at(file or DEFAULT_CONFIG, file_faults)
    try:
        return default_settings(Path())
    except SettingsError as error:
        raise CommandError(ExitCode.USAGE, *map(str, error.faults)) from None


def effective(settings: Settings) -> dict[str, Any]:
    """Return every setting as posdata.yaml writes it, the database's password masked."""
    document = settings.model_dump(mode="json", by_alias=True)
    document["database"] = masked_dsn(settings.database)
    if document["relay"]["routes"] is None:
        del document["relay"]["routes"]
    else:
        for key in SHORTHAND:
            del document["relay"][key]
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:
    """Write 60.0 as 60, the way the settings file has it."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
