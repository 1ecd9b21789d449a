"""A read's words from a store that several nodes share: claimed with one question, changed here, sent back.

While a worker has claimed a person nobody else gets that person's words, so what is counted here is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from librt.strings import read_i64_le

from engine.cap_table import MOST_RETURNS
from engine.caps import ENDS_MASK, ENDS_SHIFT, NUMBER_MASK, TAG_SHIFT, CapStore, Claim

if TYPE_CHECKING:
    from mypy_extensions import i64

GRACE_MINUTES: Final = 5
"""So far the clocks of nodes and store may differ: words are kept so much longer than they count."""

MOST_OCTETS: Final = 512
"""A person's words take no more: 64 counters that are not over."""

RETURNS_A_READ: Final = 50
_WORD: Final = 8


class Claims:
    """What the store said: its `since` and `newest` (minutes since 2020), and each person's words.

    None stands for somebody whom another worker has claimed.
    """

    __slots__ = ("newest", "since", "words")

    def __init__(self, since: i64, newest: i64, words: list[bytes | None]) -> None:
        self.since: i64 = since
        self.newest: i64 = newest
        self.words = words


class CapLink(Protocol):
    """Who asks the store; `trouble` says why it has no answer."""

    trouble: str

    def claim(self, people: list[int], minute: int) -> Claims | None:
        """Claim people for this read; None when the store did not answer in time."""

    def settle(self, counted: dict[int, tuple[bytes, int]]) -> None:
        """Give up the claims; some people have other words now, which count until a minute. Never waits."""


class CapBatch(CapStore):
    """One worker's view of the store: nothing is asked between `prepare` and `close`."""

    __slots__ = ("_at", "_claimed", "_counted", "_line", "_lines", "_link", "_person", "_returns")

    def __init__(self, link: CapLink) -> None:
        super().__init__()
        self.batched = True
        self._link = link
        self._claimed = False
        self._lines: dict[int, bytes] = {}
        self._counted: dict[int, bytes] = {}
        self._returns: list[Claim] = []
        self._line = b""
        self._person: i64 = 0
        self._at: i64 = -1

    def prepare(self, people: list[int]) -> None:
        """Claim whom the read is about, and some of those who have ads to give back."""
        self.close()
        returns = self._returns[:RETURNS_A_READ]
        wanted = dict.fromkeys(people)
        for claim in returns:
            wanted[claim.person] = None
        if not wanted:
            return
        claims = self._link.claim(list(wanted), self.minute)
        if claims is None:
            self.trouble = self._link.trouble
            return
        self._claimed = True
        self.since = claims.since
        self.newest = claims.newest - GRACE_MINUTES
        self.now = max(self.minute, self.newest)
        lines = self._lines
        for person, words in zip(wanted, claims.words, strict=True):
            if words is not None:
                lines[person] = words
        if returns:
            self._take_back(returns)

    def open(self, person: i64) -> bool:
        """Turn to one person; False when the read has no claim."""
        line = self._lines.get(person)
        if line is None:
            return False
        self._person = person
        self._line = line
        return True

    def find(self, tag: i64) -> i64:
        """Return the person's word with this tag that is not over, else 0."""
        line = self._line
        size: i64 = len(line)
        at: i64 = 0
        while at < size:
            word: i64 = read_i64_le(line, at)
            if word >> TAG_SHIFT == tag:
                self._at = at
                return word if (word >> ENDS_SHIFT) & ENDS_MASK > self.now else 0
            at += _WORD
        self._at = -1
        return 0

    def put(self, word: i64) -> bool:
        """Write a word in place of the one that was just looked for; False when the person has too many."""
        line = self._line
        at = self._at
        if at >= 0:
            if not word:
                former: i64 = read_i64_le(line, at)
                word = former - (former & NUMBER_MASK)
            line = line[:at] + _octets(word) + line[at + _WORD :]
        else:
            line = self._lasting(line) + _octets(word)
            if len(line) > MOST_OCTETS:
                self.trouble = "full"
                return False
        self._line = self._lines[self._person] = self._counted[self._person] = line
        return True

    def give_back(self, claim: Claim) -> None:
        """Take back what an ad counted with the next claims."""
        if len(self._returns) < MOST_RETURNS:
            self._returns.append(claim)

    def close(self) -> None:
        """End the read: send what was counted, and let others at its people."""
        if not self._claimed:
            return
        self._claimed = False
        counted = {person: (line, _latest(line) + GRACE_MINUTES) for person, line in self._counted.items()}
        self._counted.clear()
        self._lines.clear()
        self._link.settle(counted)

    def tidy(self) -> None:
        """Take back what waits, outside of any read."""
        if self._returns and not self._claimed:
            self.prepare([])
            self.close()

    def _take_back(self, returns: list[Claim]) -> None:
        """Take back what may be; whoever is somebody else's now waits behind those that follow."""
        del self._returns[: len(returns)]
        for claim in returns:
            if self.open(claim.person):
                claim.undo(len(claim.counters))
            else:
                self._returns.append(claim)

    def _lasting(self, line: bytes) -> bytes:
        """Return the words that are not over by any clock that is right."""
        kept = [
            line[at : at + _WORD]
            for at in range(0, len(line), _WORD)
            if _ends(line, at) + GRACE_MINUTES > self.now
        ]
        return b"".join(kept)


def _octets(word: i64) -> bytes:
    return int(word).to_bytes(_WORD, "little")


def _ends(line: bytes, at: i64) -> i64:
    word: i64 = read_i64_le(line, at)
    return (word >> ENDS_SHIFT) & ENDS_MASK


def _latest(line: bytes) -> int:
    return max(int(_ends(line, at)) for at in range(0, len(line), _WORD))
