"""`python -m tests.crowd`: thousands of useless connections around a node, and a neighbour among them."""

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from tests.crowd.run import Crowd, Report, go
from tests.fuzz.vitals import MIB

# A worker with a crowd of this size, and a supervisor, which holds nothing of anybody's; control makes its
# first forecast meanwhile, for which it takes 150 MiB whoever is connected.
MOST = {"worker": 400 * MIB, "supervisor": 100 * MIB, "control": 400 * MIB}


def main() -> int:
    """Run; 1 when a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    normal = Crowd()
    for name in normal.people:
        options.add_argument(f"--{name}", type=int, default=getattr(normal, name))
    options.add_argument(
        "--seconds", type=float, default=normal.seconds, help="how long they stand there (40)"
    )
    given = vars(options.parse_args())
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    directory = Path(tempfile.mkdtemp(prefix="posdata-crowd-"))
    directory.chmod(0o755)
    try:
        report = asyncio.run(go(directory, Crowd(**given), _say))
        _print(report)
        if report.broken:
            log = Path(tempfile.gettempdir()) / "posdata-crowd.log"
            shutil.copy(directory / "log", log)
            _say(f"BROKEN; the node's log is {log}")
            for line in report.broken:
                _say(f"  {line}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if report.broken else 0


def _print(report: Report) -> None:
    score = report.scores.get("all", {})
    for kind in score.get("opened", {}):
        after = sorted(score["closed_after"].get(kind, []))
        told = f"closed after {after[0]:.1f} to {after[-1]:.1f} s" if after else "still there"
        _say(
            f"{kind}: {score['opened'][kind]:,} came, {score['bound'].get(kind, 0):,} bound,"
            f" {score['closed'].get(kind, 0):,} closed by the node, {told};"
            f" {score['octets'].get(kind, 0):,} octets sent"
        )
    _say("neighbour's p99: " + ", ".join(f"{value:.1f} ms {name}" for name, value in report.p99_ms.items()))
    vitals = report.vitals
    assert vitals is not None
    for role, samples in vitals.resident.items():
        worst = vitals.worst(role)
        _say(
            f"{role}: resident {samples[0] / MIB:.1f} MiB alone, {worst / MIB:.1f} at most,"
            f" {samples[-1] / MIB:.1f} when all had gone"
        )
        if worst > MOST[role]:
            report.broken.append(f"{role}: {worst / MIB:.0f} MiB resident")
    _say(f"at the limit: the last one too many was refused after {report.refused_ms:.0f} ms,")
    _say(f"  the neighbour was bound again {report.back_s:.1f} s after it had left its place")
    _say("events: " + ", ".join(f"{each} {count}" for each, count in sorted(report.events.items())))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
