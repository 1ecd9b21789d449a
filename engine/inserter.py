"""One route's way from a located request to a creative, or to the reason why there is none."""

from collections.abc import Sequence
from typing import Final

from engine.audience import AudienceRule
from engine.caps import Caps, Claim
from engine.composition import Coding, DefaultAlphabet, Room, codings, septets_of, units_of
from engine.decision import Creative, Decision
from engine.people import PeopleHash
from engine.predicate import Predicate
from engine.reasons import Reason
from engine.subject import Subject
from engine.supply import SupplyCounter
from segments.clock import LocalClock
from segments.numbering import Numbering
from segments.numbers import national

_MINUTE_S: Final = 60
_STARTING: Final = Reason.STARTING
_NOT_A_SUBSCRIBER: Final = Reason.NOT_A_SUBSCRIBER
_ALPHABET_MISMATCH: Final = Reason.ALPHABET_MISMATCH
_WOULD_INSERT: Final = Reason.WOULD_INSERT
_CAP_BUSY: Final = Reason.CAP_BUSY
_CALLS: Final = (None, Reason.REPLACEABLE, Reason.DATA_CODING)


class Clock:
    """The minute of the week by time zone, recomputed when the UTC minute changes (either way)."""

    __slots__ = ("_ends", "_local", "_starts", "minutes")

    def __init__(self, local: LocalClock) -> None:
        self._local = local
        self._starts = self._ends = 0.0
        self.minutes: Sequence[int] = ()

    def turned(self, now: float) -> bool:
        """Tell whether `now` (UTC seconds) lies in another minute than before, and set `minutes`."""
        if self._starts <= now < self._ends:
            return False
        self.minutes = self._local.at(now)  # first: after a fault here the next read tries again
        self._starts = now - now % _MINUTE_S
        self._ends = self._starts + _MINUTE_S
        return True


