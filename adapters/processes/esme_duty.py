"""Control's own sessions at the SMSC, as the settings have them."""

from collections.abc import Sequence

import structlog

from adapters.files.esme_password import esme_password
from adapters.processes.endless import again_after_faults
from adapters.smpp.esme import Credentials, EsmeSession, Hear
from adapters.smpp.esme_core import Direction
from adapters.smpp.esme_pace import SendingPace
from engine.settings import Settings

_DIRECTIONS: dict[str, Sequence[Direction]] = {
    "transceiver": ("transceiver",),
    "transmitter": ("transmitter",),
    "pair": ("transmitter", "receiver"),
}

log = structlog.get_logger()


def own_sessions(settings: Settings, hear: Hear) -> Sequence[EsmeSession]:
    """Return the sessions, of which the first sends and the last hears.

    There are none where the settings have none, or where the password can't be read, with an alarm.
    """
    esme = settings.esme
    if esme is None:
        return ()
    try:
        password = esme_password(esme)
    except OSError as error:
        log.error("alarm_esme_password", file=esme.password_file, error=error.strerror)
        return ()
    return [
        EsmeSession(
            Credentials(esme.smsc, esme.system_id, password, direction),
            pace=SendingPace(esme.per_second),
            hear=hear,
        )
        for direction in _DIRECTIONS[esme.bind]
    ]


async def hold(session: EsmeSession) -> None:
    """Keep a session bound; a fault of ours in it ends nothing else."""
    await again_after_faults(session.run, lambda error: log.error("alarm_internal_error", exc_info=error))
