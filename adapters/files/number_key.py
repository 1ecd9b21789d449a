"""The key under which subscribers' numbers are sealed wherever they are stored, in a file of its own."""

from pathlib import Path

from adapters.files.hash_key import load_key
from engine.settings import Settings
from segments.seal import Seal

NUMBER_KEY_FILE = "numbers.key"
"""In `node.data_dir`, when `privacy.number_key_file` names none."""


def load_seal(settings: Settings, data_dir: Path) -> Seal:
    """Return the seal of the key that the settings name; else of the node's own, made if it is not there.

    Raises `adapters.files.hash_key.HashKeyError`.
    """
    return Seal(load_key(settings.privacy.number_key_file, data_dir / NUMBER_KEY_FILE))
