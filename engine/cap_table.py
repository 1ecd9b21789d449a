"""The table in which a node's workers count ads by subscriber: of fixed size, mapped by all of them.

A bucket is 128 octets: a head, and 15 words of engine.caps. A person's words lie in the bucket that its hash
names, or when that is full in one of the next; the head says until which minute words may lie further on. A
word that is over is room for another. Words and heads are written whole (8 aligned octets), so whoever is
killed leaves a table that is right: at worst a count that no ad followed.

A person's words are written together, when the worker turns to the next one or lets go of the lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from librt.strings import BytesWriter, read_i64_le, write_i64_le

from engine.caps import ENDS_MASK, ENDS_SHIFT, TAG_BITS, TAG_SHIFT, CapStore, Claim

if TYPE_CHECKING:
    from mypy_extensions import i64

HEAD_OCTETS: Final = 4096
BUCKET_OCTETS: Final = 128
BUCKET_WORDS: Final = 16
PROBES: Final = 16
"""So many buckets may hold a person's words."""

NEWEST_AT: Final = 3
"""The word of the table's head that holds the latest minute that a worker has told."""

TRIES: Final = 3
MOST_RETURNS: Final = 100_000
_HASH_BITS: Final = 32


class Octets(Protocol):
    """A mapped file, read and written by slices."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Return a copy of some octets."""

    def __setitem__(self, part: slice, octets: bytes, /) -> None:
        """Write as many octets as the slice has."""


class TableLock(Protocol):
    """What keeps workers apart."""

    def acquire(self) -> bool:
        """Take it without waiting; False when another has it."""

    def release(self) -> None:
        """Let go."""


