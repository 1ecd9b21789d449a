"""The password of the engine's own session: from the environment, or a file."""

import os
from collections.abc import Mapping
from pathlib import Path

from engine.settings import Esme

PASSWORD_VARIABLE = "POSDATA_ESME_PASSWORD"  # noqa: S105  # the variable's name


def esme_password(esme: Esme, environ: Mapping[str, str] = os.environ) -> str:
    """Return the password, "" where there is none. Raises `OSError` for a file that can't be read."""
    given = environ.get(PASSWORD_VARIABLE)
    if given is not None:
        return given
    if esme.password_file is None:
        return ""
    return Path(esme.password_file).read_text(encoding="ascii", errors="replace").strip()
