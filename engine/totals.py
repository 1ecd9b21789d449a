"""What a worker has written to its journal since it began, as running totals."""

from collections.abc import Iterable

from engine.journal import Cause, Kind
from engine.reasons import Reason


class Totals:
    """Running totals, added to when a frame is written.

    `passed` counts by reason's number, `ended` outcomes, `others` those of them that are not
    accepted.
    """

    __slots__ = ("consumed", "ended", "inserted", "others", "passed", "refused")

    def __init__(self) -> None:
        self.refused = 0
        self.consumed = 0
        self.inserted = 0
        self.passed = [0] * (max(Reason) + 1)
        self.ended = 0
        self.others: dict[tuple[Kind, Cause], int] = {}

    def add_others(self, outcomes: Iterable[tuple[object, Kind, Cause]]) -> None:
        """Count the outcomes that are not accepted."""
        for _, kind, cause in outcomes:
            if kind is not Kind.ACCEPTED:
                self.others[kind, cause] = self.others.get((kind, cause), 0) + 1

    @property
    def outcomes(self) -> dict[tuple[Kind, Cause], int]:
        """Outcomes by kind and cause."""
        accepted = self.ended - sum(self.others.values())
        return {(Kind.ACCEPTED, Cause.NONE): accepted} | self.others

    @property
    def reasons(self) -> dict[str, int]:
        """Notifications that left without an ad, by the reason's code."""
        return {reason.code: self.passed[reason] for reason in Reason if self.passed[reason]}