class CapTable(CapStore):
    """One worker's view of the table; the lock is taken when a read first needs it, and let go at its end.

    A lock that another worker has is asked for TRIES times a read; without it nothing is found or counted.
    """

    __slots__ = (
        "_at",
        "_bucket",
        "_buckets",
        "_changed",
        "_changed_end",
        "_changed_from",
        "_first",
        "_free",
        "_free_step",
        "_held",
        "_last_step",
        "_lock",
        "_octets",
        "_placed",
        "_returns",
        "_step",
        "_tries",
        "_words",
    )

    def __init__(self, octets: Octets, words: memoryview, buckets: int, lock: TableLock) -> None:
        super().__init__()
        self._octets = octets
        self._words = words
        self._buckets: i64 = buckets
        self._lock = lock
        self._held = False
        self._tries = 0
        self._returns: list[Claim] = []
        self._first = b""
        # What is to be written into the first bucket: words from one index to before another.
        self._changed = BytesWriter()
        self._changed_from: i64 = 0
        self._changed_end: i64 = 0
        self._bucket: i64 = 0
        self._at: i64 = -1
        self._step: i64 = 0
        self._free: i64 = -1
        self._free_step: i64 = 0
        self._placed: i64 = -1
        self._last_step: i64 = 0
        self.newest = words[NEWEST_AT]

    def open(self, person: i64) -> bool:
        """Turn to one person; False when other workers kept the lock."""
        if not self._held and not self._acquire():
            return False
        self._turn(person)
        return True

    def find(self, tag: i64) -> i64:
        """Return the person's word with this tag that is not over, else 0."""
        now = self.now
        step: i64 = 0
        bucket = self._bucket
        line = self._first
        placed = self._placed
        self._free = -1
        while True:
            base = bucket * BUCKET_WORDS
            at: i64 = 1
            while at < BUCKET_WORDS:
                word: i64 = read_i64_le(line, at * 8)
                if (word >> ENDS_SHIFT) & ENDS_MASK > now:
                    if word >> TAG_SHIFT == tag:
                        self._at = base + at
                        self._step = step
                        return word
                elif self._free < 0 and (step or base + at > placed):
                    self._free = base + at
                    self._free_step = step
                at += 1
            step += 1
            further: i64 = read_i64_le(line, 0)
            if further <= now or step == PROBES:
                break
            bucket = bucket + 1 if bucket + 1 < self._buckets else 0
            line = self._read(bucket)
        self._at = -1
        self._last_step = step - 1
        return 0

    def put(self, word: i64) -> bool:
        """Write a word in place of the one that was just looked for; False when there is no room."""
        at = self._at
        step = self._step
        if at < 0:
            at = self._free
            step = self._free_step
            if at < 0:
                at, step = self._room()
                if at < 0:
                    self.trouble = "full"
                    return False
            if not step:
                self._placed = at
        if step:
            self._mark((word >> ENDS_SHIFT) & ENDS_MASK, step)
            self._words[_HEAD_WORDS + at] = word
        else:
            self._change(at - self._bucket * BUCKET_WORDS, word)
        self._at = at
        self._step = step
        return True

    def give_back(self, claim: Claim) -> None:
        """Take back what an ad counted when the lock is next held."""
        if len(self._returns) < MOST_RETURNS:
            self._returns.append(claim)

    def close(self) -> None:
        """End the read: let others at the table."""
        self._tries = 0
        if self._held:
            if self._changed_end:
                self._write()
            self._held = False
            self._lock.release()

    def tidy(self) -> None:
        """Take back what waits, outside of any read."""
        if self._returns and not self._held and self._acquire():
            self.close()
        self._tries = 0

    def _acquire(self) -> bool:
        while self._tries < TRIES:
            self._tries += 1
            if self._lock.acquire():
                self._held = True
                newest: i64 = self._words[NEWEST_AT]
                if self.now > newest:
                    self._words[NEWEST_AT] = self.now
                    newest = self.now
                self.newest = self.now = newest
                if self._returns:
                    self._take_back()
                return True
        return False

    def _take_back(self) -> None:
        returns, self._returns = self._returns, []
        for claim in returns:
            self._turn(claim.person)
            claim.undo(len(claim.counters))

    def _change(self, index: i64, word: i64) -> None:
        """Have a word written into the first bucket, with those between it and the one before."""
        if index < self._changed_end:
            self._write()
            self._first = self._read(self._bucket)
        changed = self._changed
        end = self._changed_end
        if end:
            line = self._first
            while end < index:
                write_i64_le(changed, read_i64_le(line, end * 8))
                end += 1
        else:
            self._changed_from = index
        write_i64_le(changed, word)
        self._changed_end = index + 1

    def _write(self) -> None:
        start: int = HEAD_OCTETS + self._bucket * BUCKET_OCTETS + self._changed_from * 8
        octets = self._changed.getvalue()
        self._octets[start : start + len(octets)] = octets
        self._changed.truncate(0)
        self._changed_end = 0

    def _turn(self, person: i64) -> None:
        if self._changed_end:
            self._write()
        self._bucket = ((person >> TAG_BITS) * self._buckets) >> _HASH_BITS
        self._first = self._read(self._bucket)
        self._placed = -1

    def _read(self, bucket: i64) -> bytes:
        start: int = HEAD_OCTETS + bucket * BUCKET_OCTETS
        return self._octets[start : start + BUCKET_OCTETS]

    def _room(self) -> tuple[i64, i64]:
        """Return where a word may go beyond the buckets that were searched, and how far that is."""
        step = self._last_step + 1
        while step < PROBES:
            bucket = (self._bucket + step) % self._buckets
            line = self._read(bucket)
            at: i64 = 1
            while at < BUCKET_WORDS:
                word: i64 = read_i64_le(line, at * 8)
                if (word >> ENDS_SHIFT) & ENDS_MASK <= self.now:
                    return bucket * BUCKET_WORDS + at, step
                at += 1
            step += 1
        return -1, 0

    def _mark(self, ends: i64, step: i64) -> None:
        """Say in the heads of the buckets before that words lie further on, before the word is there."""
        before: i64 = 0
        while before < step:
            at = _HEAD_WORDS + (self._bucket + before) % self._buckets * BUCKET_WORDS
            further: i64 = self._words[at]
            if further < ends:
                self._words[at] = ends
            before += 1


_HEAD_WORDS: Final = HEAD_OCTETS // 8
