"""TLS contexts from the files that settings name, and what is wrong with those files."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.relay_settings import ListenTls, UpstreamTls
from engine.settings import Settings
from inventory.faults import Fault

_FLIGHTS = 4
"""How often two ends of a TLS 1.2 or 1.3 handshake take turns, at most."""


class TlsFileError(Exception):
    """A file can't be used: `key` is the setting that names it, `reason` what is wrong with it."""

    def __init__(self, key: str, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.key = key
        self.reason = f"names {path}, which {reason}"


@dataclass(frozen=True, slots=True)
class LoadedTls:
    """A context ready for connections; `expires_at` (Unix seconds) is when our own certificate does."""

    context: ssl.SSLContext
    expires_at: float | None


def load_listen(tls: ListenTls) -> LoadedTls:
    """Make the context towards the platform. Raises `TlsFileError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    expires_at = _show(context, tls.certificate, tls.key, ssl.Purpose.SERVER_AUTH)
    if tls.client_ca is not None:
        _trust(context, "client_ca", tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return LoadedTls(_hardened(context), expires_at)


def load_upstream(tls: UpstreamTls) -> LoadedTls:
    """Make the context towards the SMSC: without `ca`, the machine's authorities vouch for it.

    Raises `TlsFileError`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    expires_at = None
    if tls.certificate is not None and tls.key is not None:
        expires_at = _show(context, tls.certificate, tls.key, ssl.Purpose.CLIENT_AUTH)
    if tls.ca is None:
        context.load_default_certs()
    else:
        _trust(context, "ca", tls.ca)
    return LoadedTls(_hardened(context), expires_at)


def tls_faults(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong with the files of every route's TLS: unreadable, mismatched, expired."""
    relay = settings.relay
    for index, route in enumerate(relay.routes):
        where = "/relay/tls" if relay.listed_routes is None else f"/relay/routes/{index}/tls"
        try:
            if route.tls is not None and route.tls.listen is not None:
                load_listen(route.tls.listen)
        except TlsFileError as error:
            yield _fault(f"{where}/listen", error)
        try:
            if route.tls is not None and route.tls.upstream is not None:
                load_upstream(route.tls.upstream)
        except TlsFileError as error:
            yield _fault(f"{where}/upstream", error)


def _fault(where: str, error: TlsFileError) -> Fault:
    return Fault(f"{where}/{error.key}", "tls_file", error.reason, error.reason)


def _hardened(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _show(context: ssl.SSLContext, certificate: str, key: str, purpose: ssl.Purpose) -> float:
    """Load our own certificate and its key; return when it expires."""
    _readable("certificate", certificate)
    _readable("key", key)
    _certificates("certificate", certificate)
    try:
        context.load_cert_chain(certificate, key, password=lambda: _no_password(key))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFileError("key", key, f"is not the key of {certificate}") from None
        if error.reason in {None, "NO_START_LINE", "UNSUPPORTED", "BAD_BASE64_DECODE"}:
            raise TlsFileError("key", key, "holds no private key in PEM") from None
        raise TlsFileError("certificate", certificate, f"can't be used: {_words(error)}") from None
    return _expiry(certificate, key, purpose)


def _no_password(key: str) -> str:
    raise TlsFileError("key", key, "is encrypted; give one that its permissions protect")


def _trust(context: ssl.SSLContext, key: str, path: str) -> None:
    """Load the authorities that vouch for the peer."""
    _readable(key, path)
    _certificates(key, path)
    context.load_verify_locations(path)
    ends = [ssl.cert_time_to_seconds(str(each["notAfter"])) for each in context.get_ca_certs()]
    if ends and max(ends) <= time.time():
        raise TlsFileError(key, path, "holds only certificates that have expired")


def _readable(key: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise TlsFileError(key, path, f"can't be read: {error.strerror}") from None


def _certificates(key: str, path: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        raise TlsFileError(key, path, "holds no certificate in PEM") from None


def _expiry(certificate: str, key: str, purpose: ssl.Purpose) -> float:
    """Show our certificate to ourselves, in memory: whatever a peer would refuse is found before it does."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    server.load_cert_chain(certificate, key)
    judge = client
    if purpose is ssl.Purpose.CLIENT_AUTH:
        judge = server
        client.verify_mode = ssl.CERT_NONE
        client.load_cert_chain(certificate, key)
    judge.verify_mode = ssl.CERT_REQUIRED
    judge.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    judge.load_verify_locations(certificate)
    try:
        shown = _shake_hands(server, client, judge)
    except ssl.SSLCertVerificationError as error:
        raise TlsFileError("certificate", certificate, f"no peer accepts: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise TlsFileError("certificate", certificate, f"no peer accepts: {_words(error)}") from None
    return ssl.cert_time_to_seconds(str(shown["notAfter"]))


def _shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, judge: ssl.SSLContext) -> dict[str, Any]:
    """Return the certificate that the judge was shown, once both ends are content. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(_FLIGHTS):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    judging = next(end for end in ends if end.context is judge)
    return dict(judging.getpeercert() or {})


def _words(error: ssl.SSLError) -> str:
    return (error.reason or "unknown fault").lower().replace("_", " ")
