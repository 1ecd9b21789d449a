"""`python -m tests.vote`: 5,000 calls a second beside a relay, over a SIGKILL; asked beside measured."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from adapters.bench.load import LoadError
from tests.vote.run import RELAY_RATE, Result, Round, Timing, run


def main() -> int:
    """Run one vote; 1 when a promise was broken, 3 when it could not be measured."""
    plan = Timing()
    options = argparse.ArgumentParser(prog="python -m tests.vote", description=__doc__)
    options.add_argument("--rate", type=float, default=plan.rate, help="calls a second (5000)")
    options.add_argument("--seconds", type=float, default=plan.seconds, help="how long people call (60)")
    options.add_argument("--rounds", type=int, default=plan.rounds, help="how often both take turns (3)")
    options.add_argument("--kills", type=int, default=plan.kills, help="SIGKILLs of the worker, at last (1)")
    options.add_argument("--mixed", action="store_true", help="calls and notifications over the same binds")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leave nothing running
    timing = Timing(given.rate, given.seconds, given.rounds, given.kills, given.mixed)
    try:
        result = asyncio.run(run(timing))
    except AssertionError as broken:
        _say(f"BROKEN: {broken}")
        return 1
    except LoadError as error:
        sys.stderr.write(f"posdata: {error}\n")
        return 3
    return 0 if _print(result) else 1


def _print(result: Result) -> bool:
    """Print asked beside measured; tell whether the relay kept its promise."""
    found = result.verdict
    _say(
        f"{found.calls:,} people called, {found.calls / found.seconds:,.0f}/s, beside {RELAY_RATE:,}"
        f" notifications/s; {found.again:,} requests were sent again after kills"
    )
    _say(
        f"answered {found.answered:,}, leads {found.leads:,}, calls counted {found.counted_calls:,}, consumed"
        f" {found.consumed:,}: each once; forwarded, as the disk was slow: {found.forwarded:,}"
    )
    _say(
        f"notifications answered {found.relayed:,}; in the books as passed {found.passed:,}, taken by the"
        f" SMSC {found.smsc:,}; the last calls were brought in within {found.settled_s:.1f} s"
    )
    _say(f"\n{'relay':<20}{'p50 ms':>8}{'p99 ms':>8}{'worker, of a core':>19}{'calls p99 ms':>14}")
    for name, rounds in (("alone", result.calm), ("beside the vote", result.beside)):
        _rows(name, rounds)
    kept = result.p99_ms <= result.p99_asked_ms
    _say(
        f"p99, medians: {result.calm_p99_ms:.2f} ms alone, {result.p99_ms:.2f} ms beside the vote, asked ≤"
        f" {result.p99_asked_ms:.2f}  {'holds' if kept else 'MISSED'}"
    )
    return kept


def _rows(name: str, rounds: Sequence[Round]) -> None:
    for each in rounds:
        calls = f"{each.calls_p99_ms:>14.2f}" if each.calls_p99_ms else ""
        _say(f"{name:<20}{each.p50_ms:>8.2f}{each.p99_ms:>8.2f}{each.cpu:>19.0%}{calls}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
