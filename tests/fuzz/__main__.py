"""`python -m tests.fuzz`: mutated PDUs and random streams against a whole node, beside a proper session."""

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from tests.fuzz.findings import keep
from tests.fuzz.run import WARM, Orders, Report, go
from tests.fuzz.vitals import MIB

# Growth after the warm-up that is not a leak: free lists, another histogram bucket, the next segment.
FLAT_OCTETS = 6 * MIB


def main() -> int:
    """Run; 1 when a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    options.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**9), help="repeats a run's sessions"
    )
    options.add_argument(
        "--pdus", type=int, default=1_000_000, help="ends after so many were read (1,000,000)"
    )
    options.add_argument("--seconds", type=float, default=3600, help="or after this (3600)")
    options.add_argument(
        "--rate", type=float, default=200, help="the neighbour's notifications a second (200)"
    )
    options.add_argument("--at-once", type=int, default=16, help="hostile sessions at a time (16)")
    options.add_argument("--session", type=int, help="only this session of the seed")
    given = options.parse_args()
    orders = Orders(given.seed, given.pdus, given.seconds, given.at_once, rate=given.rate)
    if given.session is not None:
        orders = Orders(given.seed, first=given.session, last=given.session + 1)
    _say(f"seed {given.seed}")
    directory = Path(tempfile.mkdtemp(prefix="posdata-fuzz-"))
    directory.chmod(0o755)
    try:
        report = asyncio.run(go(directory, orders, _say))
        _judge_memory(report)
        _print(report)
        if report.broken:
            log = Path(tempfile.gettempdir()) / f"posdata-fuzz-{given.seed}.log"
            shutil.copy(directory / "log", log)
            _say(f"BROKEN, seed {given.seed}; the node's log is {log}")
            for line in (*report.broken, *(f"kept: {path}" for path in keep(given.seed, report.found))):
                _say(f"  {line}")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if report.broken else 0


def _judge_memory(report: Report) -> None:
    vitals = report.vitals
    if vitals is None or not vitals.resident:
        return
    for role in vitals.resident:
        grown = vitals.worst(role) - vitals.warm(role, WARM)
        if grown > FLAT_OCTETS:
            report.broken.append(f"{role}: resident memory grew by {grown / MIB:.1f} MiB after the warm-up")


def _print(report: Report) -> None:
    score, watched = report.score, report.watched
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(score.get("kinds", {}).items()))
    _say(
        f"\n{report.mutated:,} mutated PDUs relayed or refused in {report.seconds:.0f} s:"
        f" {score['to_smsc']:,} to the SMSC ({score['ads']:,} with an ad), {score['to_platform']:,} back,"
        f" {score['refused']:,} refused\n"
        f"the node counted {report.read:,} PDUs, the neighbour's among them\n"
        f"{score['sessions']:,} sessions ({kinds}), {score['streams']:,} of them random streams"
    )
    alone, beside = report.alone_ms, watched.latency.quantile_ms(0.99) or 0
    _say(
        f"neighbour: {watched.sent:,} sent, {watched.answered:,} answered in order,"
        f" {watched.ads:,} with an ad, {watched.links} link, p99 {alone:.1f} ms alone, {beside:.1f} ms in all"
    )
    vitals = report.vitals
    for role, samples in (vitals.resident if vitals is not None else {}).items():
        assert vitals is not None
        _say(
            f"{role}: resident {samples[0] / MIB:.1f} MiB at first, {vitals.warm(role, WARM) / MIB:.1f} warm,"
            f" {vitals.worst(role) / MIB:.1f} at most, {samples[-1] / MIB:.1f} at last"
        )
    _say("events: " + ", ".join(f"{each} {count}" for each, count in sorted(report.events.items())))
    if report.books:
        counted, refused = report.books["notifications"], report.books["refused"]
        _say(f"books balance: {counted:,} notifications, {refused:,} refused")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
