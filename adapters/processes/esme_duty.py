"""Control's own session at the SMSC, as the settings have it."""

import structlog

from adapters.files.esme_password import esme_password
from adapters.processes.endless import again_after_faults
from adapters.smpp.esme import Credentials, EsmeSession
from engine.settings import Settings

log = structlog.get_logger()


def own_session(settings: Settings) -> EsmeSession | None:
    """Return the session; None where the settings have none, or its password can't be read, with an alarm."""
    esme = settings.esme
    if esme is None:
        return None
    try:
        password = esme_password(esme)
    except OSError as error:
        log.error("alarm_esme_password", file=esme.password_file, error=error.strerror)
        return None
    return EsmeSession(Credentials(esme.smsc, esme.system_id, password))


async def hold(session: EsmeSession) -> None:
    """Keep the session bound; a fault of ours in it ends nothing else."""
    await again_after_faults(session.run, lambda error: log.error("alarm_internal_error", exc_info=error))
