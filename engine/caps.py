"""How many ads a subscriber has had, and whether one more may be shown: caps, spacing, competing brands.

Everything that is counted is one word of 64 bits: who and what (30 bits of a keyed hash), the UTC minute
until which it counts (25 bits, since 2020), and a number (8 bits). For caps the number is how many ads the
window has had; for distances it is for how many hours the last ad is remembered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from librt.strings import read_i32_le, read_i64_le

from engine.people import WideHash
from engine.reasons import Reason

if TYPE_CHECKING:
    from mypy_extensions import i64

    from segments.clock import LocalWindows

# Python takes 0.2 µs to look up a member of an enum, and machine code looks a global up in a dict.
_CAP_FULL: Final = Reason.CAP_FULL
_CAP_BUSY: Final = Reason.CAP_BUSY

FIRST_MINUTE: Final = 26_297_280
"""2020-01-01 00:00 UTC in minutes since 1970: minutes of the table begin here."""

TAG_BITS: Final = 30
TAG_MASK: Final = (1 << TAG_BITS) - 1
TAG_SHIFT: Final = 33
ENDS_SHIFT: Final = 8
ENDS_MASK: Final = (1 << 25) - 1
NUMBER_MASK: Final = 0xFF
_WINDOWS: Final = 3
_HOUR_MINUTES: Final = 60
# No hour, day or week of a calendar is longer: a day that clocks are set back in has 25 hours.
_LONGEST: Final = (60, 25 * 60, 169 * 60)

# What a counter counts within: an index of segments.clock.LocalWindows' ends, or one of these.
FLIGHT: Final = 3
LAST_AD: Final = 4


class Counter:
    """Something that is counted by subscriber.

    `salt` (30 bits) tells it from other counters. `window` is 0 (hour), 1 (day), 2 (week), FLIGHT, which
    lasts from minute `begins` to `ends`, or LAST_AD, which remembers an ad for `hours`.
    """

    __slots__ = ("begins", "ends", "hours", "salt", "window")

    def __init__(self, salt: i64, window: i64, ends: i64 = 0, hours: i64 = 0) -> None:
        self.salt: i64 = salt
        self.window: i64 = window
        self.begins: i64 = 0
        self.ends: i64 = ends
        self.hours: i64 = hours


class Limit:
    """No more than `most` ads in the counter's window; of LAST_AD, none within `most` minutes of the last."""

    __slots__ = ("counter", "most", "reason")

    def __init__(self, counter: Counter, most: i64, reason: Reason) -> None:
        self.counter = counter
        self.most: i64 = most
        self.reason = reason


class CapRules:
    """One campaign's: what must allow its ads, and all that counts them."""

    __slots__ = ("counters", "limits")

    def __init__(self, limits: Sequence[Limit], counters: Sequence[Counter]) -> None:
        self.limits = list(limits)
        self.counters = list(counters)


class CapStore:
    """Where words are kept, one read at a time.

    `minute` (since 2020) is what `Caps` tells, `newest` the latest that anybody has ever told, `now` the
    later one: when words are over. `trouble` is what must be alarmed. What was counted before minute `since`
    may be lost. A store that is `batched` must be told of a read's people before the first is opened.
    """

    __slots__ = ("batched", "minute", "newest", "now", "since", "trouble")

    def __init__(self) -> None:
        self.batched = False
        self.minute: i64 = 0
        self.now: i64 = 0
        self.newest: i64 = 0
        self.since: i64 = 0
        self.trouble = ""

    def prepare(self, people: list[int]) -> None:
        """Tell whom the read is about."""

    def open(self, person: i64) -> bool:  # noqa: ARG002  # the store's signature
        """Turn to one person; False when that can't be done at once."""
        return False

    def find(self, tag: i64) -> i64:  # noqa: ARG002  # the store's signature
        """Return the person's word with this tag that is not over, else 0; as it was when `open` turned."""
        return 0

    def put(self, word: i64) -> bool:  # noqa: ARG002  # the store's signature
        """Write a word in place of the one that was just looked for; False when there is no room.

        A word that was written is not looked for again before `open` turns to its person anew.
        """
        return False

    def give_back(self, claim: Claim) -> None:
        """Take back what an ad counted, now or soon: it was refused."""

    def close(self) -> None:
        """End the read."""

    def tidy(self) -> None:
        """Take back what waits, outside of any read."""


class Claim:
    """What one ad was counted by, and when those windows end (i64 each): to be given back if refused."""

    __slots__ = ("counters", "ends", "ends_at", "person", "store")

    def __init__(
        self, store: CapStore, person: i64, counters: list[Counter], ends: bytes, ends_at: i64
    ) -> None:
        self.store = store
        self.person: i64 = person
        self.counters = counters
        self.ends = ends
        self.ends_at: i64 = ends_at

    def give_back(self) -> None:
        """Take one off each, now or soon: the ad was refused, or never left."""
        self.store.give_back(self)

    def undo(self, upto: i64) -> None:
        """Take one off the first counters now; the store has just turned to the person.

        A window that is over stays as it is, and so does a distance: a refused ad keeps others away.
        """
        store = self.store
        for counter in self.counters[:upto]:
            window = counter.window
            if window == LAST_AD:
                continue
            found = store.find((self.person & TAG_MASK) ^ counter.salt)
            number = found & NUMBER_MASK
            if not 0 < number < NUMBER_MASK:
                continue
            if window != FLIGHT:
                ends: i64 = read_i64_le(self.ends, self.ends_at + window * 8)
                if (found >> ENDS_SHIFT) & ENDS_MASK != ends:
                    continue
            store.put(found - 1 if number > 1 else 0)


