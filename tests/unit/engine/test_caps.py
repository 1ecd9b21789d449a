"""The table of a node: what tests/contract does not ask of every store of caps."""

import mmap
from itertools import permutations
from pathlib import Path

import pytest

from adapters.files.cap_file import CAP_FILE, CapFileError, make_cap_file, open_cap_file
from engine.cap_table import BUCKET_OCTETS, BUCKET_WORDS, HEAD_OCTETS, NEWEST_AT, CapTable
from engine.caps import ENDS_SHIFT, NUMBER_MASK, TAG_BITS, TAG_SHIFT
from engine.people import WideHash
from engine.reasons import Reason
from tests.contract.cap_cases import DAY, KEY, NOON, WHO, Asked, campaign, table_workers


class NoLock:
    """What one worker alone needs of a lock."""

    def acquire(self) -> bool:
        """Take it."""
        return True

    def release(self) -> None:
        """Let go."""


def test_a_busy_table_is_asked_three_times_a_read_and_then_no_ad(tmp_path: Path) -> None:
    """Another worker holds the lock: `cap_busy`, and the next read begins anew."""
    asked = Asked(table_workers(tmp_path)(), campaign(1, caps=((1, "day", "campaign"),)))
    other = open_cap_file(tmp_path, KEY)
    assert other.open(1)
    assert asked.show(1) is Reason.CAP_BUSY
    other.close()
    assert asked.show(1) is None


def test_a_full_table_gives_no_ad_and_makes_room_when_windows_end() -> None:
    """`cap_full` with an alarm; the words of yesterday are room for today's."""
    buckets = 64
    octets = mmap.mmap(-1, HEAD_OCTETS + buckets * BUCKET_OCTETS)
    table = CapTable(octets, memoryview(octets).cast("q"), buckets, NoLock())
    asked = Asked(table, campaign(1, caps=((1, "day", "campaign"),)))
    reasons = {}
    who = WHO
    while Reason.CAP_FULL not in reasons:
        who += 1
        reasons[asked.show(1, who=who)] = who
    assert table.trouble == "full"
    assert set(reasons) == {None, Reason.CAP_FULL}
    assert who - WHO > 0.7 * buckets * (BUCKET_WORDS - 1)
    assert asked.show(1, NOON + DAY, who=who) is None


def test_words_are_written_in_whatever_order_they_change() -> None:
    """A person's counts are right however the counters of one ad and of the next are ordered."""
    octets = mmap.mmap(-1, HEAD_OCTETS + 64 * BUCKET_OCTETS)
    table = CapTable(octets, memoryview(octets).cast("q"), 64, NoLock())
    ends = 1 << ENDS_SHIFT
    for person, order in enumerate(permutations(range(1, 5)), 1):
        for tags in ((1, 2, 3, 4), order):
            assert table.open(person << TAG_BITS + 26)
            for tag in tags:
                table.put((table.find(tag) or tag << TAG_SHIFT | ends) + 1)
        assert table.open(person << TAG_BITS + 26)
        assert [table.find(tag) & NUMBER_MASK for tag in range(1, 5)] == [2, 2, 2, 2]
        table.close()


def test_a_table_of_another_key_is_none(tmp_path: Path) -> None:
    """Control begins it anew and says so; a worker with the wrong key uses none."""
    assert make_cap_file(tmp_path, 1, KEY) is False
    assert make_cap_file(tmp_path, 2, KEY) is False
    assert (tmp_path / CAP_FILE).stat().st_size <= 1 << 20
    other = WideHash(b"another key of thirty-two octets")
    with pytest.raises(CapFileError, match="no table of this key"):
        open_cap_file(tmp_path, other)
    assert make_cap_file(tmp_path, 1, other) is True
    assert isinstance(open_cap_file(tmp_path, other), CapTable)
    with pytest.raises(CapFileError):
        open_cap_file(tmp_path / "nowhere", KEY)


def test_the_table_holds_no_number(tmp_path: Path) -> None:
    """Only hashes under a key: the ten digits are nowhere in the file, in any form of them."""
    asked = Asked(table_workers(tmp_path)(), campaign(1, caps=((1, "day", "campaign"),)))
    asked.show(1)
    octets = (tmp_path / CAP_FILE).read_bytes()
    for form in (str(WHO).encode(), WHO.to_bytes(5, "little"), WHO.to_bytes(5, "big")):
        assert form not in octets
    assert octets[NEWEST_AT * 8 : NEWEST_AT * 8 + 8] != bytes(8)
