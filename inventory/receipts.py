"""Receipts in the books: which insertions wait for one, what came, what it does to counts and ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from inventory.books import CountKey

MakeGood = Literal["failed"]
"""`failed`: a unit whose delivery failed before the end of the flight may be spent again."""


class Delivery(StrEnum):
    """What counts say of an accepted insertion once its receipt came, beside inventory.books.Event."""

    DELIVERED = "delivered"
    FAILED = "failed"
    MADE_GOOD = "made_good"


class Matched(NamedTuple):
    """Insertions of one count whose first final receipt came; `cause` is the state of failed ones."""

    key: CountKey
    outcome: Delivery
    cause: str
    insertions: int


@dataclass(frozen=True, slots=True)
class Unmatched:
    """Receipts of one route (by its number) that found no insertion in time; `mask` describes one of them."""

    route: int
    receipts: int
    failed: int
    mask: int


@dataclass(frozen=True, slots=True)
class Matching:
    """What one look at the receipts found; `more` when others wait for the next look."""

    matched: Sequence[Matched]
    unmatched: Sequence[Unmatched]
    more: bool


class Credit(NamedTuple):
    """What receipts add to one campaign's ledger: counts, and units that go from settled back to free."""

    delivered: int
    failed: int
    made_good: int


def credits_of(matched: Sequence[Matched], making_good: frozenset[int]) -> Mapping[int, Credit]:
    """Return each campaign's credit, in the order of their numbers; `making_good` get failed units back."""
    found: dict[int, Credit] = {}
    for key, outcome, _, insertions in matched:
        delivered, failed, made_good = found.get(key.campaign, Credit(0, 0, 0))
        if outcome is Delivery.DELIVERED:
            delivered += insertions
        else:
            failed += insertions
            made_good += insertions if key.campaign in making_good else 0
        found[key.campaign] = Credit(delivered, failed, made_good)
    return dict(sorted(found.items()))
