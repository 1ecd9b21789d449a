"""Certificate and key files: what is wrong with them is a fault of the settings, with its line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from typer.testing import CliRunner

from adapters.cli.app import app
from adapters.files.certificates import load_listen, load_upstream, tls_faults
from adapters.files.settings_file import SettingsError, load_settings
from engine.relay_settings import ListenTls, UpstreamTls
from tests.tls import Authority, Pair


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who vouches, with its files in a folder beside the settings."""
    return Authority(tmp_path, "tls")


def settings(directory: Path, *, listen: dict[str, str] | None = None, **upstream: str) -> Path:
    """Write settings with TLS on the legs that are given, one key a line."""
    tls = ({"listen": listen} if listen else {}) | ({"upstream": upstream} if upstream else {})
    path = directory / "posdata.yaml"
    path.write_text(yaml.safe_dump({"relay": {"tls": tls}}, default_flow_style=False, sort_keys=False))
    return path


def fault(path: Path) -> str:
    """Return the only fault of settings and of the files that they name."""
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {}, tls_faults)
    [only] = refused.value.faults
    return f"{only.line}: {only.message}"


def test_good_files_are_found_beside_the_settings(tmp_path: Path, authority: Authority) -> None:
    """Relative paths start at the settings file; `config check` prints settings of the same effect."""
    authority.issue("node")
    listen = {"certificate": "tls/node.pem", "key": "tls/node.key", "client_ca": "tls/ca.pem"}
    path = settings(tmp_path, listen=listen, ca="tls/ca.pem", server_name="smsc.example")
    loaded = load_settings(path, {}, tls_faults)
    tls = loaded.relay.routes[0].tls
    assert tls is not None
    assert tls.listen is not None
    assert tls.upstream is not None
    assert tls.listen.key == str(tmp_path / "tls" / "node.key")
    assert tls.upstream.ca == str(tmp_path / "tls" / "ca.pem")
    printed = CliRunner().invoke(app, ["config", "check", "--json", "-c", str(path)])
    (tmp_path / "again.yaml").write_text(printed.stdout)
    assert load_settings(tmp_path / "again.yaml", {}, tls_faults) == loaded
    assert json.loads(printed.stdout)["relay"]["tls"]["upstream"]["server_name"] == "smsc.example"


def test_routes_find_their_files_too(tmp_path: Path, authority: Authority) -> None:
    """Each route's files are resolved and looked at; a fault bears that route's line."""
    authority.issue("node")
    routes = [
        {
            "name": name,
            "listen": f"127.0.0.1:{port}",
            "upstream": ["127.0.0.1:2776"],
            "tls": {"upstream": {"ca": ca}},
        }
        for name, port, ca in (("a", 1, "tls/ca.pem"), ("b", 2, "gone.pem"))
    ]
    path = tmp_path / "posdata.yaml"
    path.write_text(yaml.safe_dump({"relay": {"routes": routes}}, default_flow_style=False, sort_keys=False))
    line = path.read_text().splitlines().index("        ca: gone.pem") + 1
    reason = f"names {tmp_path}/gone.pem, which can't be read: No such file or directory"
    assert fault(path) == f"{line}: relay.routes[1].tls.upstream.ca {reason}"


def test_every_file_is_named_that_cannot_be_used(tmp_path: Path, authority: Authority) -> None:
    """Missing, a folder, no PEM, another's key, an encrypted key: the line, the file and what is wrong."""
    good, other = authority.issue("node"), authority.issue("other")
    junk = tmp_path / "junk.pem"
    junk.write_text("-----BEGIN CERTIFICATE-----\nnothing\n")
    key = load_pem_private_key(Path(good.key).read_bytes(), None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    gone = f"{tmp_path}/gone"
    for certificate, private, expected in (
        (gone, good.key, f"4: relay.tls.listen.certificate names {gone}, which can't be read: No such file"),
        (
            good.certificate,
            str(tmp_path),
            f"5: relay.tls.listen.key names {tmp_path}, which can't be read: Is a",
        ),
        (
            str(junk),
            good.key,
            f"4: relay.tls.listen.certificate names {junk}, which holds no certificate in PEM",
        ),
        (
            good.certificate,
            str(junk),
            f"5: relay.tls.listen.key names {junk}, which holds no private key in PEM",
        ),
        (
            good.certificate,
            other.key,
            f"5: relay.tls.listen.key names {other.key}, which is not the key of {good.certificate}",
        ),
        (good.certificate, str(locked), f"5: relay.tls.listen.key names {locked}, which is encrypted"),
    ):
        path = settings(tmp_path, listen={"certificate": certificate, "key": private})
        assert fault(path).startswith(expected)


def test_an_expired_certificate_is_a_fault(tmp_path: Path, authority: Authority) -> None:
    """Ours on either leg, and an authority's."""
    pair = authority.issue("old", days=-1)
    told = f"names {pair.certificate}, which no peer accepts: certificate has expired"
    listen = settings(tmp_path, listen={"certificate": pair.certificate, "key": pair.key})
    assert fault(listen) == f"4: relay.tls.listen.certificate {told}"
    upstream = settings(tmp_path, certificate=pair.certificate, key=pair.key)
    assert fault(upstream) == f"4: relay.tls.upstream.certificate {told}"
    expired_authority(tmp_path / "old-ca.pem")
    reason = f"names {tmp_path}/old-ca.pem, which holds only certificates that have expired"
    assert fault(settings(tmp_path, ca="old-ca.pem")) == f"4: relay.tls.upstream.ca {reason}"


def expired_authority(path: Path) -> None:
    """Write the certificate of an authority that ended yesterday."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now - timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(Encoding.PEM))


def test_faults_of_both_legs_are_told_at_once(tmp_path: Path, authority: Authority) -> None:
    """One line for each leg, in the order of the file."""
    pair = authority.issue("node")
    path = settings(tmp_path, listen={"certificate": pair.certificate, "key": "gone.key"}, ca="gone.pem")
    with pytest.raises(SettingsError) as refused:
        load_settings(path, {}, tls_faults)
    assert [each.line for each in refused.value.faults] == [5, 7]


def test_other_commands_do_not_mind_the_files(tmp_path: Path) -> None:
    """Ads can be switched off with an expired certificate: only `serve` and `config check` look."""
    path = settings(tmp_path, ca="gone.pem")
    assert load_settings(path, {}).relay.tls is not None
    checked = CliRunner().invoke(app, ["config", "check", "-c", str(path)])
    assert checked.exit_code == 2
    assert "relay.tls.upstream.ca names" in checked.stderr
    assert CliRunner().invoke(app, ["serve", "-c", str(path)]).exit_code == 2


def test_the_date_of_expiry_is_known(authority: Authority) -> None:
    """Both legs tell when our own certificate expires; a leg that shows none has no date."""
    pair: Pair = authority.issue("node", days=3)
    listen = load_listen(ListenTls(certificate=pair.certificate, key=pair.key))
    upstream = load_upstream(UpstreamTls(certificate=pair.certificate, key=pair.key, ca=authority.ca))
    assert listen.expires_at == upstream.expires_at
    assert load_upstream(UpstreamTls()).expires_at is None
