"""`python -m tests.chaos`: every kind of fault against a real node, its books after each, a table."""

import argparse
import asyncio
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.disk import LossyDisk
from tests.chaos.kinds import KINDS
from tests.chaos.run import Report, Run, deck
from tests.chaos.world import mount_disk, unmount_disk


def main() -> int:
    """Run chaos; 1 when a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    options.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="repeats a run's order")
    options.add_argument("--faults", type=int, default=330, help="how many faults (330)")
    options.add_argument("--minutes", type=float, default=60, help="ends after this, faults or not (60)")
    options.add_argument("--rate", type=float, default=600, help="notifications a second (600)")
    options.add_argument("--only", default="", help="kinds that contain this word only")
    options.add_argument(
        "--ext4",
        action="store_true",
        help="a real file system on a loop device: power losses take what PostgreSQL had not synced (root)",
    )
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leave nothing running
    _say(f"seed {given.seed}: {given.faults} faults at {given.rate:g} notifications a second")
    directory = Path(tempfile.mkdtemp(prefix="posdata-chaos-"))
    directory.chmod(0o755)
    disk = LossyDisk(directory / "disk") if given.ext4 else None
    if disk is not None:
        disk.mount()
    has_disk = disk is None and mount_disk(directory / "disk")
    if disk is None and not has_disk:
        _say("skipped: disk full (no file system may be mounted here); files that may not grow stand for it")
    began = time.monotonic()
    try:
        kinds = [
            each
            for each in KINDS
            if given.only in each.name
            and (has_disk or not each.needs_disk)
            and (given.ext4 or not each.needs_ext4)
        ]
        cards = deck(kinds, given.faults, given.seed)
        run = Run(directory, given.seed, given.rate, _say, disk)
        report = asyncio.run(run.go(cards, given.minutes))
        _print(report, time.monotonic() - began)
        if report.violation:
            kept = Path(tempfile.gettempdir()) / f"posdata-chaos-{given.seed}.log"
            shutil.copy(directory / "disk" / "log", kept)
            _say(f"BROKEN, seed {given.seed}, the node's log is {kept}\n{report.violation}")
    finally:
        if disk is not None:
            disk.unmount()
        elif has_disk:
            unmount_disk(directory / "disk")
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if report.violation else 0


def _print(report: Report, seconds: float) -> None:
    """Print one row a kind: how many faults, the worst recovery, how the books were judged."""
    _say(f"\n{'fault':<26}{'faults':>7}{'no answer':>11}{'no ads':>9}   books")
    for name in sorted(report.rows):
        row = report.rows[name]
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(row.verdicts.items()))
        _say(f"{name:<26}{row.faults:>7}{row.answers:>9.2f} s{row.ads:>7.2f} s   {verdicts}")
    _say(f"\n{report.faults} faults in {report.bursts} bursts, {seconds:.0f} s, seed {report.seed}")
    for name, value in report.summary.items():
        _say(f"{name}: {value:,}" if isinstance(value, int) else f"{name}: {value}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
