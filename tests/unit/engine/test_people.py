"""The hash of who got an ad: on its way through the journal to the books."""

from engine.journal import ENTRY, Frame, Kind
from engine.people import HASH_BITS, PeopleHash
from engine.settlement import Fold
from inventory.books import Epoch

KEY = bytes(range(32))
FIRST = 55_0000_0000


def entry(kind: Kind, number: int, person: int, hour: int = 9) -> bytes:
    """Return a packed entry of campaign 1 as a worker writes it."""
    plain = bytearray(ENTRY.pack(kind, 0, 0, 1, 5, 33, hour, number))
    plain[20:24] = person.to_bytes(4, "little")
    return bytes(plain)


def test_the_hash_is_keyed_and_spread() -> None:
    """Another key gives other hashes; neighbours share none, and fill every part of the range alike."""
    of = PeopleHash(KEY).of
    hashes = [of(FIRST + number) for number in range(20_000)]
    assert all(0 <= each < 1 << HASH_BITS for each in hashes)
    assert len(set(hashes)) > 19_990
    parts = [0] * 16
    for each in hashes:
        parts[each >> HASH_BITS - 4] += 1
    assert max(parts) < 1.15 * min(parts)
    other = PeopleHash(KEY[::-1]).of
    assert sum(of(FIRST + number) == other(FIRST + number) for number in range(1000)) < 3


def test_only_whose_ads_were_accepted_are_told() -> None:
    """By campaign and hour; refused and unanswered ads reached nobody, and 0 is nobody we know."""
    fold = Fold(Epoch("relay-1", 0, 1), 0)
    frames = [
        [(Kind.INSERTED, 1, 7), (Kind.INSERTED, 2, 8), (Kind.INSERTED, 3, 9), (Kind.INSERTED, 4, 0)],
        [(Kind.ACCEPTED, 1, 7), (Kind.REJECTED, 2, 8), (Kind.UNKNOWN, 3, 9), (Kind.ACCEPTED, 4, 0)],
        [(Kind.LATE_ACCEPTED, 3, 9)],
    ]
    fold.add(Frame(at, b"".join(entry(*each) for each in one), 0) for at, one in enumerate(frames, start=1))
    batch = fold.batch()
    assert batch is not None
    assert batch.exposures == {(1, 9): [7, 9]}
    fold.applied_upto(batch.upto)
    fold.add([Frame(4, entry(Kind.INSERTED, 5, 6), 0)])
    batch = fold.batch()
    assert batch is not None
    assert not batch.exposures
