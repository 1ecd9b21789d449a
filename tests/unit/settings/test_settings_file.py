"""Where settings come from besides their file, and what is kept off the screen."""

from pathlib import Path

import pytest

from adapters.files.settings_file import SettingsError, default_settings, load_settings, masked_dsn
from engine.endpoint import Endpoint
from engine.settings import Settings

SECRET = "s3cr3t"


def write(directory: Path, text: str) -> Path:
    """Write a settings file into a directory."""
    path = directory / "posdata.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_relative_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    """data_dir is resolved against the file's own directory, an absolute one is left alone."""
    assert load_settings(write(tmp_path, ""), {}).node.data_dir == str(tmp_path / "data")
    absolute = load_settings(write(tmp_path, "node: {data_dir: /var/lib/posdata}"), {})
    assert absolute.node.data_dir == "/var/lib/posdata"


def test_the_environment_replaces_the_database(tmp_path: Path) -> None:
    """POSDATA_DATABASE wins over `database:`."""
    path = write(tmp_path, "database: embedded\n")
    dsn = f"postgresql://posdata:{SECRET}@db.example/posdata"
    assert load_settings(path, {"POSDATA_DATABASE": dsn}).database == dsn
    assert default_settings(tmp_path, {"POSDATA_DATABASE": dsn}).database == dsn


def test_a_wrong_database_is_refused_without_repeating_it(tmp_path: Path) -> None:
    """Neither the file's nor the environment's value reaches the message: it may hold a password."""
    wrong = f"mysql://posdata:{SECRET}@db.example/posdata"
    with pytest.raises(SettingsError, match="POSDATA_DATABASE: database must be") as environment:
        load_settings(write(tmp_path, ""), {"POSDATA_DATABASE": wrong})
    with pytest.raises(SettingsError) as file:
        load_settings(write(tmp_path, f"database: [{wrong!r}]"), {})
    assert SECRET not in f"{environment.value} {file.value}"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is one line with its name."""
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path / "nix.yaml", {})
    assert str(refused.value) == f"{tmp_path}/nix.yaml: No such file or directory; name the file with -c"


def test_settings_do_not_show_the_database() -> None:
    """Their repr leaves the DSN out, so that a log of the settings holds no password."""
    settings = Settings(database=f"postgresql://posdata:{SECRET}@db.example/posdata")
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("embedded", "embedded"),
        ("postgresql://db.example/posdata", "postgresql://db.example/posdata"),
        ("postgresql://posdata@db.example/posdata", "postgresql://posdata@db.example/posdata"),
        (f"postgresql://posdata:{SECRET}@db.example/p", "postgresql://posdata:***@db.example/p"),
        (f"postgresql://posdata:{SECRET}:{SECRET}@db.example", "postgresql://posdata:***@db.example"),
        (f"postgresql://posdata:{SECRET}@{SECRET}@db.example", "postgresql://posdata:***@db.example"),
        (f"postgresql:///p?host=/run&password={SECRET}", "postgresql:///p?host=/run&password=***"),
        (f"postgresql://posdata:{SECRET}/[@db.example/p", "postgresql://posdata:***@db.example/p"),
    ],
)
def test_passwords_are_masked(dsn: str, shown: str) -> None:
    """Whatever the form of the DSN, its password is three stars."""
    assert masked_dsn(dsn) == shown


@pytest.mark.parametrize("text", ["127.0.0.1:2775", "smsc-1.example:0", "[::1]:65535"])
def test_endpoints_are_written_as_they_are_read(text: str) -> None:
    """An address survives parsing and writing."""
    assert str(Endpoint.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "2775", ":2775", "::1:2775", "[::1]", "host:65536", "host:-1", "a b:1", "[1.2.3.4]:5", "h:1\n"],
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    """Only HOST:PORT and [IPv6]:PORT are addresses."""
    with pytest.raises(ValueError, match="is no"):
        Endpoint.parse(text)


def test_a_wildcard_collides_with_every_host_on_its_port() -> None:
    """0.0.0.0:2775 takes 127.0.0.1:2775; two free ports (0) never collide."""
    everywhere = Endpoint("0.0.0.0", 2775)
    assert everywhere.collides(Endpoint("127.0.0.1", 2775))
    assert not everywhere.collides(Endpoint("127.0.0.1", 2776))
    assert not Endpoint("127.0.0.1", 0).collides(Endpoint("127.0.0.1", 0))
    assert Endpoint("127.0.0.1", 2775).reaches(everywhere)
    assert not Endpoint("smsc.example", 2775).reaches(everywhere)
