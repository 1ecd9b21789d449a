"""`python -m tests.outage`: PostgreSQL frozen, killed and cut off under load; asked beside measured."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from tests.outage.run import AD_SHARE, FAULTS, Fault, Result, Timing, run

HEADER = (
    f"{'PostgreSQL':<12}{'rate':>8}{'calm p99':>12}{'asked p99':>13}{'p99':>12}{'catching up':>13}"
    f"{'asked ads':>12}{'ads':>9}  books"
)


def main() -> int:
    """Run each outage; 1 when a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.outage", description=__doc__)
    options.add_argument("--rate", type=float, default=2000, help="notifications a second (2000)")
    options.add_argument("--seconds", type=float, default=20, help="how long the database is away (20)")
    options.add_argument("--only", default="", help="outages that contain this word only")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leave nothing running
    chosen = [fault for fault in FAULTS if given.only in fault.name]
    _say(HEADER)
    kept = [_kept(fault, given.rate, Timing(outage_s=given.seconds)) for fault in chosen]
    return 0 if all(kept) else 1


def _kept(fault: Fault, rate: float, timing: Timing) -> bool:
    """Run one outage and print its line."""
    try:
        result = asyncio.run(run(fault, rate, timing))
    except AssertionError as broken:
        _say(f"{fault.name:<12}BROKEN: {broken}")
        return False
    _say("".join(_cells(result)))
    return result.kept


def _cells(result: Result) -> Sequence[str]:
    outage = result.outage
    return (
        f"{result.fault:<12}{outage.notifications / outage.seconds:>6,.0f}/s",
        f"{result.calm.p99_ms:>9.2f} ms{result.p99_asked_ms:>10.2f} ms",
        f"{outage.p99_ms:>9.2f} ms{result.after.p99_ms:>10.2f} ms",
        f"{AD_SHARE:>12.1%}{result.share:>9.1%}  exact{'' if result.kept else '   MISSED'}",
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
