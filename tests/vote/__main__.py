"""`python -m tests.vote`: 5,000 calls a second beside a relay, over a SIGKILL; asked beside measured."""

import argparse
import asyncio
import signal
import sys

from tests.vote.run import RELAY_RATE, Timing, run


def main() -> int:
    """Run one vote; 1 when a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m tests.vote", description=__doc__)
    options.add_argument("--rate", type=float, default=5000, help="calls a second (5000)")
    options.add_argument("--seconds", type=float, default=60, help="how long people call (60)")
    options.add_argument("--calm", type=float, default=15, help="how long the relay is measured alone (15)")
    options.add_argument("--kills", type=int, default=1, help="how often the worker is killed (1)")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leave nothing running
    try:
        result = asyncio.run(run(Timing(given.rate, given.seconds, given.calm, given.kills)))
    except AssertionError as broken:
        sys.stdout.write(f"BROKEN: {broken}\n")
        return 1
    kept = result.p99_ms <= result.p99_asked_ms
    sys.stdout.write(
        f"{result.calls:,} people called, {result.calls / result.seconds:,.0f}/s"
        f" beside {RELAY_RATE:,} notifications/s; {result.resent:,} calls were sent again after kills\n"
        f"answered {result.answered:,}, leads {result.leads:,}, calls counted {result.counted_calls:,},"
        f" consumed {result.consumed:,}: each once; forwarded, as the disk was slow: {result.forwarded:,}\n"
        f"relay p99: alone {result.calm_p99_ms:.2f} ms, asked {result.p99_asked_ms:.2f} ms,"
        f" beside the vote {result.p99_ms:.2f} ms{'' if kept else '  MISSED'}\n"
        f"calls p99 {result.call_p99_ms:.2f} ms; the last ones brought in within {result.settled_s:.1f} s\n"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