class Inserter:
    """Chooses for one route; all routes of a worker share the decision, the clock and the gate.

    `mismatches` counts bodies that did not fit their alphabet, until somebody resets it.
    `gate` is the reason why no notification gets an ad at the moment, None when ads are on.
    `supply` counts every notification that could carry an ad, whether or not it gets one.
    `people` hashes who gets an ad; without it `person` stays 0. `caps` counts ads by subscriber, None where
    nobody asks for that; `claim` is what it counted for the last creative. `subject` is what rules and
    campaigns ask about; whoever calls `consider` sets its caller where it wants one.
    """

    __slots__ = (
        "_audience",
        "_clock",
        "_codes",
        "_coding",
        "_codings",
        "_index",
        "_left",
        "_numbering",
        "_predicate",
        "_room",
        "_separator_septets",
        "_separator_units",
        "_subscriber",
        "caps",
        "claim",
        "decision",
        "gate",
        "mismatches",
        "observe",
        "people",
        "person",
        "place",
        "subject",
        "suffix",
        "supply",
    )

    def __init__(
        self,
        numbering: Numbering,
        predicate: Predicate,
        audience: Sequence[AudienceRule],
        clock: LocalClock,
        default_alphabet: DefaultAlphabet,
        separator: str,
        *,
        observe: bool = False,
        subject: Subject | None = None,
    ) -> None:
        self._numbering = numbering
        self._codes = [place.code for place in numbering.places]
        self._predicate = predicate
        self._audience = list(audience)
        self._clock = Clock(clock)
        self._codings = codings(default_alphabet)
        self._separator_septets = septets_of(separator)
        self._separator_units = units_of(separator)
        self.decision: Decision | None = None
        self.gate: Reason | None = Reason.STARTING
        self.subject = Subject() if subject is None else subject
        self.observe = observe
        self.mismatches = 0
        self.people: PeopleHash | None = None
        self.caps: Caps | None = None
        self.claim: Claim | None = None
        self.person = 0
        self.place = 0
        self.suffix = b""
        self.supply = SupplyCounter(self._codes)
        self._coding: Coding = self._codings[0]
        self._room: Room | None = None
        self._index = self._left = self._subscriber = 0

    def at(self, now: float) -> None:
        """Tell the time (UTC seconds) once a read."""
        clock = self._clock
        if clock.turned(now):
            for rule in self._audience:
                rule.at(clock.minutes)
        if self.decision is not None:
            self.decision.at(now, clock.minutes)
        if self.caps is not None:
            self.caps.at(now)

    def ask(self, predicate: Predicate, audience: Sequence[AudienceRule]) -> None:
        """Take over another predicate and audience, from the next notification on."""
        self._predicate = predicate
        self._audience = list(audience)
        minutes = self._clock.minutes
        if minutes:
            for rule in self._audience:
                rule.at(minutes)

    def consider(self, service_type: bytes, destination: bytes, word: int, body: bytes) -> Creative | Reason:
        """Return the creative to append, or the reason for none.

        With a creative, `place` holds the place code, `person` the hash of who gets it and `suffix` the
        octets to append.

        `word` is engine.predicate.Header.word, `destination` the destination_addr without its NUL.
        Takes no lease unit.
        """
        decision = self.decision
        if decision is None:
            return _STARTING
        refused = self.supplied(service_type, destination, word, body)
        if refused is not None:
            return refused
        if decision.testers is not None:
            tested = self._tested(decision, decision.testers)
            if tested is not None:
                return tested
        place = self._index
        for rule in self._audience:
            refused = rule.refuses(self._subscriber, place)
            if refused is not None:
                return refused
        caps = self.caps
        if caps is not None:
            self.claim = None
            refused = caps.admit(self._subscriber, place)
            if refused is not None:
                return refused
        room = self._room
        if room is None:
            self.mismatches += 1
            return _ALPHABET_MISMATCH
        alphabet = self._coding.alphabet
        chosen = decision.choose(place, self._left, room.wide, alphabet, caps)
        if not isinstance(chosen, Creative):
            return chosen
        if self.observe:
            return _WOULD_INSERT
        rules = chosen.offer.caps
        if rules is not None and rules.counters:
            refused = _CAP_BUSY if caps is None else caps.take(rules.counters)
            if refused is not None:
                return refused
            self.claim = caps.claim if caps is not None else None
        self._prepare(chosen, alphabet)
        return chosen

    def _tested(self, decision: Decision, testers: frozenset[int]) -> Creative | None:
        """Return what a test campaign has for one of its subscribers, whatever the audience's rules say.

        What it gets is no supply: nobody else could have had it.
        """
        room = self._room
        if room is None or self._subscriber not in testers:
            return None
        subject = self.subject
        subject.choice = None
        register = subject.register
        if register is not None:
            register.look(self._subscriber)
            if register.suppressed:
                return None  # suppression always applies
        alphabet = self._coding.alphabet
        chosen = decision.choose_test(self._index, self._left, room.wide, alphabet)
        if chosen is not None:
            self.supply.unseen(self._index, self._left, room.wide)
            self._prepare(chosen, alphabet)
        return chosen

    def _prepare(self, chosen: Creative, alphabet: int) -> None:
        people = self.people
        if people is not None:
            self.person = people.of(self._subscriber)
        self.place = self._codes[self._index]
        self.suffix = chosen.suffix.octets[alphabet] or b""

    def ahead(self, service_type: bytes, destination: bytes, word: int) -> int:
        """Return whom a request is for (ten digits) if it could carry an ad, else 0; nothing is counted."""
        if self._predicate.refuses(service_type, word) is not None:
            return 0
        return national(destination)

    def may_call(self, service_type: bytes, word: int) -> bool:
        """Tell whether a request is a whole notification, of whatever body: it may be a call to a number."""
        return self._predicate.refuses(service_type, word) in _CALLS

    def supplied(self, service_type: bytes, destination: bytes, word: int, body: bytes) -> Reason | None:
        """Count a notification that could carry an ad, or return why it could not.

        A body that does not fit its alphabet could not, and is not counted; `consider` says so in its turn.
        """
        refused = self._predicate.refuses(service_type, word)
        if refused is not None:
            return refused
        subscriber = national(destination)
        place = self._numbering.place_of(subscriber) if subscriber else -1
        if place < 0:
            return _NOT_A_SUBSCRIBER
        self._subscriber = subscriber
        self._index = place
        self._coding = coding = self._codings[word >> 16 & 0xFF]
        self._room = room = coding.room(body)
        if room is not None:
            wide = room.wide
            self._left = room.characters - (self._separator_units if wide else self._separator_septets)
            self.supply.seen(place, self._left, wide)
        return None
