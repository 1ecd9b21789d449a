"""What is wrong with the files that settings name."""

from collections.abc import Iterator

from adapters.files.certificates import tls_faults
from adapters.files.hash_key import hash_key_faults
from engine.settings import Settings
from inventory.faults import Fault


def file_faults(settings: Settings) -> Iterator[Fault]:
    """Yield every fault of certificates and keys."""
    yield from tls_faults(settings)
    yield from hash_key_faults(settings)
