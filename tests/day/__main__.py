"""`python -m tests.day`: a day of SMPP traffic in minutes through two workers; asked beside measured."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.day.run import Day, Outcome, run

ASKED_SHARE = 0.99


def main() -> int:
    """Run; 1 when something that is asked did not come out."""
    options = argparse.ArgumentParser(prog="python -m tests.day", description=__doc__)
    options.add_argument("--seconds", type=float, default=480, help="how long the day lasts (480)")
    options.add_argument("--rate", type=float, default=250, help="notifications a second on average (250)")
    options.add_argument("--campaigns", type=int, default=60, help="campaigns in the book (60)")
    options.add_argument("--sold", type=float, default=0.9, help="share of the forecast that is sold (0.9)")
    options.add_argument("--error", type=float, default=0.3, help="how far traffic is off the forecast (0.3)")
    options.add_argument("--seed", type=int, default=1, help="repeats a book and its traffic (1)")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="posdata-day-") as name:
        Path(name).chmod(0o755)
        outcome = asyncio.run(run(Path(name), Day(**vars(given))))
    _print(outcome)
    return 0 if is_kept(outcome) else 1


def is_kept(outcome: Outcome) -> bool:
    """Tell whether all came out that is asked."""
    return outcome.share >= ASKED_SHARE and outcome.is_exact and outcome.over_delivered == 0


def _print(outcome: Outcome) -> None:
    _say(f"{outcome.notifications:,} notifications, {outcome.late_ms:.0f} ms late at p99 when they left")
    _say(f"{outcome.asked:,} units booked; the traffic that came allowed {outcome.optimum:,}")
    _say(f"spent            {outcome.spent:>12,}  {outcome.share:.3%} of the optimum  (asked >= 99 %)")
    _say(f"over-delivered   {outcome.over_delivered:>12,}  (asked 0)")
    _say(
        f"campaigns        {outcome.whole:>12,}  whose whole quantity the traffic allowed: "
        f"{outcome.to_the_last} spent it to the last unit, the others lack {outcome.missing} together"
    )
    _say(f"books and SMSC   {'equal' if outcome.is_exact else 'NOT EQUAL':>12}  by campaign, to the unit")
    _say("kept" if is_kept(outcome) else "MISSED")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
