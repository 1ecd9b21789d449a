"""The hash key: made once for a node, whoever asks first; a named file is used as it is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from adapters.files.hash_key import HASH_KEY_FILE, HashKeyError, load_hash_key
from adapters.files.named_files import file_faults
from adapters.files.settings_file import SettingsError, load_settings


def test_a_node_makes_its_own_key_once(tmp_path: Path) -> None:
    """Only its owner may read it; the next start finds the same one, and nothing else is left."""
    key = load_hash_key(None, tmp_path / "data")
    path = tmp_path / "data" / HASH_KEY_FILE
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert load_hash_key(None, tmp_path / "data") == key
    assert list(path.parent.iterdir()) == [path]


def test_workers_that_start_at_once_get_one_key(tmp_path: Path) -> None:
    """Whoever loses the race reads the winner's."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_hash_key(None, tmp_path), range(8)))) == 1


def test_a_named_key_must_be_there_and_long_enough(tmp_path: Path) -> None:
    """The settings' line says what is wrong; a good one is used wherever the node's data lies."""
    settings = tmp_path / "posdata.yaml"
    settings.write_text("privacy:\n  hash_key_file: shared.key\n")
    for octets, reason in ((None, "No such file"), (b"short", "holds 5 octets, a key has 32 or more")):
        if octets is not None:
            (tmp_path / "shared.key").write_bytes(octets)
        with pytest.raises(SettingsError) as refused:
            load_settings(settings, {}, file_faults)
        [fault] = refused.value.faults
        assert (fault.line, reason in fault.message) == (2, True)
    (tmp_path / "shared.key").write_bytes(b"k" * 40)
    named = load_settings(settings, {}, file_faults).privacy.hash_key_file
    assert load_hash_key(named, tmp_path / "data") == b"k" * 40
    with pytest.raises(HashKeyError):
        load_hash_key(None, settings)
