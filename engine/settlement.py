"""From journal frames to a batch for the books: fold, remember what is open, close what stays so."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.journal import PREFIX, Cause, Frame, Kind
from engine.reasons import Reason
from inventory.books import Awaited, Batch, CountKey, Epoch, Event, Received, SupplyKey

_EVENTS = {
    Kind.INSERTED: Event.INSERTED,
    Kind.ACCEPTED: Event.ACCEPTED,
    Kind.REJECTED: Event.REJECTED,
    Kind.UNKNOWN: Event.UNKNOWN,
    Kind.LATE_ACCEPTED: Event.LATE_ACCEPTED,
    Kind.LATE_REJECTED: Event.LATE_REJECTED,
}
# Kinds from here on carry a count in place of an insertion's number.
_FIRST_TALLY = Kind.NOTIFICATIONS
# Those that say of an insertion that somebody saw it.
_SEEN = frozenset((Kind.ACCEPTED, Kind.LATE_ACCEPTED))
# Kinds from here on carry a hash there.
_FIRST_RECEIPT = Kind.AWAITED


@dataclass(slots=True)
class Fold:
    """Frames of one epoch, folded up to `upto`; `open` holds the insertions that have no outcome yet.

    Entries that differ only in their number are counted as one packed prefix, and decoded when a
    batch is made: a node's traffic has few prefixes and many entries.
    """

    epoch: Epoch
    applied: int
    upto: int = 0
    open: dict[int, bytes] = field(default_factory=dict)
    _counted: Counter[bytes] = field(default_factory=Counter)
    _receipts: dict[bytes, list[int]] = field(default_factory=dict)
    _people: dict[bytes, list[int]] = field(default_factory=dict)

    def add(self, frames: Iterable[Frame]) -> int:
        """Take frames in; return how many. What was applied before only rebuilds `open`.

        Raises `GapError` when a frame is missing between two, or after what was applied.
        """
        taken = 0
        for frame in frames:
            due = self.upto + 1 if self.upto else min(frame.sequence, self.applied + 1)
            if frame.sequence != due:
                raise GapError(f"frame {frame.sequence} stands where frame {due} was due")
            self._take(frame, counts=frame.sequence > self.applied)
            self.upto = frame.sequence
            taken += 1
        return taken

    def _take(self, frame: Frame, *, counts: bool) -> None:
        opened = self.open
        counted = self._counted
        kinds, prefixes = frame.kinds, frame.prefixes
        for kind, number, prefix in zip(kinds, frame.numbers, prefixes, strict=True):
            if kind >= _FIRST_TALLY:
                if counts and kind >= _FIRST_RECEIPT:
                    self._receipts.setdefault(prefix, []).append(number)
                elif counts:
                    counted[prefix] += number
                continue
            if kind == Kind.INSERTED:
                opened[number] = prefix
            else:
                opened.pop(number, None)  # a late answer's insertion was closed before: nothing to pop
            if counts:
                counted[prefix] += 1
        if counts:
            self._take_people(kinds, prefixes, frame.people)

    def _take_people(self, kinds: bytes, prefixes: Iterable[bytes], people: Iterable[int]) -> None:
        """Keep whose ads were accepted."""
        for kind, person, prefix in zip(kinds, people, prefixes, strict=True):
            if person and kind in _SEEN:
                self._people.setdefault(prefix, []).append(person)

    def close_open(self, cause: Cause) -> int:
        """Count every open insertion as unknown, no answer will be seen; return how many.

        Takes one frame sequence of its own, so that it is applied once. When the books know frames
        that the journal has lost, what is open here may have ended there: nothing is counted, and
        the books end what is open to them as the epoch is closed.
        """
        self.upto = (self.upto or self.applied) + 1
        counted = len(self.open) if self.upto > self.applied else 0
        if counted:
            for prefix in self.open.values():
                self._counted[bytes((Kind.UNKNOWN, cause)) + prefix[2:]] += 1
        self.open.clear()
        return counted

    def batch(self) -> Batch | None:
        """Return what is not applied yet, or None when there is nothing."""
        if self.upto <= self.applied:
            return None
        batch = _Batch()
        for prefix, count in self._counted.items():
            batch.add(prefix, count)
        for prefix, numbers in self._receipts.items():
            batch.add_receipts(prefix, numbers)
        for prefix, people in self._people.items():
            batch.add_people(prefix, people)
        return Batch(
            self.epoch,
            self.applied,
            self.upto,
            dict(batch.events),
            dict(batch.tallies[Kind.NOTIFICATIONS]),
            dict(batch.pass_through),
            dict(batch.tallies[Kind.CONSUMED]),
            dict(batch.tallies[Kind.REFUSED]),
            awaited=batch.awaited,
            received=batch.received,
            supply=dict(batch.supply),
            exposures=dict(batch.exposures),
        )

    def applied_upto(self, sequence: int) -> None:
        """Forget the counts up to `sequence`: the books have them."""
        self.applied = max(self.applied, sequence)
        self._counted.clear()
        self._receipts.clear()
        self._people.clear()


class _Batch:
    """Counts by what the books know them by."""

    def __init__(self) -> None:
        self.events: Counter[tuple[CountKey, Event, str]] = Counter()
        self.pass_through: Counter[tuple[int, str]] = Counter()
        self.tallies: dict[Kind, Counter[int]] = {
            kind: Counter() for kind in (Kind.NOTIFICATIONS, Kind.CONSUMED, Kind.REFUSED)
        }
        self.supply: Counter[SupplyKey] = Counter()
        self.awaited: list[Awaited] = []
        self.received: list[Received] = []
        self.exposures: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def add(self, prefix: bytes, count: int) -> None:
        """Count what `count` entries of one prefix say."""
        number, cause, alphabet, campaign, creative_version, place, hour = PREFIX.unpack(prefix)
        kind = Kind(number)
        if kind in _EVENTS:
            key = CountKey(campaign, creative_version, place, hour)
            self.events[key, _EVENTS[kind], Cause(cause).code] += count
        elif kind is Kind.PASS_THROUGH:
            self.pass_through[hour, Reason(cause).code] += count
        elif kind is Kind.SUPPLY:
            self.supply[SupplyKey(hour, place, cause, bool(alphabet))] += count
        else:
            self.tallies[kind][hour] += count

    def add_receipts(self, prefix: bytes, numbers: Iterable[int]) -> None:
        """Take in entries about receipts that differ in number alone (engine.journal has their layout)."""
        kind, state, _, campaign, creative_version, place, hour = PREFIX.unpack(prefix)
        signed = [number - (number >> 63 << 64) for number in numbers]
        if kind == Kind.AWAITED:
            self.awaited += [Awaited(each, campaign, creative_version, place, hour) for each in signed]
        else:
            mask = creative_version << 32 | campaign
            self.received += [Received(each, place, state, mask) for each in signed]

    def add_people(self, prefix: bytes, people: Iterable[int]) -> None:
        """Take in whose ads were accepted, by campaign and hour."""
        _, _, _, campaign, _, _, hour = PREFIX.unpack(prefix)
        self.exposures[campaign, hour].extend(people)


class GapError(Exception):
    """A frame is missing between two: the segment must be looked at with `posdata journal verify`."""