class Caps:
    """What a worker asks before an ad is chosen, and tells when one is.

    `limits` are those that hold for every ad. `claim` is what the last `take` has counted.
    """

    __slots__ = (
        "_ends",
        "_ends_at",
        "_minute",
        "_people",
        "_person",
        "_subscriber",
        "_windows",
        "_zones",
        "claim",
        "limits",
        "store",
    )

    def __init__(
        self, store: CapStore, people: WideHash, windows: LocalWindows, zone_of_place: Sequence[int]
    ) -> None:
        self.store = store
        self.limits: list[Limit] = []
        self.claim: Claim | None = None
        self._people = people
        self._windows = windows
        self._zones = b"".join(zone.to_bytes(4, "little") for zone in zone_of_place)
        self._ends = b""  # by time zone, when hour, day and week end
        self._ends_at: i64 = 0
        self._minute: i64 = -1
        self._person: i64 = -1
        self._subscriber = 0

    def at(self, now: float) -> None:
        """Tell the time: UTC seconds."""
        minute: i64 = int(now // 60) - FIRST_MINUTE
        store = self.store
        store.close()  # a fault may have kept the last read from it
        if minute != self._minute:
            windows = self._windows.at(minute + FIRST_MINUTE)
            self._ends = b"".join(
                (each - FIRST_MINUTE).to_bytes(8, "little") for ends in windows for each in ends
            )
            self._minute = minute
            store.minute = minute
            store.now = max(minute, store.newest)

    def ahead(self, subscribers: list[int]) -> None:
        """Tell a batched store whom the read is about, before any of them is admitted."""
        people = self._people
        self.store.prepare([people.of(each) for each in subscribers])

    def admit(self, subscriber: int, place: int) -> Reason | None:
        """Turn to a subscriber (ten digits) at a dense place index; return why no ad may be shown."""
        self._subscriber = subscriber
        zone: int = read_i32_le(self._zones, place * 4)
        self._ends_at = zone * (_WINDOWS * 8)
        self._person = -1
        self.claim = None
        limits = self.limits
        return self.refuses(limits) if limits else None

    def refuses(self, limits: list[Limit]) -> Reason | None:
        """Return why one of these does not allow an ad, the first that does not; None when all do."""
        if self._person < 0 and not self._open():
            return _CAP_BUSY
        person = self._person
        store = self.store
        since = store.since
        for limit in limits:
            counter = limit.counter
            if since and self._begins(limit) < since:
                store.trouble = "forgot"
                return _CAP_BUSY
            word = store.find((person & TAG_MASK) ^ counter.salt)
            if not word:
                continue
            ends = (word >> ENDS_SHIFT) & ENDS_MASK
            number = word & NUMBER_MASK
            if counter.window == LAST_AD:
                if self._minute - (ends - number * _HOUR_MINUTES) <= limit.most:
                    return limit.reason
            elif number >= limit.most or (counter.window != FLIGHT and ends > self._ends_of(counter)):
                return limit.reason  # a later window: some clock is ahead of ours
        return None

    def take(self, counters: list[Counter]) -> Reason | None:
        """Count an ad; return why it can't be counted, and so must not be sent."""
        if self._person < 0 and not self._open():
            return _CAP_BUSY
        person = self._person
        store = self.store
        claim = Claim(store, person, counters, self._ends, self._ends_at)
        for taken, counter in enumerate(counters):
            tag = (person & TAG_MASK) ^ counter.salt
            found = store.find(tag)
            if counter.window == LAST_AD:
                ends = self._minute + counter.hours * _HOUR_MINUTES
                number = counter.hours
            else:
                ends = self._ends_of(counter)
                number = 1
                if found:
                    ends = max(ends, (found >> ENDS_SHIFT) & ENDS_MASK)
                    number = min((found & NUMBER_MASK) + 1, NUMBER_MASK)
            word = tag << TAG_SHIFT | ends << ENDS_SHIFT | number
            if not store.put(word):
                store.open(person)
                claim.undo(taken)
                return _CAP_FULL
        self.claim = claim
        return None

    def _open(self) -> bool:
        person = self._people.of(self._subscriber)
        store = self.store
        if not store.open(person):
            return False
        if store.newest > self._minute:  # windows that are over by another clock may be forgotten
            store.trouble = "clock"
            return False
        self._person = person
        return True

    def _begins(self, limit: Limit) -> i64:
        """Return the minute from which on ads matter to a limit, or one before."""
        counter = limit.counter
        window = counter.window
        if window == FLIGHT:
            return counter.begins
        if window == LAST_AD:
            return self._minute - limit.most
        longest: i64 = _LONGEST[window]
        return self._ends_of(counter) - longest

    def _ends_of(self, counter: Counter) -> i64:
        if counter.window == FLIGHT:
            return counter.ends
        ends: i64 = read_i64_le(self._ends, self._ends_at + counter.window * 8)
        return ends
