"""A target as it was booked: states, cities, municipalities and LADAs, in and out."""

from dataclasses import dataclass
from typing import Literal

SelectorKind = Literal["state", "city", "municipality", "lada"]


@dataclass(frozen=True, slots=True)
class Selector:
    """One entry of a target: `state` "MX-JAL", `city` "Guadalajara, MX-JAL", `municipality` "14039", `lada` "33"."""

    kind: SelectorKind
    value: str


@dataclass(frozen=True, slots=True)
class Target:
    """Empty `include` is the whole country; `exclude` beats `include`."""

    include: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()
