"""SIGHUP: the settings file read again, its difference logged, and its way to the children."""

import os
from collections.abc import Callable
from dataclasses import asdict

import structlog

from adapters.files.settings_file import SettingsError
from engine.reload import difference, merged
from engine.settings import Settings

log = structlog.get_logger()


def reread(load: Callable[[], Settings], current: Settings) -> Settings | None:
    """Read the settings again and log what differs; return those in force from now on.

    None when the file is faulty: then nothing changes, and the log has every fault.
    """
    try:
        new = load()
    except SettingsError as error:
        log.error("alarm_settings_refused", faults=[str(fault) for fault in error.faults])
        return None
    changes = difference(current, new)
    for change in changes:
        log.warning("setting_changed", **asdict(change))
    log.warning(
        "settings_reloaded",
        applied=[change.key for change in changes if change.live],
        needs_restart=[change.key for change in changes if not change.live],
    )
    return merged(current, new)


def written(settings: Settings) -> int:
    """Return a descriptor to hand settings over by: memory, since they may hold a password."""
    descriptor = os.memfd_create("posdata-settings")
    octets = settings.model_dump_json(by_alias=True).encode()
    while octets:
        octets = octets[os.write(descriptor, octets) :]
    return descriptor


def read(descriptor: int) -> Settings:
    """Return the settings behind a descriptor, and close it."""
    with os.fdopen(descriptor, "rb") as stream:
        stream.seek(0)
        return Settings.model_validate_json(stream.read())
