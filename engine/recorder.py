"""What one read brought about, gathered for one journal write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from librt.strings import BytesWriter, write_i64_le

from engine.breaker import Tally
from engine.caps import Claim
from engine.decision import Creative
from engine.journal import Cause, Kind
from engine.leasebook import Lease
from engine.reasons import Reason
from engine.totals import Totals

if TYPE_CHECKING:
    from mypy_extensions import i64

# Python takes 0.2 µs to look up a member of an enum, and machine code looks a global up in a dict.
_INSERTED: Final = Kind.INSERTED
_ACCEPTED: Final = Kind.ACCEPTED
_REJECTED: Final = Kind.REJECTED
_REFUSED: Final = (Kind.REJECTED, Kind.LATE_REJECTED)
_NO_CAUSE: Final = Cause.NONE

# A lost link may end more insertions at once than one frame takes (engine.journal.MAX_FRAME_OCTETS).
OUTCOMES_A_FRAME: Final = 8192
# While nothing can be written, receipts go on; what waits of them is bounded.
NOTES_LIMIT: Final = 100_000


class JournalPort(Protocol):
    """Where frames go."""

    def append(self, entries: bytes) -> bool:
        """Write one frame of packed entries; False when it could not be written whole."""


class Insertion:
    """One ad on its way: what its outcome must be booked on, and the original for a bare retry.

    `awaits` is the subscriber whose receipt was asked for, 0 for none; `person` is engine.people's hash of
    who gets it, 0 where it is not known; `claim` what was counted for its subscriber, if anything was.
    """

    __slots__ = (
        "awaits",
        "campaign",
        "claim",
        "creative_version",
        "hour",
        "lease",
        "number",
        "original",
        "person",
        "place",
        "sent_at",
        "tally",
    )

    def __init__(
        self, creative: Creative, place: int, person: i64, hour: int, number: int, sent_at: float
    ) -> None:
        self.campaign = creative.offer.number
        self.lease: Lease = creative.offer.lease
        self.tally: Tally = creative.tally
        self.creative_version = creative.version
        self.place = place
        self.person = person
        self.hour = hour
        self.number = number
        self.sent_at = sent_at
        self.original = b""
        self.awaits = 0
        self.claim: Claim | None = None


class Recorder:
    """Gathers entries and tallies of a worker, and commits them with one journal write.

    What can't be written stays here and goes with the next commit, except insertions: their
    notifications leave bare, counted `journal_failed`. `hour` (hours since 1970 UTC) is set by the
    caller at each read. `fault` is what the journal raised at the last commit, if it did; who
    commits sounds the alarm. `lost` counts notes that there was no room for.
    """

    __slots__ = (
        "_consumed",
        "_insertions",
        "_journal",
        "_notes",
        "_notifications",
        "_numbered",
        "_otherwise",
        "_outcomes",
        "_passed",
        "_reasons",
        "_refused",
        "fault",
        "hour",
        "lost",
        "totals",
    )

    def __init__(self, journal: JournalPort) -> None:
        self._journal = journal
        self._insertions: list[Insertion] = []
        self._outcomes: list[tuple[Insertion, Kind, Cause]] = []
        self._notes: list[bytes] = []
        self._passed = [0] * (max(Reason) + 1)
        self._reasons: list[int] = []
        self._notifications = 0
        self._refused = 0
        self._consumed = 0
        self._numbered = 0
        self._otherwise = False
        self.totals = Totals()
        self.fault: Exception | None = None
        self.hour = 0
        self.lost = 0

    def notification(self) -> None:
        """Count one submit_sm or data_sm request."""
        self._notifications += 1

    def passed(self, reason: int) -> None:
        """Count one notification that leaves without an ad, for a `Reason`."""
        count = self._passed[reason]
        if not count:
            self._reasons.append(reason)
        self._passed[reason] = count + 1

    def refused(self) -> None:
        """Count one notification that the engine itself had to refuse."""
        self._refused += 1
        self.totals.refused += 1

    def consumed(self) -> None:
        """Count one notification that became a lead."""
        self._consumed += 1
        self.totals.consumed += 1

    def inserted(self, creative: Creative, place: int, person: i64, sent_at: float) -> Insertion:
        """Take a lease unit and note the insertion at place code `place`."""
        self._numbered += 1
        insertion = Insertion(creative, place, person, self.hour, self._numbered, sent_at)
        insertion.lease.take()
        self._insertions.append(insertion)
        return insertion

    def ended(self, insertion: Insertion, kind: Kind, cause: Cause) -> None:
        """Note an outcome; a rejected insertion's unit comes back."""
        if kind is not _ACCEPTED:
            self._otherwise = True
            if kind is _REJECTED:
                insertion.lease.put_back()
            if insertion.claim is not None and kind in _REFUSED:
                insertion.claim.give_back()
                insertion.claim = None
        self._outcomes.append((insertion, kind, cause))

    def note(self, entry: bytes) -> None:
        """Keep a packed entry for the frame that holds all outcomes noted before it."""
        if len(self._notes) < NOTES_LIMIT:
            self._notes.append(entry)
        else:
            self.lost += 1

    def commit(self) -> bool:
        """Write everything gathered; True when nothing is owed any more.

        On False the insertions of this read never were: their units are back, their notifications
        are counted `journal_failed`, and the caller sends the original octets.
        """
        later = self._outcomes[OUTCOMES_A_FRAME:]
        if later:
            del self._outcomes[OUTCOMES_A_FRAME:]
        if not self._written(notes=not later):
            self._outcomes += later
            self._undo_insertions()
            return False
        totals = self.totals
        if self._outcomes:
            totals.ended += len(self._outcomes)
            if self._otherwise:
                totals.add_others(self._outcomes)
                self._otherwise = bool(later)
        totals.inserted += len(self._insertions)
        self._insertions.clear()
        self._outcomes = later
        for reason in self._reasons:
            totals.passed[reason] += self._passed[reason]
            self._passed[reason] = 0
        self._reasons.clear()
        self._notifications = self._refused = self._consumed = 0
        if later:
            return self.commit()
        if self._notes:
            self._notes.clear()
        return True

    def _written(self, *, notes: bool) -> bool:
        self.fault = None
        try:
            entries = self._entries(notes=notes)
            return not entries or self._journal.append(entries)
        except Exception as error:  # noqa: BLE001  # a journal that raises has failed, whatever it raises
            self.fault = error
            return False

    def _undo_insertions(self) -> None:
        for insertion in self._insertions:
            insertion.lease.put_back()
            if insertion.claim is not None:
                insertion.claim.give_back()
                insertion.claim = None
            self.passed(Reason.JOURNAL_FAILED)
        undone = {insertion.number for insertion in self._insertions}
        self._outcomes = [outcome for outcome in self._outcomes if outcome[0].number not in undone]
        self._insertions.clear()

    def _entries(self, *, notes: bool) -> bytes:
        writer = BytesWriter()
        for insertion in self._insertions:
            _write(writer, _INSERTED, _NO_CAUSE, insertion)
        for insertion, kind, cause in self._outcomes:
            _write(writer, kind, cause, insertion)
        if self._notifications:
            _write_tally(writer, Kind.NOTIFICATIONS, 0, self.hour, self._notifications)
        if self._refused:
            _write_tally(writer, Kind.REFUSED, 0, self.hour, self._refused)
        if self._consumed:
            _write_tally(writer, Kind.CONSUMED, 0, self.hour, self._consumed)
        for reason in self._reasons:
            _write_tally(writer, Kind.PASS_THROUGH, reason, self.hour, self._passed[reason])
        if notes and self._notes:
            writer.write(b"".join(self._notes))
        return writer.getvalue()


# An entry is four words of 64 bits (engine.journal has its layout); no field reaches its sign bit.


def _write(writer: BytesWriter, kind: int, cause: int, insertion: Insertion) -> None:
    write_i64_le(writer, kind | cause << 8 | insertion.campaign << 32)
    write_i64_le(writer, insertion.creative_version | insertion.place << 32)
    write_i64_le(writer, insertion.hour | insertion.person << 32)
    write_i64_le(writer, insertion.number)


def _write_tally(writer: BytesWriter, kind: int, cause: int, hour: int, count: int) -> None:
    write_i64_le(writer, kind | cause << 8)
    write_i64_le(writer, 0)
    write_i64_le(writer, hour)
    write_i64_le(writer, count)
