"""What would have been possible: the optimum, the fair optimum and the curves of a day that came."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import MINUTE_S, Arrivals
from inventory.cells import CellMap
from inventory.contest import BundledContest, Indexes
from inventory.fairness import fair_units, most_units
from inventory.supply import Counts

STEP_S = 900.0
# A fair optimum is found to this part of all demand.
_TOLERANCE = 1e-6
# The least quantity whose share counts as a campaign's worst.
WORTH_A_WORST = 200


@dataclass(frozen=True, slots=True)
class Hindsight:
    """What one run made possible, by position in the book.

    `quantity` of a cancelled campaign is the part of its booking that its eligible traffic had seen by then.
    `fair` is the lexicographic max-min share of quantity; `optimum` the units of a maximum flow, and
    `curve` (campaigns × steps + 1) the share of eligible traffic at each bound of `steps`.
    """

    quantity: Counts
    optimum: int
    fair: Counts
    steps: Counts
    curve: Counts


@dataclass(frozen=True, slots=True)
class Measured:
    """How one run of one algorithm did against hindsight.

    `campaigns_95` and `worst_campaign` look at campaigns that were not cancelled, `cancelled_due` at those
    that were: delivered ÷ the part of the bookings that was due by then, at most 1.
    """

    optimum_of_demand: float
    optimum_share: float
    fair_shortfall: float
    campaigns_95: float
    worst_campaign: float
    cancelled_due: float
    pacing_error: float
    pacing_p95: float
    delivered_by_class: dict[str, float]
    over_delivery: int


def look_back(country: Country, book: Sequence[Booked], arrivals: Arrivals) -> Hindsight:
    """Return what was possible on what came."""
    first, last = arrivals.first, arrivals.first + arrivals.minutes * MINUTE_S
    steps = np.append(np.arange(first, last, STEP_S), last)
    sizes = sorted({each.size for each in book})
    booked = CellMap(
        country.reaches(book, cancelled=False),
        country.ground,
        first,
        last,
        [*steps, *(each.closes for each in book)],
        sizes,
    )
    quantity = np.array([float(each.quantity) for each in book])
    share = _seen_by_end(booked, book, arrivals, sizes)
    quantity = np.where([each.cancelled_at is None for each in book], quantity, np.ceil(quantity * share))
    cells = CellMap(country.reaches(book, cancelled=True), country.ground, first, last, steps, sizes)
    raw = _raw(cells, arrivals, sizes)
    offered = cells.offered_raw(raw)
    contest = _contest(cells, raw, quantity, book)
    fair = fair_units(contest, np.zeros(len(book)), _TOLERANCE) / np.maximum(quantity, 1.0)
    upto = np.concatenate([np.zeros((len(book), 1)), np.cumsum(offered, axis=1)], axis=1)
    at = np.searchsorted(cells.timeline.bounds, steps)
    curve = upto[:, at] / np.maximum(upto[:, -1:], 1.0)
    return Hindsight(quantity, most_units(contest), fair, steps, curve)


def _seen_by_end(cells: CellMap, book: Sequence[Booked], arrivals: Arrivals, sizes: Sequence[int]) -> Counts:
    """Return which share of its eligible traffic came before a campaign closed."""
    offered = cells.offered_raw(_raw(cells, arrivals, sizes))
    upto = np.concatenate([np.zeros((len(book), 1)), np.cumsum(offered, axis=1)], axis=1)
    at = np.searchsorted(cells.timeline.bounds, [each.closes for each in book])
    at = np.clip(at, 0, upto.shape[1] - 1)
    return np.asarray(upto[np.arange(len(book)), at] / np.maximum(upto[:, -1], 1.0), dtype=np.float64)


def _raw(cells: CellMap, arrivals: Arrivals, sizes: Sequence[int]) -> Counts:
    """Count arrivals by (level, group, slot)."""
    starts = arrivals.first + MINUTE_S * np.arange(arrivals.minutes)
    slot = (np.searchsorted(cells.timeline.bounds, starts, side="right") - 1)[arrivals.minute]
    room_class = np.searchsorted(np.array(sizes), arrivals.rooms, side="right") - 1
    level = cells.level_of_class[room_class]
    group = cells.group_of_place[arrivals.places]
    shape = cells.cell_of.shape
    fits = room_class >= 0
    flat = np.ravel_multi_index((level[fits], group[fits], slot[fits]), shape)
    return np.bincount(flat, minlength=cells.cell_of.size).reshape(shape).astype(np.float64)


def _contest(cells: CellMap, raw: Counts, quantity: Counts, book: Sequence[Booked]) -> BundledContest:
    rank = np.array([each.campaign.campaign_class.rank for each in book], dtype=np.intp)
    return BundledContest(raw, cells.bundles, quantity, quantity, rank)


def measure(hindsight: Hindsight, book: Sequence[Booked], arrivals: Arrivals, chosen: Indexes) -> Measured:
    """Measure decisions (a position in the book or −1, per notification) against hindsight."""
    campaigns = len(book)
    step_of_minute = np.arange(arrivals.minutes) * MINUTE_S // STEP_S
    step = step_of_minute.astype(np.intp)[arrivals.minute]
    steps = len(hindsight.steps) - 1
    served = chosen >= 0
    spent = np.bincount(chosen[served] * steps + step[served], minlength=campaigns * steps).reshape(
        campaigns, steps
    )
    delivered = spent.sum(axis=1)
    limited = np.array([each.campaign.quantity is not None for each in book])
    ordered = np.where(limited, [each.quantity for each in book], delivered)
    quantity, fair = hindsight.quantity, hindsight.fair
    counted = np.minimum(delivered, quantity)
    share = counted / np.maximum(quantity, 1.0)
    wanted = fair * quantity
    real = wanted > 0
    relative = np.where(real, share / np.where(real, fair, 1.0), 1.0)
    ran = np.array([each.cancelled_at is None for each in book])
    worst = relative[ran & real & (quantity >= WORTH_A_WORST)]
    error = _pacing(hindsight, book, spent)
    return Measured(
        optimum_of_demand=hindsight.optimum / max(1.0, float(quantity.sum())),
        optimum_share=float(counted.sum()) / max(1, hindsight.optimum),
        fair_shortfall=float((np.maximum(0.0, fair - share) * quantity).sum() / max(1.0, wanted.sum())),
        campaigns_95=float((relative[ran] >= 0.95).mean()) if ran.any() else 1.0,
        worst_campaign=float(worst.min(initial=np.inf)) if len(worst) else 1.0,
        cancelled_due=_share(np.minimum(counted, wanted)[~ran], wanted[~ran]),
        pacing_error=float((error * quantity).sum() / max(1.0, quantity.sum())),
        pacing_p95=float(np.quantile(error, 0.95)),
        delivered_by_class=_by_class(book, counted, quantity),
        over_delivery=int(np.maximum(0, delivered - ordered).sum()),
    )


def _share(delivered: Counts, wanted: Counts) -> float:
    total = float(wanted.sum())
    return float(delivered.sum()) / total if total > 0 else 1.0


def _pacing(hindsight: Hindsight, book: Sequence[Booked], spent: Indexes) -> Counts:
    """Return each campaign's mean gap between its delivered share and its curve, over its flight's steps."""
    upto = np.cumsum(spent, axis=1) / np.maximum(hindsight.quantity, 1.0)[:, None]
    gap = np.abs(upto - hindsight.curve[:, 1:])
    ends = hindsight.steps[1:]
    flight = np.array([(ends > each.opens) & (ends <= each.closes) for each in book])
    return np.asarray((gap * flight).sum(axis=1) / np.maximum(flight.sum(axis=1), 1), dtype=np.float64)


def _by_class(book: Sequence[Booked], delivered: Counts, quantity: Counts) -> dict[str, float]:
    classes = np.array([each.campaign.campaign_class.value for each in book])
    return {
        str(name): float(delivered[classes == name].sum() / max(1.0, quantity[classes == name].sum()))
        for name in dict.fromkeys(classes.tolist())
    }
