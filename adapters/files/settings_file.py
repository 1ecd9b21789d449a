"""posdata.yaml on disk: read, checked, with the line of every fault."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from adapters.files.trial_list import read_trial_list
from adapters.files.yaml_lines import Document, LineFault, UnreadableError, parse
from engine.relay_settings import Tls
from engine.setting_section import Section
from engine.settings import Settings, SettingsRefusedError, parse_settings
from engine.trial_list import TrialFile
from inventory.faults import Fault, path_of

DATABASE_VARIABLE = "POSDATA_DATABASE"
"""Environment variable that stands in for `database:`, so that a password needs no file."""


class SettingsError(Exception):
    """The settings file cannot be used; `faults` lists every reason, one line each."""

    def __init__(self, faults: Iterable[LineFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


Probe = Callable[[Settings], Iterable[Fault]]
"""Looks at what the settings name, such as files, and says what is wrong there."""


def load_settings(
    path: Path, environ: Mapping[str, str] = os.environ, probe: Probe | None = None
) -> Settings:
    """Read the settings file; raises `SettingsError`.

    Relative paths in it start at its own directory. A DSN in POSDATA_DATABASE replaces `database`,
    the numbers of a file named by `ads.only_subscribers` its name.
    """
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        reason = error.strerror or "cannot be read"
        raise SettingsError([LineFault(str(path), 0, f"{reason}; name the file with -c")]) from None
    except UnreadableError as error:
        raise SettingsError([LineFault(str(path), error.line, error.reason.en)]) from None
    settings = _checked(document, str(path))
    directory = path.absolute().parent
    settings = _placed(_with_trial_list(_with_environment(settings, environ), directory), directory)
    if probe is not None and (faults := list(probe(settings))):
        raise SettingsError(_line_fault(fault, document, str(path)) for fault in faults)
    return settings


def default_settings(directory: Path, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of an empty file in `directory`; raises `SettingsError` for a bad environment."""
    return _placed(_with_environment(Settings(), environ), directory.absolute())


def masked_dsn(dsn: str) -> str:
    """Return a database setting fit for a screen: the password is replaced by ***."""
    without_user_password = re.sub(r"(://[^/?#@:]*):.*@", r"\1:***@", dsn)
    return re.sub(r"([?&][^=&]*pass[^=&]*=)[^&]*", r"\1***", without_user_password)


def _checked(document: Document, file: str) -> Settings:
    faults = [LineFault(file, line, reason.en) for line, reason in document.faults]
    try:
        settings = parse_settings(document.value)
    except SettingsRefusedError as refused:
        faults += [_line_fault(fault, document, file) for fault in refused.faults]
        settings = None
    if settings is None or faults:
        raise SettingsError(sorted(faults, key=lambda fault: fault.line))
    return settings


def _line_fault(fault: Fault, document: Document, file: str) -> LineFault:
    name = re.sub(r"\.(\d+)(?=\.|$)", r"[\1]", ".".join(path_of(fault.pointer))) or "the file"
    return LineFault(file, document.line(fault.pointer), f"{name} {fault.en}")


def _with_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    dsn = environ.get(DATABASE_VARIABLE, "")
    if not dsn:
        return settings
    try:
        parse_settings({"database": dsn})
    except SettingsRefusedError as refused:
        fault = refused.faults[0]
        raise SettingsError([LineFault(DATABASE_VARIABLE, 0, f"database {fault.en}")]) from None
    return settings.model_copy(update={"database": dsn})


def _with_trial_list(settings: Settings, directory: Path) -> Settings:
    match settings.ads.only_subscribers:
        case (TrialFile(path),):
            listed, faults = read_trial_list(directory / path)
            if faults:
                raise SettingsError(faults)
            ads = settings.ads.model_copy(update={"only_subscribers": listed})
            return settings.model_copy(update={"ads": ads})
        case _:
            return settings


def _placed(settings: Settings, directory: Path) -> Settings:
    """Let every relative path start at a directory."""
    node = settings.node.model_copy(update={"data_dir": str((directory / settings.node.data_dir).resolve())})
    relay = settings.relay.model_copy(update={"tls": _placed_tls(settings.relay.tls, directory)})
    if relay.listed_routes is not None:
        routes = [
            route.model_copy(update={"tls": _placed_tls(route.tls, directory)})
            for route in relay.listed_routes
        ]
        relay = relay.model_copy(update={"listed_routes": tuple(routes)})
    privacy = settings.privacy
    for key in ("hash_key_file", "number_key_file"):
        if (named := getattr(privacy, key)) is not None:
            privacy = privacy.model_copy(update={key: str((directory / named).resolve())})
    esme = settings.esme
    if esme is not None and esme.password_file is not None:
        esme = esme.model_copy(update={"password_file": str((directory / esme.password_file).resolve())})
    reports = settings.reports
    if (password := reports.email.password_file) is not None:
        email = reports.email.model_copy(update={"password_file": str((directory / password).resolve())})
        reports = reports.model_copy(update={"email": email})
    placed = {"node": node, "relay": relay, "privacy": privacy, "esme": esme, "reports": reports}
    return settings.model_copy(update=placed)


def _placed_tls(tls: Tls | None, directory: Path) -> Tls | None:
    if tls is None:
        return None
    legs: dict[str, Section | None] = {"listen": tls.listen, "upstream": tls.upstream}
    placed = {
        name: leg.model_copy(
            update={
                key: str((directory / value).resolve())
                for key in ("certificate", "key", "client_ca", "ca")
                if (value := getattr(leg, key, None)) is not None
            }
        )
        for name, leg in legs.items()
        if leg is not None
    }
    return tls.model_copy(update=placed)
