"""How a route's two connections come about: accepted and dialled, over plain TCP or over TLS."""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import structlog

from adapters.files.certificates import LoadedTls, TlsFileError, load_listen, load_upstream
from adapters.smpp.legs import SmscLeg
from adapters.smpp.link import dial_plain
from adapters.smpp.tls import TlsPipe, TlsRefusedError
from engine.relay_settings import Route

# A platform that has not finished its handshake by then is closed.
HANDSHAKE_S = 10.0
EXPIRY_NOTICE_S = 14 * 86400.0
EXPIRY_TOLD_EVERY_S = 86400.0

log = structlog.get_logger()


class Connector:
    """One route's way to its platform and to its SMSC; it logs why a TLS connection failed."""

    def __init__(self, route: Route) -> None:
        self._route = route.name
        listen = route.tls.listen if route.tls is not None else None
        upstream = route.tls.upstream if route.tls is not None else None
        self._listen = self._upstream = None
        self._server_name: str | None = None
        if listen is not None:
            files = [each for each in (listen.certificate, listen.key, listen.client_ca) if each is not None]
            self._listen = _Context(route.name, "listen", files, partial(load_listen, listen))
        if upstream is not None:
            named = (upstream.certificate, upstream.key, upstream.ca)
            files = [each for each in named if each is not None]
            self._upstream = _Context(route.name, "upstream", files, partial(load_upstream, upstream))
            self._server_name = upstream.server_name

    async def accept(self, leg: asyncio.Protocol, accepted: socket.socket, peer: str) -> None:
        """Take over a connection; the leg joins when it is ready. Raises OSError, having closed it."""
        loop = asyncio.get_running_loop()
        told = partial(self._platform_failed, peer)
        try:
            context = self._listen.current() if self._listen is not None else None
            if context is None:
                await loop.connect_accepted_socket(lambda: leg, accepted)
                return
            _, pipe = await loop.connect_accepted_socket(lambda: TlsPipe(leg, context, told), accepted)
        except OSError:
            accepted.close()  # it was gone before it got here, or our own files can't be used
            raise
        try:
            await pipe.secured(loop.time() + HANDSHAKE_S)
        except TlsRefusedError as error:
            told(str(error))
            raise

    async def dial(self, leg: SmscLeg, host: str, port: int, timeout_s: float) -> None:
        """Connect a leg to the SMSC, handshake included in the time. Raises OSError, TimeoutError."""
        if self._upstream is None:
            await dial_plain(leg, host, port, timeout_s)
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        context = self._upstream.current()
        told = partial(self._smsc_failed, f"{host}:{port}")
        name = self._server_name or host
        async with asyncio.timeout_at(deadline):
            _, pipe = await loop.create_connection(
                lambda: TlsPipe(leg, context, told, server_name=name), host, port
            )
        try:
            await pipe.secured(deadline)
        except TlsRefusedError as error:
            told(str(error))
            raise

    def _platform_failed(self, peer: str, reason: str) -> None:
        log.warning("platform_tls_failed", route=self._route, peer=peer, reason=reason)

    def _smsc_failed(self, address: str, reason: str) -> None:
        log.error("alarm_smsc_tls_failed", route=self._route, upstream=address, reason=reason)


class _Context:
    """A context from files, made anew for the next connection when they have changed."""

    def __init__(self, route: str, leg: str, files: Sequence[str], load: Callable[[], LoadedTls]) -> None:
        self._route, self._leg = route, leg
        self._files = files
        self._load = load
        self._stamp: tuple[object, ...] = ()
        self._loaded: LoadedTls | None = None
        self._noticed_at = float("-inf")

    def current(self) -> ssl.SSLContext:
        """Return the context; bad new files leave the former in force. Raises `TlsRefusedError`."""
        stamp = (True, *map(_stamp, self._files))
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._loaded = self._load()
            except (TlsFileError, OSError) as error:  # OSError: replaced while it was read
                log.error("alarm_tls_file", route=self._route, leg=self._leg, error=str(error))
        if self._loaded is None:
            raise TlsRefusedError("our own files can't be used")
        self._notice_expiry(self._loaded.expires_at)
        return self._loaded.context

    def _notice_expiry(self, expires_at: float | None) -> None:
        now = time.time()
        if expires_at is None or expires_at - now > EXPIRY_NOTICE_S:
            return
        if now - self._noticed_at >= EXPIRY_TOLD_EVERY_S:
            self._noticed_at = now
            days = (expires_at - now) / 86400
            log.error("alarm_certificate_expires", route=self._route, leg=self._leg, days=round(days, 1))


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
