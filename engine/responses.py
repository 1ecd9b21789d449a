"""Calls to response numbers, and words to the short code: whose they are, and what they are on the disk.

A lead journal is a journal of the usual format (engine/journal.py) whose entries are of the kind LEAD. In
place of the usual fields they have the assignment in `campaign`, the second of the call (since 1970 UTC) in
`creative_version`, its microseconds in `place`, and the caller, sealed (segments/seal.py), in `number`. A
word (kind WORD) has its number in `campaign`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from engine.journal import ENTRY, Entry, Frame, Kind
from segments.numbers import NATIONAL_DIGITS, national

MICROSECONDS: Final = 1_000_000

_LEAD: Final = Kind.LEAD.value
_WORD: Final = Kind.WORD.value
_HOUR_S: Final = 3600
_PREFIXES: Final = ("", "52", "521", "+52", "+521", "0052", "00521", "044", "045", "01", "02")
_NOT_LIVE: Final = 0


class Sealing(Protocol):
    """What hides a subscriber's number."""

    def of(self, number: int) -> int:
        """Return a number sealed."""


class LeadJournal(Protocol):
    """Where leads are kept."""

    def append(self, entries: bytes) -> bool:
        """Write one frame of packed entries; False when it could not be written whole."""


class LiveNumber(NamedTuple):
    """A response number, its assignment, and from when to when that holds (UTC seconds, half open)."""

    digits: str
    assignment: int
    starts: float
    ends: float


class LeadCall(NamedTuple):
    """One call as a lead journal has it: `at` in UTC seconds, `caller` sealed."""

    assignment: int
    at: float
    caller: int


class WordWritten(NamedTuple):
    """One word as a lead journal has it: which, `at` in UTC seconds, who wrote it, sealed."""

    word: int
    at: float
    subscriber: int


class HeldCall:
    """A call that waits for its lead to be on the disk: the request as it came, the message_id it gets."""

    __slots__ = ("message_id", "original")

    def __init__(self, original: bytes, message_id: bytes) -> None:
        self.original = original
        self.message_id = message_id


class Responses:
    """The response numbers that one worker knows; `now` (UTC seconds) is set by the caller at each read.

    `name` begins each message_id.
    """

    __slots__ = ("_answered", "_forms", "_journal", "_name", "_noted", "_seal", "now")

    def __init__(self, seal: Sealing, journal: LeadJournal, name: str) -> None:
        self._seal = seal
        self._journal = journal
        self._name = name
        self._answered = 0
        self._noted: list[bytes] = []
        self._forms: Mapping[bytes, Sequence[LiveNumber]] = {}
        self.now = 0.0

    def hear(self, numbers: Iterable[LiveNumber]) -> None:
        """Take over all numbers that are assigned, now or later."""
        forms: dict[bytes, list[LiveNumber]] = {}
        for number in numbers:
            for form in written_forms(number.digits):
                forms.setdefault(form, []).append(number)
        self._forms = forms

    def assignment(self, destination: bytes) -> int:
        """Return whose number a destination_addr (without its NUL) is now; 0 for nobody's."""
        known = self._forms.get(destination)
        if known is None:
            return _NOT_LIVE
        now = self.now
        for number in known:
            if number.starts <= now < number.ends:
                return number.assignment
        return _NOT_LIVE

    def called(self, assignment: int, source: bytes) -> bool:
        """Note a call from a source_addr (without its NUL); False when that is no Mexican subscriber."""
        caller = national(source)
        if not caller:
            return False
        self._noted.append(_entry(_LEAD, assignment, self.now, self._seal.of(caller)))
        return True

    def keep(self) -> bool:
        """Write what was noted to the lead journal; False when it could not be written whole."""
        entries = b"".join(self._noted)
        self._noted.clear()
        return self._journal.append(entries)

    def message_id(self) -> bytes:
        """Return a message_id that nobody had before, as a C-octet string."""
        self._answered += 1
        return f"{self._name}{self._answered:x}\0".encode()


def word_entry(word: int, at: float, subscriber: int) -> bytes:
    """Return the entry of a word that a subscriber, sealed, wrote at UTC seconds."""
    return _entry(_WORD, word, at, subscriber)


def _entry(kind: int, what: int, at: float, who: int) -> bytes:
    second = int(at)
    micros = int((at - second) * MICROSECONDS)
    return ENTRY.pack(kind, 0, 0, what, second, micros, second // _HOUR_S, who)


def written_forms(digits: str) -> Sequence[bytes]:
    """Return how a response number may stand in a destination_addr."""
    forms = [digits, f"+{digits}"]
    if len(digits) == NATIONAL_DIGITS:
        forms += [prefix + digits for prefix in _PREFIXES]
    return [form.encode() for form in dict.fromkeys(forms)]


def calls_of(frame: Frame) -> Sequence[LeadCall]:
    """Return the calls of a lead journal's frame."""
    return [LeadCall(*_read(entry)) for entry in frame.entries if entry.kind == _LEAD]


def words_of(frame: Frame) -> Sequence[WordWritten]:
    """Return the words of a lead journal's frame."""
    return [WordWritten(*_read(entry)) for entry in frame.entries if entry.kind == _WORD]


def _read(entry: Entry) -> tuple[int, float, int]:
    return entry.campaign, entry.creative_version + entry.place / MICROSECONDS, entry.number
