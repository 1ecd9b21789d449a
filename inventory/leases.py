"""How many units of a booking a worker is handed at a time (DESIGN §4)."""

from math import ceil

FIRST_UNITS = 1000
"""What a worker's first lease of a campaign reaches, where the bound allows."""

HEADROOM = 1.5
"""A top-up reaches this many horizons, so that a worker does not ask again at once."""

SHARES_PER_HOLDER = 4
"""A holder gets at most this part of its even share of what is free, so that blocks shrink near the end."""


def top_up(free: int | None, held: int, rate: float, horizon_s: float, holders: int, *, first: bool) -> int:
    """Return how many units to add to the `held` ones of a worker that spends at most `rate` a second.

    `free` is what nobody holds (None: without limit), `holders` the workers that serve the campaign,
    `first` tells a worker's first lease of it. Never more than `free`; at least 1 while something is free
    and nothing is held, so that a booking is spent to its last unit.
    """
    wanted = max(1, ceil(HEADROOM * rate * horizon_s))
    if first:
        wanted = max(wanted, FIRST_UNITS)
    if free is None:
        return max(0, wanted - held)
    if free <= 0:
        return 0
    bound = max(1, free // (SHARES_PER_HOLDER * max(1, holders)))
    return max(0, min(wanted, bound) - held)
