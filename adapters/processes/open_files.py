"""How many files the processes of a node may have open: sockets, most of them."""

import resource

import structlog

from engine.settings import Settings

# A worker's own: journal segments, plan, lines to control and supervisor, libraries.
BESIDE_SESSIONS = 64
A_SESSION = 2

log = structlog.get_logger()


def raise_limit() -> None:
    """Raise the soft limit of this process, and so of its children, to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def alarm_if_few(settings: Settings) -> None:
    """Say so when a single worker could not hold all the sessions that the settings allow."""
    wanted = A_SESSION * settings.relay.max_sessions + BESIDE_SESSIONS
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < wanted:
        log.error("alarm_open_files", limit=limit, wanted=wanted)
