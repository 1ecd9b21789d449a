"""The country of a simulated day: the real places, and what campaigns reach in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from adapters.files.reference_data import load_geography, load_numbering
from adapters.simulator.allocation.booked import Booked
from inventory.cells import Ground, Reach
from inventory.contest import Indexes
from inventory.pacing import Quiet
from segments.geography import Geography
from segments.numbering import Numbering
from segments.targets import Target, compile_target


@dataclass(frozen=True, slots=True)
class Country:
    """Numbering, geography, the ground under the planner, and each place's LADA by index."""

    numbering: Numbering
    geography: Geography
    ground: Ground
    lada_of_place: Indexes

    def compile(self, target: Target) -> frozenset[int]:
        """Return the place indexes of a target."""
        return compile_target(target, self.numbering, self.geography)

    def reaches(self, book: Sequence[Booked], *, cancelled: bool) -> list[Reach]:
        """Return what campaigns may use in hindsight; `cancelled` counts cancellations as ends."""
        return [
            Reach(
                self.compile(each.campaign.target),
                each.opens,
                each.closes if cancelled else each.campaign.ends_at.timestamp(),
                each.campaign.hours,
                each.size,
                each.pauses,
            )
            for each in book
        ]


@cache
def load_country(quiet: Quiet = None) -> Country:
    """Return the packaged country."""
    numbering, geography = load_numbering(), load_geography()
    ladas = sorted({place.lada for place in numbering.places})
    of_place = np.array([ladas.index(place.lada) for place in numbering.places], dtype=np.intp)
    return Country(numbering, geography, Ground(numbering.timezones, numbering.zone_of, quiet), of_place)
