"""Print what a notification costs a worker now, beside what it cost at another commit, in one run.

    .venv/bin/python scripts/cpu_against.py [COMMIT]

Both commits are cloned and compiled, then their own `posdata bench relay` take turns, so that a busy
neighbour meets both alike. Rows "× raw relay" are the same beside a raw relay in C of the same minute. COMMIT
is by default the last one before supply, forecast, receipts and allotments; since then have come also
caps, the audience's rules and answers to missed calls.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
BEFORE = "41aabc2"
ASKED = 1.1
# A row of either bench: its name, then µs of CPU a notification. Later tables tell of whole nodes.
_ROW = re.compile(r"^\W*(raw relay|posdata, passed|posdata, with ads)\D*(\d+\.\d+)", re.MULTILINE)
RAW = "raw relay"


def compiled(commit: str, folder: Path) -> Path:
    """Clone a commit and compile it; return where it is. Raises `subprocess.CalledProcessError`."""
    clone, copy = folder / f"{commit}-clone", folder / commit
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", commit], check=True)
    compile_it = [sys.executable, "scripts/compile_hot.py", "copy", str(copy)]
    subprocess.run(compile_it, cwd=clone, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return copy


def measured(tree: Path, notifications: int) -> dict[str, float]:
    """Return µs of CPU a notification by relay, as the tree's own bench has them."""
    command = [sys.executable, "-P", "-m", "engine.bootstrap", "bench", "relay"]
    spoken = subprocess.run([*command, "--help"], cwd=tree, env=_env(tree), check=True, capture_output=True)
    command += [f"--notifications={notifications}", "--latency-seconds=1"]
    if b"--peers" in spoken.stdout:
        command += ["--peers=none"]
    if b"--full-seconds" in spoken.stdout:
        command += ["--full-seconds=60"]  # as many notifications as the former bench sent
    done = subprocess.run(command, cwd=tree, env=_env(tree), check=True, capture_output=True, text=True)
    return {name: float(value) for name, value in reversed(_ROW.findall(done.stdout))}


def _env(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}


def say(name: str, before: Sequence[float], now: Sequence[float], asked: float | None = None) -> None:
    """Print the medians of both sides, and of each round's ratio."""
    ratio = median(new / old for new, old in zip(now, before, strict=True))
    bar = "" if asked is None else f"(<= {asked:g}){'  over' if ratio > asked else ''}"
    print(f"{name:<28}{median(before):>8.2f} {median(now):>8.2f}  × {ratio:.3f} {bar}")


def main() -> None:
    """Compile both, measure in turns, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", nargs="?", default=BEFORE, help=f"what to compare with ({BEFORE})")
    parser.add_argument("--rounds", type=int, default=5, help="how often they take turns (5)")
    parser.add_argument(
        "--notifications", type=int, default=150_000, help="in each round, each relay (150000)"
    )
    given = parser.parse_args()
    head = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="posdata-against-") as name:
        trees = [compiled(commit, Path(name)) for commit in (given.commit, head)]
        rounds: list[list[dict[str, float]]] = []
        for turn in range(given.rounds):
            order = trees if turn % 2 == 0 else trees[::-1]
            found = {tree: measured(tree, given.notifications) for tree in order}
            rounds.append([found[tree] for tree in trees])
            print(f"round {turn + 1} of {given.rounds}: {rounds[-1]}", file=sys.stderr, flush=True)
    print(f"{'µs of CPU a notification':<28}{given.commit:>8} {head:>8}")
    for name in (RAW, "posdata, passed", "posdata, with ads"):
        before, now = ([each[side][name] for each in rounds] for side in (0, 1))
        say(name, before, now, None if name == RAW else ASKED)
        if name != RAW:
            old, new = ([each[side][name] / each[side][RAW] for each in rounds] for side in (0, 1))
            say("  × the raw relay", old, new, ASKED)


if __name__ == "__main__":
    main()
