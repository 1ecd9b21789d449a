"""`python -m tests.http_figures`: the API beside a relay at work, and the relay beside the API."""

import argparse
import asyncio
import signal
import sys

from adapters.bench.load import LoadError
from tests.http_figures.run import Measured, Plan, measure, quantile


def main() -> int:
    """Measure and print; 1 when a figure is missed, 3 when it could not be measured."""
    options = argparse.ArgumentParser(prog="python -m tests.http_figures", description=__doc__)
    options.add_argument("--rate", type=float, default=Plan().rate, help="notifications a second (10,000)")
    options.add_argument("--rounds", type=int, default=Plan().rounds, help="how often both take turns (3)")
    options.add_argument("--seconds", type=float, default=Plan().seconds, help="how long a turn is (30)")
    options.add_argument("--asking", type=float, default=Plan().asking, help="requests a second at most (10)")
    given = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))  # leave nothing running
    plan = Plan(given.rate, given.rounds, given.seconds, given.asking)
    try:
        measured = asyncio.run(measure(plan, _progress))
    except LoadError as error:
        sys.stderr.write(f"posdata: {error}\n")
        return 3
    return 0 if _print(plan, measured) else 1


def _print(plan: Plan, measured: Measured) -> bool:
    """Print asked beside measured; tell whether all is kept."""
    _say(f"one client, one request at a time of any kind, at most {plan.asking:g} a second")
    _say(f"{'':<30}{'requests':>9}{'p50 ms':>9}{'p99 ms':>9}{'asked ≤':>9}")
    kept = True
    for each in measured.asked:
        good = each.p99_ms <= each.bound_ms
        kept = kept and good
        p50 = quantile(each.took, 0.5) * 1e3
        verdict = "holds" if good else "MISSED"
        _say(
            f"{each.name:<30}{len(each.took):>9}{p50:>9.1f}{each.p99_ms:>9.1f}{each.bound_ms:>9g}  {verdict}"
        )
    good = measured.busy_ms <= measured.relay_bound_ms
    _say(f"\nrelay: {measured.busy[0].rate:,.0f} notifications/s in one worker, p99 of each round")
    for name, rounds in (("alone", measured.calm), ("beside requests", measured.busy)):
        _say(f"{name:<30}" + "".join(f"{each.p99_us / 1e3:>9.2f}" for each in rounds))
    verdict = "holds" if good else "MISSED"
    _say(
        f"{'median':<30}{measured.calm_ms:>9.2f} alone, {measured.busy_ms:.2f} beside requests,"
        f" asked ≤ {measured.relay_bound_ms:.2f}  {verdict}"
    )
    spent = ", ".join(f"{role} {share:.0%}" for role, share in measured.cpu.items())
    _say(f"of a core, beside requests: {spent}")
    return kept and good


def _progress(what: str) -> None:
    sys.stderr.write(f"{what} …\n")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
