"""Counts of campaigns as reports show them, grouped by time, place, text or campaign."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from functools import cache
from typing import TypeVar

HOUR_S = 3600


class Dimension(StrEnum):
    """What the rows of a report stand for."""

    DAY = "day"
    HOUR = "hour"
    STATE = "state"
    MUNICIPALITY = "municipality"
    LADA = "lada"
    CREATIVE = "creative"
    CAMPAIGN = "campaign"
    BRAND = "brand"


EVENTS = (
    "inserted",
    "accepted",
    "rejected",
    "unknown",
    "late_accepted",
    "late_rejected",
    "delivered",
    "failed",
    "made_good",
)
"""Every event that insertion_counts may hold, in the order of `Figures.of_events`."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of insertions, late answers taken into account, people's clicks and calls; they add up.

    `calls` came to a campaign's response numbers, and brought `leads`: callers, each once a window.
    """

    inserted: int = 0
    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    delivered: int = 0
    failed: int = 0
    made_good: int = 0
    clicked: int = 0
    calls: int = 0
    leads: int = 0

    @classmethod
    def of_events(cls, events: Iterable[int]) -> "Figures":
        """Return the figures of counts in the order of EVENTS; a late answer moves one from unknown."""
        inserted, accepted, rejected, unknown, late_accepted, late_rejected, *receipts = map(int, events)
        delivered, failed, made_good = receipts
        return cls(
            inserted,
            accepted + late_accepted,
            rejected + late_rejected,
            unknown - late_accepted - late_rejected,
            delivered,
            failed,
            made_good,
        )

    def __add__(self, other: "Figures") -> "Figures":
        """Return the sums."""
        return Figures(
            self.inserted + other.inserted,
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.unknown + other.unknown,
            self.delivered + other.delivered,
            self.failed + other.failed,
            self.made_good + other.made_good,
            self.clicked + other.clicked,
            self.calls + other.calls,
            self.leads + other.leads,
        )

    @property
    def in_flight(self) -> int:
        """Insertions whose fate is not known yet."""
        return self.inserted - self.accepted - self.rejected - self.unknown

    @property
    def returned(self) -> int:
        """Units that may be spent again: refused, or failed and made good."""
        return self.rejected + self.made_good


@dataclass(frozen=True, slots=True)
class Clicks:
    """Clicks on the short link of a creative version (its number) in an hour since 1970-01-01T00 UTC."""

    version: int
    hour: int
    people: int
    bots: int
    prefetches: int

    @property
    def figures(self) -> Figures:
        """Those of people, to be added up."""
        return Figures(clicked=self.people)


@dataclass(frozen=True, slots=True)
class CalledBack:
    """Calls to a campaign's response numbers, and new leads, in a UTC hour from a place ("" if unknown)."""

    hour: int
    state: str
    lada: str
    calls: int
    leads: int

    @property
    def figures(self) -> Figures:
        """The same, to be added up."""
        return Figures(calls=self.calls, leads=self.leads)


Key = TypeVar("Key", bound=Hashable)
Other = TypeVar("Other", bound=Hashable)


def regrouped(figures: Mapping[Key, Figures], key_of: Callable[[Key], Other]) -> dict[Other, Figures]:
    """Return figures added up under other keys."""
    groups: dict[Other, Figures] = {}
    for key, each in figures.items():
        other = key_of(key)
        groups[other] = groups[other] + each if other in groups else each
    return groups


def joined(figures: Mapping[Key, Figures], more: Iterable[tuple[Key, Figures]]) -> dict[Key, Figures]:
    """Return figures with others added by key."""
    groups = dict(figures)
    for key, each in more:
        groups[key] = groups.get(key, Figures()) + each
    return groups


def total(figures: Iterable[Figures]) -> Figures:
    """Return the sum."""
    return sum(figures, Figures())


def day_in(zone: tzinfo) -> Callable[[int], date]:
    """Return what tells the day of a zone in which an hour (since 1970-01-01T00 UTC) begins."""

    @cache
    def day_of(hour: int) -> date:
        return datetime.fromtimestamp(hour * HOUR_S, zone).date()

    return day_of
