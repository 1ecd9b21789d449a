"""Sessions that once broke a promise, one file each in fixtures/fuzz; the suite plays them again."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[2] / "fixtures" / "fuzz"
LINE_DIGITS: Final = 100


def keep(seed: int, found: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Write what was found; return the files."""
    paths = []
    for each in found:
        path = FOLDER / f"found_{seed}_{each['session']}.yaml"
        document = {
            "why": each["what"],
            "seed": seed,
            "session": each["session"],
            "platform": _lines(each["platform"]),
            "smsc": _lines(each["smsc"]),
        }
        FOLDER.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False, width=LINE_DIGITS + 20), "utf-8")
        paths.append(path)
    return paths


def read(path: Path) -> tuple[bytes, bytes]:
    """Return the two streams of a finding: the platform's and the SMSC's."""
    document = yaml.safe_load(path.read_text("utf-8"))
    return bytes.fromhex("".join(document["platform"])), bytes.fromhex("".join(document["smsc"]))


def _lines(digits: str) -> list[str]:
    return [digits[at : at + LINE_DIGITS] for at in range(0, len(digits), LINE_DIGITS)]
