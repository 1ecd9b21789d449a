"""Which response numbers are assigned, in a file: a worker knows them before control tells them."""

import json
from collections.abc import Sequence
from pathlib import Path

from engine.responses import LiveNumber

NUMBERS_FILE = "response_numbers.json"


def write_numbers(data_dir: Path, numbers: Sequence[LiveNumber]) -> None:
    """Write all that are assigned, whole or not at all. Raises `OSError`."""
    new = data_dir / f"{NUMBERS_FILE}.new"
    new.write_text(json.dumps(numbers), encoding="utf-8")
    new.replace(data_dir / NUMBERS_FILE)


def read_numbers(data_dir: Path) -> Sequence[LiveNumber]:
    """Return what was written last; nothing where there is none, or none that can be read."""
    try:
        fields = json.loads((data_dir / NUMBERS_FILE).read_bytes())
        return [LiveNumber(*each) for each in fields]
    except (OSError, ValueError, TypeError):
        return []
