"""The rows of a simulation: one algorithm over some seeds, as `--json` prints it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from adapters.simulator.allocation.yardstick import Measured


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated: days of a random book, how much of supply it sells, how wrong the forecast is."""

    campaigns: int = 300
    notifications: int = 1_000_000
    days: int = 1
    sold: float = 0.9
    error: float = 0.0
    bias: float = 0.0
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result; shares are fractions.

    `optimum_share_min`, `worst_campaign` and `campaigns_95` are minima over seeds, `over_delivery`
    (units) and `notifications` sums, the rest means.
    """

    algorithm: str
    sold: float
    error: float
    bias: float
    outage: bool
    days: int
    campaigns: int
    seeds: int
    notifications: int
    optimum_of_demand: float
    optimum_share_mean: float
    optimum_share_min: float
    fair_shortfall: float
    campaigns_95: float
    worst_campaign: float
    cancelled_due: float
    pacing_error: float
    pacing_p95: float
    delivered_by_class: dict[str, float]
    over_delivery: int

    def as_document(self) -> dict[str, object]:
        """Return the row as JSON has it."""
        return asdict(self)


def row(algorithm: str, scenario: Scenario, notifications: int, runs: Sequence[Measured]) -> Row:
    """Return the row of an algorithm's runs, one a seed."""
    classes = sorted({name for run in runs for name in run.delivered_by_class})
    return Row(
        algorithm=algorithm,
        sold=scenario.sold,
        error=scenario.error,
        bias=scenario.bias,
        outage=scenario.outage,
        days=scenario.days,
        campaigns=scenario.campaigns,
        seeds=len(runs),
        notifications=notifications,
        optimum_of_demand=fmean(run.optimum_of_demand for run in runs),
        optimum_share_mean=fmean(run.optimum_share for run in runs),
        optimum_share_min=min(run.optimum_share for run in runs),
        fair_shortfall=fmean(run.fair_shortfall for run in runs),
        campaigns_95=min(run.campaigns_95 for run in runs),
        worst_campaign=min(run.worst_campaign for run in runs),
        cancelled_due=fmean(run.cancelled_due for run in runs),
        pacing_error=fmean(run.pacing_error for run in runs),
        pacing_p95=fmean(run.pacing_p95 for run in runs),
        delivered_by_class={
            name: fmean(run.delivered_by_class[name] for run in runs if name in run.delivered_by_class)
            for name in classes
        },
        over_delivery=sum(run.over_delivery for run in runs),
    )
