"""What became of the traffic that a campaign could have used: from what the SMSC saw, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.simulator.allocation.booked import Booked
from adapters.simulator.allocation.country import Country
from adapters.simulator.allocation.traffic import MINUTE_S, Arrivals

# The last part of a flight, looked at by itself.
LAST_PART = 0.1


@dataclass(frozen=True, slots=True)
class Loss:
    """One campaign's eligible traffic: what had its own ad, another's, none; also in its last tenth.

    `missing` units were not spent: when the flight ended `leased` were in workers' hands, `free` in nobody's.
    """

    name: str
    quantity: int
    missing: int
    leased: int
    free: int
    own: int
    others: int
    bare: int
    last_others: int
    last_bare: int

    @property
    def reason(self) -> str:
        """Why units were left over, in one word or two."""
        if self.own + self.others + self.bare < self.quantity:
            return "too little traffic"
        if self.leased >= self.missing:
            return "leased, not spent"
        return "behind to the end" if self.last_bare + self.last_others > self.missing else "traffic ended"


def losses(
    country: Country,
    book: Sequence[Booked],
    seen: Arrivals,
    chosen: NDArray[np.intp],
    short: Sequence[int],
    held: Sequence[tuple[int, int]],
) -> list[Loss]:
    """Tell of the campaigns at the positions `short`; `chosen` has the position served by each notification.

    `held` are the units settled and leased when a campaign's flight ended, by position in the book.
    """
    at = seen.first + MINUTE_S * seen.minute
    found = []
    for position in short:
        each = book[position]
        places = np.zeros(len(country.numbering.places), dtype=np.bool_)
        places[list(country.compile(each.campaign.target))] = True
        usable = places[seen.places] & (seen.rooms >= each.size) & (at >= each.opens) & (at < each.closes)
        last = usable & (at >= each.closes - LAST_PART * (each.closes - each.opens))
        own, bare = chosen == position, chosen < 0
        settled, leased = held[position]
        found.append(
            Loss(
                each.campaign.name,
                each.quantity,
                each.quantity - int(own.sum()),
                leased,
                each.quantity - settled - leased,
                int((usable & own).sum()),
                int((usable & ~own & ~bare).sum()),
                int((usable & bare).sum()),
                int((last & ~own & ~bare).sum()),
                int((last & bare).sum()),
            )
        )
    return sorted(found, key=lambda each: -each.missing)
