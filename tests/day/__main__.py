"""`python -m tests.day`: a day of SMPP traffic in minutes through two workers; asked beside measured."""

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.day.run import Day, Outcome, run
from tests.day.watch import LATE_PLAN_S

ASKED_SHARE = 0.99
# The day's clock is compressed, a disk's is not: its syncs would take minutes of the day.
MEMORY = Path("/dev/shm")


def main() -> int:
    """Run; 1 when something that is asked did not come out."""
    options = argparse.ArgumentParser(
        prog="python -m tests.day", description=f"{__doc__} A minute more than --seconds."
    )
    options.add_argument("--seconds", type=float, default=240, help="how long the day lasts (240)")
    options.add_argument("--rate", type=float, default=200, help="notifications a second on average (200)")
    options.add_argument("--campaigns", type=int, default=60, help="campaigns in the book (60)")
    options.add_argument("--sold", type=float, default=0.9, help="share of the forecast that is sold (0.9)")
    options.add_argument("--error", type=float, default=0.3, help="how far traffic is off the forecast (0.3)")
    options.add_argument("--seed", type=int, default=1, help="repeats a book and its traffic (1)")
    options.add_argument("--ahead-s", type=float, default=15, help="seconds from booking to the day (15)")
    given = options.parse_args()
    # Whoever else works on this machine would be part of what is measured: a second is minutes of the day.
    with suppress(PermissionError):
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
        _say("with priority over other work of this machine")
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="posdata-day-", dir=memory) as name:
        Path(name).chmod(0o755)
        outcome = asyncio.run(run(Path(name), Day(**vars(given)), _say))
    _print(outcome)
    return 0 if is_kept(outcome) else 1


def is_kept(outcome: Outcome) -> bool:
    """Tell whether all came out that is asked."""
    return outcome.share >= ASKED_SHARE and outcome.is_exact and outcome.over_delivered == 0


def _print(outcome: Outcome) -> None:
    watched = outcome.watched
    bare = ", ".join(f"{reason} {count:,}" for reason, count in sorted(outcome.bare.items()))
    _say(
        f"\n{outcome.notifications:,} notifications, {outcome.behind_s:.1f} s behind the drawn day at its end"
    )
    _say(f"without an ad: {bare}")
    _say(f"{outcome.asked:,} units booked, of which the traffic that came allowed {outcome.optimum:,}\n")
    _row("", "measured", "asked")
    _row("units spent, of the optimum", f"{outcome.share:.3%}", ">= 99 %")
    _row(
        "campaigns spent to the last unit", f"{outcome.to_the_last} of {outcome.whole}", "of those that could"
    )
    _row("units over-delivered", f"{outcome.over_delivered}", "0")
    _row("books and SMSC, by campaign", "equal" if outcome.is_exact else "NOT EQUAL", "equal")
    _row(f"looks at plans older than {LATE_PLAN_S:g} s", f"{watched.late} of {watched.looks}", "")
    _row("oldest plan", f"{watched.oldest_plan_s:.1f} s", "")
    _row("longest between two allotments", f"{outcome.allotted_s:.1f} s", "")
    _row("longest between two settlements", f"{watched.stalled_s:.1f} s", "")
    if outcome.lost:
        _say(
            "\nnot spent, and what became of the traffic that could have been used (in brackets: of its last "
            "tenth)"
        )
        _say(
            f"{'campaign':<14}{'booked':>8}{'missing':>8}{'leased':>8}{'free':>6}{'own':>8}{'others':>16}"
            f"{'bare':>15}  why"
        )
    for each in outcome.lost:
        others, bare_ = f"{each.others:,} ({each.last_others:,})", f"{each.bare:,} ({each.last_bare:,})"
        _say(
            f"{each.name:<14}{each.quantity:>8,}{each.missing:>8,}{each.leased:>8,}{each.free:>6,}"
            f"{each.own:>8,}{others:>16}{bare_:>15}  {each.reason}"
        )
    _say("\nkept" if is_kept(outcome) else "\nMISSED")


def _row(name: str, measured: str, asked: str) -> None:
    _say(f"{name:<36}{measured:>14}  {asked}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
