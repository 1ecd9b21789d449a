"""From journal frames to a batch for the books: fold, remember what is open, close what stays so."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.journal import Cause, Entry, Frame, Kind
from engine.reasons import Reason
from inventory.books import Batch, CountKey, Epoch, Event

_EVENTS = {
    Kind.INSERTED: Event.INSERTED,
    Kind.ACCEPTED: Event.ACCEPTED,
    Kind.REJECTED: Event.REJECTED,
    Kind.UNKNOWN: Event.UNKNOWN,
    Kind.LATE_ACCEPTED: Event.LATE_ACCEPTED,
    Kind.LATE_REJECTED: Event.LATE_REJECTED,
}
_CLOSES = frozenset((Kind.ACCEPTED, Kind.REJECTED, Kind.UNKNOWN))


def _key(entry: Entry) -> CountKey:
    return CountKey(entry.campaign, entry.creative_version, entry.place, entry.hour)


@dataclass(slots=True)
class Fold:
    """Frames of one epoch, folded up to `upto`; `open` holds the insertions that have no outcome yet."""

    epoch: Epoch
    applied: int
    upto: int = 0
    open: dict[int, CountKey] = field(default_factory=dict)
    _events: Counter[tuple[CountKey, Event, str]] = field(default_factory=Counter)
    _notifications: Counter[int] = field(default_factory=Counter)
    _pass_through: Counter[tuple[int, str]] = field(default_factory=Counter)
    _consumed: Counter[int] = field(default_factory=Counter)
    _refused: Counter[int] = field(default_factory=Counter)

    def add(self, frames: Iterable[Frame]) -> int:
        """Take frames in; return how many. What was applied before only rebuilds `open`.

        Raises `GapError` when a frame is missing between two, or after what was applied.
        """
        taken = 0
        for frame in frames:
            due = self.upto + 1 if self.upto else min(frame.sequence, self.applied + 1)
            if frame.sequence != due:
                raise GapError(f"frame {frame.sequence} stands where frame {due} was due")
            for entry in frame.entries:
                self._remember(entry)
                if frame.sequence > self.applied:
                    self._count(entry)
            self.upto = frame.sequence
            taken += 1
        return taken

    def _remember(self, entry: Entry) -> None:
        if entry.kind == Kind.INSERTED:
            self.open[entry.number] = _key(entry)
        elif entry.kind in _CLOSES:
            self.open.pop(entry.number, None)

    def _count(self, entry: Entry) -> None:
        kind = Kind(entry.kind)
        match kind:
            case Kind.NOTIFICATIONS:
                self._notifications[entry.hour] += entry.number
            case Kind.PASS_THROUGH:
                self._pass_through[entry.hour, Reason(entry.cause).code] += entry.number
            case Kind.CONSUMED:
                self._consumed[entry.hour] += entry.number
            case Kind.REFUSED:
                self._refused[entry.hour] += entry.number
            case _:
                self._events[_key(entry), _EVENTS[kind], Cause(entry.cause).code] += 1

    def close_open(self, cause: Cause) -> None:
        """Count every open insertion as unknown: its process is gone, no answer will be seen.

        Takes one frame sequence of its own, so that it is applied once.
        """
        self.upto = (self.upto or self.applied) + 1
        if self.upto > self.applied:
            for key in self.open.values():
                self._events[key, Event.UNKNOWN, cause.code] += 1
        self.open.clear()

    def batch(self) -> Batch | None:
        """Return what is not applied yet, or None when there is nothing."""
        if self.upto <= self.applied:
            return None
        return Batch(
            self.epoch,
            self.applied,
            self.upto,
            dict(self._events),
            dict(self._notifications),
            dict(self._pass_through),
            dict(self._consumed),
            dict(self._refused),
        )

    def applied_upto(self, sequence: int) -> None:
        """Forget the counts up to `sequence`: the books have them."""
        self.applied = max(self.applied, sequence)
        for counter in (self._events, self._notifications, self._pass_through, self._consumed, self._refused):
            counter.clear()


class GapError(Exception):
    """A frame is missing between two: the segment must be looked at with `posdata journal verify`."""
