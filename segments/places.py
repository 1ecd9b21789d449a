"""Places: what the number of a subscriber says about where they are."""

from dataclasses import dataclass
from typing import Literal

DecidedBy = Literal["range", "lada"]

LADAS_PER_MUNICIPALITY = 1000


def place_code(municipality: str | None, lada: str) -> int:
    """Return municipality × 1000 + LADA, with municipality 0 when the LADA alone decided."""
    return int(municipality or 0) * LADAS_PER_MUNICIPALITY + int(lada)


@dataclass(frozen=True, slots=True)
class Place:
    """A (municipality or none, LADA) pair with the state and the time zone that follow from it.

    `municipality` is a five-digit INEGI code, `state` an ISO 3166-2:MX code, `timezone` an IANA name.
    State and time zone are the municipality's where there is one, else those of the LADA's main city.
    """

    code: int
    municipality: str | None
    lada: str
    state: str
    timezone: str

    @property
    def decided_by(self) -> DecidedBy:
        """What told the place: the number's range, or its LADA."""
        return "lada" if self.municipality is None else "range"


@dataclass(frozen=True, slots=True)
class Located:
    """One subscriber (ten digits) and where the numbering plan puts them."""

    subscriber: str
    place: Place
    decided_by: DecidedBy
