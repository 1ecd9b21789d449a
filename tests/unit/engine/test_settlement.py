"""From journal frames to batches for the books."""

import pytest

from engine.journal import ENTRY, Cause, Entry, Frame, Kind
from engine.reasons import Reason
from engine.settlement import Fold, GapError
from inventory.books import Batch, CountKey, Epoch, Event

EPOCH = Epoch("relay-1", 0, 1)
KEY = CountKey(1, 5, 33, 9)


def insertion(kind: Kind, number: int, cause: Cause = Cause.NONE) -> Entry:
    """Return an entry about insertion `number` of campaign 1."""
    return Entry(kind, cause, 0, 1, 5, 33, 9, number)


def tally(kind: Kind, count: int, cause: int = 0, hour: int = 9) -> Entry:
    """Return an entry that counts."""
    return Entry(kind, cause, 0, 0, 0, 0, hour, count)


def frame(sequence: int, *entries: Entry) -> Frame:
    """Return a frame as the reader yields it."""
    return Frame(sequence, b"".join(ENTRY.pack(*entry) for entry in entries), 0)


def batch_of(fold: Fold) -> Batch:
    """Return the batch that there is."""
    batch = fold.batch()
    assert batch is not None
    return batch


def test_tallies_add_up_by_hour() -> None:
    """Notifications, consumed and refused by hour, pass-through by hour and reason."""
    fold = Fold(EPOCH, 0)
    fold.add(
        [
            frame(1, tally(Kind.NOTIFICATIONS, 4), tally(Kind.PASS_THROUGH, 3, Reason.NO_ROOM)),
            frame(2, tally(Kind.NOTIFICATIONS, 2), tally(Kind.PASS_THROUGH, 1, Reason.NO_ROOM)),
            frame(3, tally(Kind.NOTIFICATIONS, 1, hour=10), tally(Kind.REFUSED, 1, hour=10)),
            frame(4, tally(Kind.CONSUMED, 2), tally(Kind.PASS_THROUGH, 1, Reason.UDH)),
        ]
    )
    batch = batch_of(fold)
    assert (batch.epoch, batch.after, batch.upto) == (EPOCH, 0, 4)
    assert (batch.notifications, batch.refused, batch.consumed) == ({9: 6, 10: 1}, {10: 1}, {9: 2})
    assert batch.pass_through == {(9, "no_room"): 4, (9, "udh"): 1}
    assert batch.events == {}


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        (Kind.INSERTED, Event.INSERTED),
        (Kind.ACCEPTED, Event.ACCEPTED),
        (Kind.REJECTED, Event.REJECTED),
        (Kind.UNKNOWN, Event.UNKNOWN),
        (Kind.LATE_ACCEPTED, Event.LATE_ACCEPTED),
        (Kind.LATE_REJECTED, Event.LATE_REJECTED),
    ],
)
@pytest.mark.parametrize("cause", Cause)
def test_every_event_is_counted_with_its_cause(kind: Kind, event: Event, cause: Cause) -> None:
    """Under the insertion's campaign, version, place and hour."""
    fold = Fold(EPOCH, 0)
    fold.add([frame(1, insertion(kind, 1, cause), insertion(kind, 2, cause))])
    assert batch_of(fold).events == {(KEY, event, cause.code): 2}


def test_a_cause_has_a_code_and_none_has_no_code() -> None:
    """Counts print causes in lower case."""
    assert Cause.NONE.code == ""
    assert Cause.AD_REFUSED_BY_SMSC.code == "ad_refused_by_smsc"


def test_insertions_without_an_outcome_are_open() -> None:
    """Accepted, rejected and unknown close; a late answer to an unknown one closes nothing more."""
    fold = Fold(EPOCH, 0)
    fold.add([frame(1, *(insertion(Kind.INSERTED, number) for number in range(1, 6)))])
    fold.add([frame(2, insertion(Kind.ACCEPTED, 1), insertion(Kind.REJECTED, 2), insertion(Kind.UNKNOWN, 3))])
    fold.add([frame(3, insertion(Kind.LATE_ACCEPTED, 3))])
    assert set(fold.open) == {4, 5}


def test_what_was_applied_is_not_counted_again() -> None:
    """Frames up to `applied` only rebuild what is open."""
    fold = Fold(EPOCH, 2)
    assert fold.add([frame(1, insertion(Kind.INSERTED, 1)), frame(2, tally(Kind.NOTIFICATIONS, 5))]) == 2
    assert fold.batch() is None
    fold.add([frame(3, insertion(Kind.ACCEPTED, 1))])
    batch = batch_of(fold)
    assert (batch.after, batch.upto, batch.events) == (2, 3, {(KEY, Event.ACCEPTED, ""): 1})
    assert batch.notifications == {}
    assert fold.open == {}


def test_a_batch_is_forgotten_when_it_is_applied() -> None:
    """The next one begins behind it, with nothing of it."""
    fold = Fold(EPOCH, 0)
    fold.add([frame(1, insertion(Kind.INSERTED, 1), tally(Kind.NOTIFICATIONS, 1))])
    fold.applied_upto(batch_of(fold).upto)
    assert fold.batch() is None
    fold.add([frame(2, tally(Kind.NOTIFICATIONS, 1))])
    batch = batch_of(fold)
    assert (batch.after, batch.upto, batch.events, batch.notifications) == (1, 2, {}, {9: 1})


@pytest.mark.parametrize(
    ("applied", "sequences"),
    [(0, [1, 3]), (0, [2]), (5, [7]), (5, [4, 6]), (0, [1, 1]), (5, [6, 8]), (0, [1, 2, 1])],
)
def test_a_missing_frame_is_a_gap(applied: int, sequences: list[int]) -> None:
    """Between two frames, and between what was applied and the first one."""
    fold = Fold(EPOCH, applied)
    with pytest.raises(GapError):
        fold.add(frame(sequence) for sequence in sequences)


@pytest.mark.parametrize(("applied", "first"), [(0, 1), (5, 1), (5, 4), (5, 6)])
def test_dropped_segments_are_no_gap(applied: int, first: int) -> None:
    """The journal may begin anywhere up to the frame after what was applied."""
    assert Fold(EPOCH, applied).add([frame(first), frame(first + 1)]) == 2


def test_what_stays_open_is_closed_once() -> None:
    """Each open insertion is unknown with the cause, under a sequence of its own; then nothing is open."""
    fold = Fold(EPOCH, 0)
    fold.add([frame(1, insertion(Kind.INSERTED, 1), insertion(Kind.INSERTED, 2))])
    fold.applied_upto(batch_of(fold).upto)
    fold.close_open(Cause.PROCESS_DIED)
    batch = batch_of(fold)
    assert (batch.after, batch.upto) == (1, 2)
    assert batch.events == {(KEY, Event.UNKNOWN, "process_died"): 2}
    fold.applied_upto(batch.upto)
    fold.close_open(Cause.PROCESS_DIED)
    assert batch_of(fold).events == {}


def test_closing_that_was_applied_is_not_counted_again() -> None:
    """A control process that died between closing and forgetting the epoch starts anew: nothing is added."""
    fold = Fold(EPOCH, 2)
    fold.add([frame(1, insertion(Kind.INSERTED, 1))])
    fold.close_open(Cause.PROCESS_DIED)
    assert fold.batch() is None


def test_an_empty_journal_closes_too() -> None:
    """A worker that never had a read leaves an epoch without frames."""
    fold = Fold(EPOCH, 0)
    fold.close_open(Cause.PROCESS_DIED)
    assert (batch_of(fold).upto, batch_of(fold).events) == (1, {})
