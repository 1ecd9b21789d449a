"""What is asked of the relay's figures, beside what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.bench.memory import Memory
from adapters.bench.relay import PASSED, RAW, WITH_ADS, Measured
from adapters.bench.rules import Rules, speed
from adapters.bench.workers import Workers

TIMES_RAW_WITH_ADS = 30.0
TIMES_RAW_PASSED = 15.0
TIMES_A_PEER = 10.0
ADDED_P50_MS = 0.15
ADDED_P99_MS = 0.5
TIMES_ONE_WORKER = 1.15
TIMES_WITHOUT_RULES = 1.25
RESIDENT_MB = 150.0
DRIFT_PERCENT = 2.0
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: what it is, the bound it must keep, what was measured."""

    name: str
    bound: float
    measured: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Whether the bound was kept."""
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def document(self) -> dict[str, object]:
        """Return the figure as JSON's types."""
        return {
            "figure": self.name,
            "asked": f"{'≥' if self.at_least else '≤'} {self.bound:g}",
            "measured": self.measured,
            "holds": self.holds,
        }


def relay_figures(measured: Measured) -> Sequence[Figure]:
    """Return what the relays' rows say to what is asked."""
    raw, passed, ads = (measured.row(name) for name in (RAW, PASSED, WITH_ADS))
    return [
        Figure("CPU with an ad, × raw relay", TIMES_RAW_WITH_ADS, ads.cpu_us / raw.cpu_us),
        Figure("CPU passed, × raw relay", TIMES_RAW_PASSED, passed.cpu_us / raw.cpu_us),
        *(
            Figure(f"rate with ads, × {peer.name}", TIMES_A_PEER, ads.rate / peer.rate, at_least=True)
            for peer in measured.peers
        ),
        Figure("added p50, ms", ADDED_P50_MS, ads.p50_ms - raw.p50_ms),
        Figure("added p99, ms", ADDED_P99_MS, ads.p99_ms - raw.p99_ms),
    ]


def workers_figures(workers: Workers) -> Sequence[Figure]:
    """Return what the second worker says to what is asked."""
    fewest, most = min(workers.sessions), max(workers.sessions)
    return [
        Figure(f"{workers.binds} binds over 2 workers, most − fewest", workers.binds % 2, most - fewest),
        Figure("CPU over 2 workers, × one", TIMES_ONE_WORKER, workers.ratio),
    ]


def rules_figures(rules: Rules) -> Sequence[Figure]:
    """Return what the rules' cost says to what is asked."""
    return [
        Figure(f"CPU with all rules, × without, {speed(each.rate)}", TIMES_WITHOUT_RULES, each.ratio)
        for each in rules.weighed
    ]


def memory_figures(memory: Memory) -> Sequence[Figure]:
    """Return what the worker's memory says to what is asked."""
    drift = max(abs(each - 1) for each in memory.relative)
    return [
        Figure(f"RSS with {memory.campaigns:,} campaigns, MB", RESIDENT_MB, memory.largest.rss / MEGABYTE),
        Figure(f"RSS over {memory.messages:,} messages, ± %", DRIFT_PERCENT, 100 * drift),
    ]
