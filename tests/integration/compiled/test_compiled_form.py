"""The hot modules as machine code, held to the promises that the interpreted form keeps."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SUITES = (
    "tests/unit/smpp",
    "tests/unit/engine",
    "tests/unit/processes/test_messages.py",
    "tests/contract/smpp",
    "tests/property",
)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_compiled_form_keeps_the_same_promises(tmp_path: Path) -> None:
    """Compiled from unchanged sources, it passes the relay's, the engine's and all property tests."""
    script = ROOT / "scripts" / "compile_hot.py"
    subprocess.run([sys.executable, script, "copy", tmp_path], check=True, capture_output=True)
    for name in ("tests", "fixtures", "docs", "scripts", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *SUITES],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert "hot modules are compiled" in run.stdout
