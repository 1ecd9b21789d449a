"""Calls to response numbers on the hot path: whose number was called, and what its lead is on the disk.

A lead journal is a journal (engine/journal.py has its frames) whose entries are LEAD_OCTETS long:

    kind u8 · 3 octets of zero · assignment u32 · at u64 (microseconds since 1970 UTC)
    · caller 36 octets (adapters/files/leads_key.py seals it) · 12 octets of zero
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Final, NamedTuple

from segments.numbers import NATIONAL_DIGITS, national

LEAD: Final = Struct("<B3xIQ36s12x")
LEAD_OCTETS: Final = 64
LEAD_KIND: Final = 40
ABOUT: Final = Struct("<IQ")
"""What a sealed caller is bound to in a journal: assignment and instant."""

MICROSECONDS: Final = 1_000_000
LONGEST_NUMBER: Final = 15
"""Digits of an international number (E.164)."""

_SHORTEST_CALLER: Final = 7
_PREFIXES: Final = ("", "52", "521", "+52", "+521", "0052", "00521", "044", "045", "01", "02")
_NOT_LIVE: Final = 0

Seal = Callable[[int, bytes], bytes]
"""Encrypts a number, bound to what it is given beside it."""


class LiveNumber(NamedTuple):
    """A response number, its assignment, and from when to when that holds (UTC seconds, half open)."""

    digits: str
    assignment: int
    starts: float
    ends: float


class LeadCall(NamedTuple):
    """One call as a lead journal has it; `at` in microseconds since 1970 UTC."""

    assignment: int
    at: int
    sealed: bytes

    @property
    def about(self) -> bytes:
        """What the sealed caller is bound to."""
        return ABOUT.pack(self.assignment, self.at)


class HeldCall:
    """A call that waits for its lead to be on the disk: the request as it came, the message_id it gets."""

    __slots__ = ("message_id", "original")

    def __init__(self, original: bytes, message_id: bytes) -> None:
        self.original = original
        self.message_id = message_id


class Responses:
    """The response numbers that one worker knows; `now` (UTC seconds) is set by the caller at each read.

    `seal` encrypts callers, `append` writes one frame of the lead journal, `name` begins each message_id.
    """

    __slots__ = ("_answered", "_append", "_forms", "_name", "_noted", "_seal", "now")

    def __init__(self, seal: Seal, append: Callable[[bytes], bool], name: str) -> None:
        self._seal = seal
        self._append = append
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
        """Note a call from a source_addr (without its NUL); False when that is nobody's number."""
        caller = caller_of(source)
        if not caller:
            return False
        at = int(self.now * MICROSECONDS)
        sealed = self._seal(caller, ABOUT.pack(assignment, at))
        self._noted.append(LEAD.pack(LEAD_KIND, assignment, at, sealed))
        return True

    def keep(self) -> bool:
        """Write what was noted to the lead journal; False when it could not be written whole."""
        entries = b"".join(self._noted)
        self._noted.clear()
        return self._append(entries)

    def message_id(self) -> bytes:
        """Return a message_id that nobody had before, as a C-octet string."""
        self._answered += 1
        return f"{self._name}{self._answered:x}\0".encode()


def written_forms(digits: str) -> Sequence[bytes]:
    """Return how a response number may stand in a destination_addr."""
    forms = [digits, f"+{digits}"]
    if len(digits) == NATIONAL_DIGITS:
        forms += [prefix + digits for prefix in _PREFIXES]
    return [form.encode() for form in dict.fromkeys(forms)]


def caller_of(source: bytes) -> int:
    """Return a caller as a number: ten digits for a Mexican one, else all digits; 0 when it is none."""
    mexican = national(source)
    if mexican:
        return mexican
    digits = source.removeprefix(b"+").removeprefix(b"00")
    if not digits.isdigit() or not _SHORTEST_CALLER <= len(digits) <= LONGEST_NUMBER:
        return 0
    return int(digits)


def calls_of(body: bytes) -> Sequence[LeadCall]:
    """Return the calls of a lead journal's frame."""
    return [
        LeadCall(assignment, at, sealed)
        for kind, assignment, at, sealed in LEAD.iter_unpack(body)
        if kind == LEAD_KIND
    ]
