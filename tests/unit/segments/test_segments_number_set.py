"""A set of sealed numbers read in place: each member is found at its position, however members lie."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segments.number_set import BUCKETS, LOW_BITS, LOW_MASK, MEMBER_OCTETS, START_OCTETS, NumberSet

OFFSET = 5
BUCKET = 200_000
# Members close together, far from where evenly spread ones would lie, and some anywhere.
MEMBERS = st.sets(st.one_of(st.integers(0, 300), st.integers(65_000, LOW_MASK), st.integers(0, LOW_MASK)))


def set_of(members: list[int]) -> NumberSet:
    """Return a set of one bucket's members, which does not begin with the octets."""
    starts = bytes(START_OCTETS) * (BUCKET + 1)
    starts += len(members).to_bytes(START_OCTETS, "little") * (BUCKETS - BUCKET)
    low = b"".join(each.to_bytes(MEMBER_OCTETS, "little") for each in members)
    return NumberSet(bytes(OFFSET) + starts + low, OFFSET, OFFSET + len(starts), len(members))


@settings(max_examples=50)
@given(MEMBERS, st.sets(st.integers(0, LOW_MASK), max_size=50))
def test_members_and_no_others_are_found(members: set[int], others: set[int]) -> None:
    """Each member has its place in ascending order; whatever is none has -1, in other buckets too."""
    ordered = sorted(members)
    numbers = set_of(ordered)
    base = BUCKET << LOW_BITS
    assert [numbers.find(base + each) for each in ordered] == list(range(len(ordered)))
    assert all(numbers.find(base + each) == -1 for each in others - members)
    assert all(numbers.find((BUCKET + 1 << LOW_BITS) + each) == -1 for each in others | members)


def test_crowded_members_are_found() -> None:
    """A thousand neighbours in one bucket: none lies where it is due."""
    members = list(range(30_000, 31_000))
    numbers = set_of(members)
    found = [numbers.find((BUCKET << LOW_BITS) + each) for each in (29_999, *members, 31_000)]
    assert found == [-1, *range(1000), -1]
