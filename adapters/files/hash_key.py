"""The key under which message_ids and subscribers are hashed, in a file of its own."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.receipts import MIN_KEY_OCTETS
from engine.settings import Settings
from inventory.faults import Fault

HASH_KEY_FILE = "hash.key"
"""In `node.data_dir`, when the settings name none."""

LONGEST_OCTETS = 4096


class HashKeyError(Exception):
    """The key can't be used; the message says which file and why."""


def load_hash_key(named: str | None, data_dir: Path) -> bytes:
    """Return the key of the file that the settings name; else the node's own, made if it is not there.

    Processes that make it at the same time get the same one. Raises `HashKeyError`.
    """
    return load_key(named, data_dir / HASH_KEY_FILE)


def load_key(named: str | None, own: Path) -> bytes:
    """Return the key of the file that the settings name; else that in `own`, made if it is not there.

    Raises `HashKeyError`.
    """
    path = own if named is None else Path(named)
    try:
        if named is None and not path.exists():
            _make(path)
        with path.open("rb") as stream:
            key = stream.read(LONGEST_OCTETS)
    except OSError as error:
        raise HashKeyError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if len(key) < MIN_KEY_OCTETS:
        raise HashKeyError(f"{path}: holds {len(key)} octets, a key has {MIN_KEY_OCTETS} or more")
    return key


def hash_key_faults(settings: Settings) -> Iterator[Fault]:
    """Yield what is wrong with the key files that the settings name."""
    for name in ("hash_key_file", "number_key_file"):
        named: str | None = getattr(settings.privacy, name)
        if named is not None:
            try:
                load_key(named, Path(named))
            except HashKeyError as error:
                yield Fault(f"/privacy/{name}", "unreadable", f"nombra {error}", f"names {error}")


def _make(path: Path) -> None:
    """Write a new key so that it is there whole or not at all, and never in place of another."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(MIN_KEY_OCTETS))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):  # another process was faster
        os.link(new, path)
    new.unlink()
