"""Frames and folds: whatever is read in whatever pieces, everything is counted once."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from engine.journal import ENTRY, FRAME_HEADER, Cause, Entry, Frame, Kind, pack_frame, read_frame, read_frames
from engine.settlement import Fold
from inventory.books import Batch, CountKey, Epoch

EPOCH = Epoch("relay-1", 0, 1)
ENTRIES = st.builds(
    Entry,
    st.sampled_from(Kind),
    st.sampled_from([cause for cause in Cause if cause]),
    st.just(0),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**40),
)
FRAMES = st.lists(st.lists(ENTRIES, max_size=4), max_size=6)


def packed(entries: list[Entry]) -> bytes:
    """Return entries as a writer packs them."""
    return b"".join(ENTRY.pack(*entry) for entry in entries)


def segment_of(frames: list[list[Entry]]) -> bytes:
    """Return a segment with these frames, sequences from 1, and zeroes behind."""
    written = (pack_frame(at, packed(entries)) for at, entries in enumerate(frames, 1))
    return b"".join(written) + bytes(64)


@given(FRAMES)
def test_frames_come_back_as_they_were(frames: list[list[Entry]]) -> None:
    """Every entry of every frame, in order, up to the zeroes."""
    read = list(read_frames(segment_of(frames)))
    assert [list(frame.entries) for frame in read] == frames
    assert [frame.sequence for frame in read] == list(range(1, len(frames) + 1))


@given(st.lists(ENTRIES, max_size=3), st.data())
def test_a_torn_or_damaged_frame_is_no_frame(entries: list[Entry], data: st.DataObject) -> None:
    """A cut at any octet, or any flipped bit, and nothing is read."""
    whole = pack_frame(9, packed(entries))
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert read_frame(whole[:cut], 0) is None
    flipped = bytearray(whole + bytes(64))
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    assert read_frame(bytes(flipped), 0) is None


@given(st.binary(max_size=200), st.integers(0, 200))
def test_noise_is_no_frame(noise: bytes, at: int) -> None:
    """Reading noise ends, and finds nothing but what carries its own crc."""
    frame = read_frame(noise, at)
    assert frame is None or frame.end - at >= FRAME_HEADER.size


def lives(kinds: list[list[Kind]]) -> list[list[Entry]]:
    """Return frames in which insertions 1, 2, 3 … are begun, and ended as `kinds` says, in later frames."""
    frames: list[list[Entry]] = []
    for number, ending in enumerate(kinds, 1):
        frames.append([Entry(Kind.INSERTED, 0, 0, 1 + number % 2, 5, 33, 9, number)])
        frames += [[Entry(kind, 0, 0, 1 + number % 2, 5, 33, 9, number)] for kind in ending]
    return frames


ENDINGS = st.lists(
    st.sampled_from(
        [
            [],
            [Kind.ACCEPTED],
            [Kind.REJECTED],
            [Kind.UNKNOWN],
            [Kind.UNKNOWN, Kind.LATE_ACCEPTED],
            [Kind.UNKNOWN, Kind.LATE_REJECTED],
        ]
    ),
    max_size=8,
)


def total(batches: list[Batch]) -> Counter[tuple[CountKey, str, str]]:
    """Return all events of batches."""
    counted: Counter[tuple[CountKey, str, str]] = Counter()
    for batch in batches:
        counted.update({(key, str(event), cause): n for (key, event, cause), n in batch.events.items()})
    return counted


def fold_all(frames: list[Frame], cuts: set[int], restarts: set[int]) -> list[Batch]:
    """Settle frames in batches that end at `cuts`, with a new fold after each batch in `restarts`."""
    batches: list[Batch] = []
    fold = Fold(EPOCH, 0)

    def settle() -> None:
        batch = fold.batch()
        if batch is not None:
            assert batch.after == (batches[-1].upto if batches else 0)
            batches.append(batch)
            fold.applied_upto(batch.upto)

    for at, frame in enumerate(frames, 1):
        fold.add([frame])
        if at in cuts:
            settle()
        if at in restarts:
            fold = Fold(EPOCH, batches[-1].upto if batches else 0)
            fold.add(frames[:at])
    fold.close_open(Cause.PROCESS_DIED)
    settle()
    return batches


@given(ENDINGS, st.sets(st.integers(1, 24)), st.sets(st.integers(1, 24)))
def test_any_batches_and_restarts_count_the_same(
    kinds: list[list[Kind]], cuts: set[int], restarts: set[int]
) -> None:
    """However frames are cut into batches, and wherever control is replaced, the books say the same."""
    frames = list(read_frames(segment_of(lives(kinds))))
    events = total(fold_all(frames, cuts, restarts))
    assert events == total(fold_all(frames, set(), set()))
    by_event = Counter[str]()
    for (_, event, _), n in events.items():
        by_event[event] += n
    assert by_event["inserted"] == len(kinds)
    assert by_event["accepted"] + by_event["rejected"] + by_event["unknown"] == len(kinds)
    died = sum(n for (_, event, cause), n in events.items() if (event, cause) == ("unknown", "process_died"))
    assert died == sum(not ending for ending in kinds)
