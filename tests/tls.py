"""Certificates made on the spot, as files and as contexts, for tests of TLS."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Pair:
    """A certificate chain and its key, as two files."""

    certificate: str
    key: str


class Authority:
    """A certificate authority whose files lie in one directory."""

    def __init__(self, directory: Path, name: str) -> None:
        self._authority = trustme.CA(organization_name=name)
        self._directory = directory / name
        self._directory.mkdir()
        self.ca = str(self._directory / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca)

    def issue(self, file: str, *names: str, days: float = 30) -> Pair:
        """Issue a certificate for names (default 127.0.0.1) that expires in so many days, or did so ago."""
        now = datetime.now(UTC)
        issued = self._authority.issue_cert(
            *(names or (HOST,)), not_before=now - timedelta(days=365), not_after=now + timedelta(days=days)
        )
        certificate, key = self._directory / f"{file}.pem", self._directory / f"{file}.key"
        certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return Pair(str(certificate), str(key))

    def server(self, pair: Pair, client_ca: str | None = None) -> ssl.SSLContext:
        """Return a server that shows a certificate, and asks for one if there is a `client_ca`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def client(self, pair: Pair | None = None) -> ssl.SSLContext:
        """Return a client that trusts this authority, and shows a certificate if there is one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        if pair is not None:
            context.load_cert_chain(pair.certificate, pair.key)
        return context
