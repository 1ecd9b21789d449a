"""Which ad? A draw from the plan's row for the cell, then the cell's lag list; else none, with a reason."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i32_le

from engine.breaker import Tally
from engine.caps import CapRules, Caps
from engine.composition import Suffix
from engine.leasebook import Lease
from engine.reasons import Reason
from engine.subject import Subject
from inventory.blackouts import PlannedBlackout
from inventory.plan import LITTLE_ENDIAN, MAX_ROOM, ROOM_CLASS_OF, ROOM_CLASSES, Plan, PlannedCampaign
from segments.callers import CallerList

if TYPE_CHECKING:
    from mypy_extensions import i64

# Python takes 0.2 µs to look up a member of an enum, and machine code looks a global up in a dict.
_STOPPED: Final = Reason.STOPPED
_NO_LEASE: Final = Reason.NO_LEASE
_NO_ROOM: Final = Reason.NO_ROOM
_NO_CAMPAIGN: Final = Reason.NO_CAMPAIGN
_CAMPAIGN_HOURS: Final = Reason.CAMPAIGN_HOURS
_NO_CONSENT: Final = Reason.NO_CONSENT
_EXCLUDED_CALLER: Final = Reason.EXCLUDED_CALLER
_BLACKOUT: Final = Reason.BLACKOUT
_CAP_BUSY: Final = Reason.CAP_BUSY
_ROOM_CLASS_OF: Final = ROOM_CLASS_OF

_REASON_OF_VACANCY: Final = (
    Reason.NO_CAMPAIGN,
    Reason.NO_CAMPAIGN,
    Reason.NO_ROOM,
    Reason.ON_PACE,
    Reason.CAMPAIGN_HOURS,
    Reason.BLACKOUT,
)
_DAY_MINUTES: Final = 1440
_ZONES: Final = 64

# A new plan comes every second, mostly with the texts of the one before.
_suffix = lru_cache(maxsize=8192)(Suffix)


class Creative:
    """One text ready to be appended, with the offer it belongs to."""

    __slots__ = ("offer", "suffix", "tally", "version", "weight")

    def __init__(self, offer: Offer, version: int, suffix: Suffix, weight: int, tally: Tally) -> None:
        self.offer = offer
        self.tally = tally
        self.version = version
        self.suffix = suffix
        self.weight = weight

    def fits(self, room: int, wide: bool, alphabet: int) -> bool:
        """Tell whether the text goes into `room` (septets, or UCS-2 units when `wide`)."""
        suffix = self.suffix
        size = suffix.units if wide else suffix.septets
        return size <= room and suffix.octets[alphabet] is not None


class Darkness:
    """A blackout as the hot path sees it: from `begins` to `ends` (UTC seconds), a bit for each place."""

    __slots__ = ("begins", "ends", "places")

    def __init__(self, planned: PlannedBlackout) -> None:
        self.begins: float = planned.begins
        self.ends: float = planned.ends
        self.places: bytes = planned.places


class Offer:
    """A campaign as the hot path sees it: its window, its hours, its lease, its creatives.

    `tallies` are those of the harm breaker that count already, by creative version. `test_places` is None
    but for test campaigns, `caps` where nobody counts its ads by subscriber, `callers` where none is
    excluded. `brand` and `category` are scopes of consent. `dark` are the blackouts of its category by their
    beginning, None where there are none. `texts` are all there are, `creatives` those that may be served.
    """

    __slots__ = (
        "brand",
        "callers",
        "caps",
        "category",
        "closes",
        "creatives",
        "dark",
        "hours",
        "lease",
        "number",
        "opens",
        "planned",
        "test_places",
        "texts",
    )

    def __init__(
        self,
        planned: PlannedCampaign,
        lease: Lease,
        separator: str,
        tallies: Mapping[int, Tally] | None = None,
        caps: CapRules | None = None,
        dark: list[Darkness] | None = None,
    ) -> None:
        known = tallies or {}
        self.planned = planned
        self.caps = caps
        self.dark = dark
        self.brand = f"brand:{planned.brand}"
        self.category = f"category:{planned.category}"
        self.callers = CallerList(planned.exclude_callers) if planned.exclude_callers else None
        self.number = planned.number
        self.opens = planned.opens
        self.closes = planned.closes
        self.hours = planned.hours
        self.test_places = None if planned.test_places is None else frozenset(planned.test_places)
        self.lease = lease
        self.texts = [
            Creative(
                self,
                creative.version,
                _suffix(separator, creative.text),
                creative.weight,
                known.get(creative.version) or Tally(planned.number, creative.version),
            )
            for creative in planned.creatives
        ]
        self.creatives = self.texts

    def leave_out(self, harmful: frozenset[int]) -> None:
        """Serve all texts but harmful versions from now on."""
        self.creatives = self.texts
        if harmful:
            self.creatives = [each for each in self.texts if each.version not in harmful]

    def within_hours(self, minute_of_week: int) -> bool:
        """Tell whether the subscriber's clock (minutes since Monday 00:00) lies in the campaign's hours."""
        weekday, minute = divmod(minute_of_week, _DAY_MINUTES)
        for days, start, end in self.hours:
            if start < end:
                if weekday in days and start <= minute < end:
                    return True
            elif (minute >= start and weekday in days) or (minute < end and (weekday - 1) % 7 in days):
                return True
        return False


class Decision:
    """One plan, ready to choose from. Replaced whole when a new plan comes.

    `minute_of_week` gives the local minute by dense place index's time zone, set by the caller
    together with `now` (UTC seconds) through `at`. `testers` are the subscribers whom test campaigns
    serve, None while none runs.
    """

    __slots__ = (
        "_group_of_place",
        "_in_hours",
        "_lag_slot",
        "_lag_start",
        "_offers",
        "_random",
        "_row_end",
        "_row_share",
        "_row_slot",
        "_row_start",
        "_subject",
        "_tests",
        "_vacancy",
        "_zone_of_place",
        "minutes",
        "now",
        "testers",
    )

    def __init__(
        self,
        plan: Plan,
        offers: Sequence[Offer],
        zone_of_place: Sequence[int],
        random: Callable[[], float],
        subject: Subject | None = None,
    ) -> None:
        self._group_of_place = _octets("i", plan.group_of_place)
        self._vacancy = bytes(plan.vacancy)
        self._row_start = _octets("i", plan.row_start)
        self._row_end = _octets("i", plan.row_end)
        self._row_share = _octets("d", plan.row_share)
        self._row_slot = _octets("i", plan.row_slot)
        self._lag_start = _octets("i", plan.lag_start)
        self._lag_slot = _octets("i", plan.lag_slot)
        self._offers = list(offers)
        self._zone_of_place = _octets("i", zone_of_place)
        self._random = random
        self._subject = Subject() if subject is None else subject
        self._in_hours: dict[int, bool] = {}
        self.now = 0.0
        self.minutes: Sequence[int] = ()
        self._tests: list[Offer] = []
        self.testers: frozenset[int] | None = None

    def serve_tests(self, tests: Sequence[Offer], testers: frozenset[int]) -> None:
        """Serve test campaigns to some subscribers."""
        if tests and testers:
            self._tests = list(tests)
            self.testers = testers

    def at(self, now: float, minutes: Sequence[int]) -> None:
        """Tell the time: UTC seconds, and the minute of the week by time zone index."""
        self.now = now
        if minutes != self.minutes:  # each route has a clock of its own that says the same
            self.minutes = minutes
            self._in_hours.clear()

    def choose(
        self, place: int, room: int, wide: bool, alphabet: int, caps: Caps | None = None
    ) -> Creative | Reason:
        """Return the creative for one notification, or why there is none.

        `place` is the dense place index; `room` counts what is left beside body and separator,
        in septets or UCS-2 units (`wide`). `caps` has turned to its subscriber. Takes no lease unit.
        """
        if room <= 0:
            return _NO_ROOM
        group: int = read_i32_le(self._group_of_place, place * 4)
        cell: i64 = group * ROOM_CLASSES + _ROOM_CLASS_OF[min(room, MAX_ROOM)]
        slot = self._draw(cell)
        at: i64 = -1  # the lag list is looked up when the draw has failed
        end: i64 = 0
        first_refusal: Reason | None = None
        while True:
            if slot >= 0:
                offer = self._offers[slot]
                lease = offer.lease
                outcome: Creative | Reason
                if lease.stopped:
                    outcome = _STOPPED
                elif lease.held <= 0:
                    lease.missed = True
                    outcome = _NO_LEASE
                else:
                    outcome = self._serve(offer, place, room, wide, alphabet)
                    if isinstance(outcome, Creative):
                        rules = offer.caps
                        if rules is None or not rules.limits:
                            return outcome
                        refused = _CAP_BUSY if caps is None else caps.refuses(rules.limits)
                        if refused is None:
                            return outcome
                        outcome = refused
                if first_refusal is None:
                    first_refusal = outcome
            if at < 0:
                at = _at(self._lag_start, cell)
                end = _at(self._lag_start, cell + 1)
            if at == end:
                return first_refusal or _REASON_OF_VACANCY[self._vacancy[cell]]
            slot = _at(self._lag_slot, at)
            at += 1

    def choose_test(self, place: int, room: int, wide: bool, alphabet: int) -> Creative | None:
        """Return a creative of a test campaign for one of `testers`, of any that may serve, or None."""
        tests = self._tests
        first = int(self._random() * len(tests))
        for offer in tests[first:] + tests[:first]:
            lease = offer.lease
            if lease.stopped or offer.test_places is None or place not in offer.test_places:
                continue
            if lease.held <= 0:
                lease.missed = True
                continue
            outcome = self._serve(offer, place, room, wide, alphabet)
            if isinstance(outcome, Creative):
                return outcome
        return None

    def _draw(self, cell: i64) -> int:
        """Return the slot that a random draw takes from the cell's row, or -1 (RESEARCH: SHALE, step 3)."""
        low = _at(self._row_start, cell)
        end = high = _at(self._row_end, cell)
        if low == high:
            return -1
        share = self._row_share
        u = self._random()
        while low < high:
            middle = (low + high) >> 1
            if read_f64_le(share, middle * 8) > u:
                high = middle
            else:
                low = middle + 1
        return _at(self._row_slot, low) if low < end else -1

    def _serve(self, offer: Offer, place: int, room: int, wide: bool, alphabet: int) -> Creative | Reason:
        """Return a creative of an offer that has a unit to spend, or why it may not have one now."""
        if not offer.opens <= self.now < offer.closes:
            return _NO_CAMPAIGN
        subject = self._subject
        choice = subject.choice
        if choice is not None and not choice.allows(offer.category, offer.brand):
            return _NO_CONSENT
        if offer.callers is not None and subject.caller in offer.callers:
            return _EXCLUDED_CALLER
        if offer.hours and not self._hours_allow(offer, place):
            return _CAMPAIGN_HOURS
        if offer.dark is not None and _is_dark(offer.dark, place, self.now):
            return _BLACKOUT
        creatives = offer.creatives
        if len(creatives) == 1:
            only = creatives[0]
            return only if only.fits(room, wide, alphabet) else _NO_ROOM
        return self._rotate([creative for creative in creatives if creative.fits(room, wide, alphabet)])

    def _rotate(self, fitting: list[Creative]) -> Creative | Reason:
        """Draw by weight among the creatives that fit."""
        left = self._random() * sum(creative.weight for creative in fitting)
        for creative in fitting:
            left -= creative.weight
            if left < 0:
                return creative
        return fitting[-1] if fitting else _NO_ROOM

    def _hours_allow(self, offer: Offer, place: int) -> bool:
        zone: int = read_i32_le(self._zone_of_place, place * 4)
        key = offer.number * _ZONES + zone
        allowed = self._in_hours.get(key)
        if allowed is None:
            allowed = self._in_hours[key] = offer.within_hours(self.minutes[zone])
        return allowed


def _at(octets: bytes, index: i64) -> i64:
    """Return the number at an index of a packed array of 32 bits each."""
    number: int = read_i32_le(octets, index * 4)
    return number


def _is_dark(blackouts: list[Darkness], place: i64, now: float) -> bool:
    """Tell whether one of the blackouts, by their beginning, holds at a place now."""
    for each in blackouts:
        if now < each.begins:
            return False
        if now < each.ends and each.places[place >> 3] >> (place & 7) & 1:
            return True
    return False


def _octets(code: str, numbers: Sequence[float]) -> bytes:
    """Return an array's octets, little endian: how machine code reads it fastest."""
    if isinstance(numbers, memoryview) and LITTLE_ENDIAN:
        read = numbers.obj
        return read if isinstance(read, bytes) and len(read) == numbers.nbytes else bytes(numbers)
    packed: array[float] = array(code, numbers)
    if not LITTLE_ENDIAN:
        packed.byteswap()
    return packed.tobytes()
