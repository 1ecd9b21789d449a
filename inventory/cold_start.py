"""The cold start: what is assumed of traffic until enough was counted."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inventory.history import ALPHABETS
from inventory.pacing import NATIONAL_CURVE
from inventory.plan import ROOM_CLASSES
from segments.places import Place

# Notifications a day over the country until the first hours are counted: the channel's stated size.
NOTIFICATIONS_A_DAY = 10_000_000.0

# The share of a LADA's traffic whose place is told by a number's range rather than by its LADA, and that
# falls alike on the municipalities the ranges name (RESEARCH: of one carrier's mobile numbers 91 % do).
RANGE_DECIDED = 0.91

# Room by class (ROOM_CLASS_FLOORS) where bodies are GSM 7-bit, and where they make the SMS UCS-2: the mix
# of texts that posdata's simulated platform sends, measured over 200,000 of them; not a carrier's.
NARROW_MIX = (0.002, 0.001, 0.002, 0.001, 0.175, 0.090, 0.002, 0.261, 0.466)
WIDE_MIX = (0.25, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
WIDE_SHARE = 0.08

# Spread (of a logarithm) of actual ÷ forecast until misses were seen: country, state and LADA, by day.
COUNTRY_SPREAD = 0.10
STATE_SPREAD = 0.10
LADA_SPREAD = 0.12

Shares = NDArray[np.float64]


def place_shares(places: Sequence[Place], weights: Mapping[str, float]) -> Shares:
    """Return each place's share of the country's traffic, from the LADAs' weights; adds up to 1.

    Raises `ValueError` when no place has any weight.
    """
    named: dict[str, int] = {}
    for place in places:
        if place.municipality is not None:
            named[place.lada] = named.get(place.lada, 0) + 1
    shares = np.array([_share(place, weights, named) for place in places])
    if shares.sum() <= 0:
        raise ValueError("no place has any weight")
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _share(place: Place, weights: Mapping[str, float], named: Mapping[str, int]) -> float:
    weight = weights.get(place.lada, 0.0)
    municipalities = named.get(place.lada, 0)
    if not municipalities:
        return weight
    if place.municipality is None:
        return weight * (1 - RANGE_DECIDED)
    return weight * RANGE_DECIDED / municipalities


def week() -> Shares:
    """Return each hour's share of a week (Monday 00:00 first): the national curve, every day alike."""
    day = np.array(NATIONAL_CURVE)
    return np.tile(day / day.sum(), 7) / 7


def room_mix() -> Shares:
    """Return the mix of rooms (2 × ROOM_CLASSES, sums to 1): narrow, then wide."""
    mix = np.zeros((ALPHABETS, ROOM_CLASSES))
    mix[0] = (1 - WIDE_SHARE) * np.array(NARROW_MIX) / sum(NARROW_MIX)
    mix[1] = WIDE_SHARE * np.array(WIDE_MIX) / sum(WIDE_MIX)
    return mix
