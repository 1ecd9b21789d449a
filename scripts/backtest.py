"""Measure the forecast on invented weeks (`make backtest`): exit code 1 when it misses what is asked.

    .venv/bin/python scripts/backtest.py [--seeds N] [--weeks N] [--ladas]

`--weeks` is how many are known before the first forecast; `--ladas` leaves municipalities out: faster.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from adapters.files.reference_data import load_geography, load_numbering
from inventory.backtest import Trial, back_test, pooled
from inventory.forecaster import Forecaster
from segments.clock import pinned_zone

# 2026-05-04T06:00 UTC, a Monday's midnight in Mexico City; seeds begin weeks apart, so that holidays differ.
FIRST_HOUR = 493_854
WEEKS_APART = 5
MOST_WAPE = 0.10
HELD = (0.75, 0.88)


def main() -> None:
    """Run the seeds and print asked beside measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--ladas", action="store_true")
    asked = parser.parse_args()
    places = load_numbering().places
    if asked.ladas:
        places = tuple(place for place in places if place.municipality is None)
    forecaster = Forecaster(places, load_geography().weights, pinned_zone, "America/Mexico_City")
    verdicts = []
    print("seed  WAPE day ahead  WAPE 30 days  P20 held  seconds")
    for seed in range(1, asked.seeds + 1):
        begun = time.monotonic()
        first = FIRST_HOUR + seed * WEEKS_APART * 168
        chance = np.random.default_rng(seed)
        verdict = back_test(forecaster, Trial(known_weeks=asked.weeks), first, chance)
        verdicts.append(verdict)
        figures = f"{verdict.day_ahead:14.2%}  {verdict.month_ahead:12.2%}  {verdict.held:8.1%}"
        print(f"{seed:4}  {figures}  {time.monotonic() - begun:7.1f}", flush=True)
    whole = pooled(verdicts)
    worst = max(whole.day_ahead, whole.month_ahead)
    print(f"WAPE by state and day: at most {MOST_WAPE:.0%} asked, {worst:.2%} measured")
    held = f"{whole.held:.1%} of {whole.queries} measured"
    print(f"P20 held by {HELD[0]:.0%} to {HELD[1]:.0%} of queries asked, {held}")
    sys.exit(worst > MOST_WAPE or not HELD[0] <= whole.held <= HELD[1])


if __name__ == "__main__":
    main()
