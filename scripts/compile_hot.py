"""Compile the hot modules with mypyc, in place, or go back to the interpreted form.

    .venv/bin/python scripts/compile_hot.py build | clean | copy DIRECTORY

The sources stay as they are: a compiled module lies beside its .py and is imported in its stead.
`copy` leaves the tree alone and compiles in another directory.
Needs a C compiler, and mypy from the test requirements.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("adapters", "engine", "inventory", "segments", "validators")
HOT = (
    "adapters/smpp/ad_path.py",
    "adapters/smpp/locate.py",
    "adapters/smpp/open_insertions.py",
    "adapters/smpp/own_answers.py",
    "adapters/smpp/look_ahead.py",
    "adapters/smpp/receipts.py",
    "adapters/smpp/response_calls.py",
    "adapters/smpp/route_receipts.py",
    "adapters/smpp/session.py",
    "adapters/smpp/splice.py",
    "adapters/smpp/traffic.py",
    "engine/audience.py",
    "engine/breaker.py",
    "engine/cap_batch.py",
    "engine/cap_table.py",
    "engine/caps.py",
    "engine/composition.py",
    "engine/decision.py",
    "engine/inserter.py",
    "engine/leasebook.py",
    "engine/people.py",
    "engine/predicate.py",
    "engine/recorder.py",
    "engine/responses.py",
    "engine/subject.py",
    "engine/supply.py",
    "engine/totals.py",
    "segments/callers.py",
    "segments/native.py",
    "segments/number_set.py",
    "segments/numbering.py",
    "segments/numbers.py",
    "segments/seal.py",
)
SETUP = """
from mypyc.build import mypycify
from setuptools import setup
setup(name="posdata-hot", ext_modules=mypycify({modules!r}, opt_level="3", group_name="posdata_hot"))
"""
MYPY = """
[mypy]
strict = True
ignore_missing_imports = True
"""


def compile_copy(copy: Path) -> None:
    """Copy the packages into an empty directory and compile them there."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("*.so"))
    (copy / "setup.py").write_text(SETUP.format(modules=list(HOT)), encoding="utf-8")
    (copy / "mypy.ini").write_text(MYPY, encoding="utf-8")
    subprocess.run([sys.executable, "setup.py", "-q", "build_ext", "--inplace"], cwd=copy, check=True)


def build() -> None:
    """Compile in a copy, then put the extensions beside their sources."""
    with tempfile.TemporaryDirectory(prefix="posdata-compile-") as name:
        copy = Path(name)
        compile_copy(copy)
        clean()
        for extension in copy.rglob("*.so"):
            place = extension.relative_to(copy)
            if place.parts[0] != "build":
                shutil.copy2(extension, ROOT / place)
                print(place)


def clean() -> None:
    """Remove every compiled module."""
    for package in PACKAGES:
        for extension in (ROOT / package).rglob("*.so"):
            extension.unlink()
    for extension in ROOT.glob("posdata_hot*.so"):
        extension.unlink()


def main() -> None:
    """Build or clean."""
    match sys.argv[1:]:
        case ["build"]:
            build()
        case ["clean"]:
            clean()
        case ["copy", directory]:
            compile_copy(Path(directory))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
