"""Which ad? A draw from the plan's row for the cell, then the cell's lag list; else none, with a reason."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from engine.composition import Alphabet, Suffix
from engine.leasebook import Lease
from engine.reasons import Reason
from inventory.plan import MAX_ROOM, ROOM_CLASS_OF, ROOM_CLASSES, Plan, PlannedCampaign

# Python 3.11 takes 0.2 µs to look up a member of an enum.
_STOPPED = Reason.STOPPED
_NO_LEASE = Reason.NO_LEASE

_REASON_OF_VACANCY = (Reason.NO_CAMPAIGN, Reason.NO_CAMPAIGN, Reason.NO_ROOM, Reason.ON_PACE)
_DAY_MINUTES = 1440

# A new plan comes every second, mostly with the texts of the one before.
_suffix = lru_cache(maxsize=8192)(Suffix)


class Creative:
    """One text ready to be appended, with the offer it belongs to."""

    __slots__ = ("offer", "suffix", "version", "weight")

    def __init__(self, offer: "Offer", version: int, suffix: Suffix, weight: int) -> None:
        self.offer = offer
        self.version = version
        self.suffix = suffix
        self.weight = weight

    def fits(self, room: int, wide: bool, alphabet: Alphabet) -> bool:
        """Tell whether the text goes into `room` (septets, or UCS-2 units when `wide`)."""
        suffix = self.suffix
        size = suffix.units if wide else suffix.septets
        return size <= room and suffix.octets[alphabet] is not None


class Offer:
    """A campaign as the hot path sees it: its window, its hours, its lease, its creatives."""

    __slots__ = ("closes", "creatives", "hours", "lease", "number", "opens")

    def __init__(self, planned: PlannedCampaign, lease: Lease, separator: str) -> None:
        self.number = planned.number
        self.opens = planned.opens
        self.closes = planned.closes
        self.hours = planned.hours
        self.lease = lease
        self.creatives = [
            Creative(self, creative.version, _suffix(separator, creative.text), creative.weight)
            for creative in planned.creatives
        ]

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
    together with `now` (UTC seconds) through `at`.
    """

    __slots__ = (
        "_group_of_place",
        "_in_hours",
        "_lag_slot",
        "_lag_start",
        "_offers",
        "_random",
        "_row_share",
        "_row_slot",
        "_row_start",
        "_vacancy",
        "_zone_of_place",
        "minutes",
        "now",
    )

    def __init__(
        self,
        plan: Plan,
        offers: Sequence[Offer],
        zone_of_place: Sequence[int],
        random: Callable[[], float],
    ) -> None:
        self._group_of_place = plan.group_of_place
        self._vacancy = plan.vacancy
        self._row_start = plan.row_start
        self._row_share = plan.row_share
        self._row_slot = plan.row_slot
        self._lag_start = plan.lag_start
        self._lag_slot = plan.lag_slot
        self._offers = offers
        self._zone_of_place = zone_of_place
        self._random = random
        self._in_hours: dict[tuple[int, int], bool] = {}
        self.now = 0.0
        self.minutes: Sequence[int] = ()

    def at(self, now: float, minutes: Sequence[int]) -> None:
        """Tell the time: UTC seconds, and the minute of the week by time zone index."""
        self.now = now
        if minutes != self.minutes:  # each route has a clock of its own that says the same
            self.minutes = minutes
            self._in_hours.clear()

    def choose(self, place: int, room: int, wide: bool, alphabet: Alphabet) -> Creative | Reason:
        """Return the creative for one notification, or why there is none.

        `place` is the dense place index; `room` counts what is left beside body and separator,
        in septets or UCS-2 units (`wide`). Takes no lease unit.
        """
        if room <= 0:
            return Reason.NO_ROOM
        cell = self._group_of_place[place] * ROOM_CLASSES + ROOM_CLASS_OF[min(room, MAX_ROOM)]
        slot = self._draw(cell)
        at = self._lag_start[cell]
        end = self._lag_start[cell + 1]
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
                        return outcome
                if first_refusal is None:
                    first_refusal = outcome
            if at == end:
                return first_refusal or _REASON_OF_VACANCY[self._vacancy[cell]]
            slot = self._lag_slot[at]
            at += 1

    def _draw(self, cell: int) -> int:
        """Return the slot that a random draw takes from the cell's row, or -1 (RESEARCH: SHALE, step 3)."""
        low = self._row_start[cell]
        end = high = self._row_start[cell + 1]
        if low == high:
            return -1
        share = self._row_share
        u = self._random()
        while low < high:
            middle = (low + high) >> 1
            if share[middle] > u:
                high = middle
            else:
                low = middle + 1
        return self._row_slot[low] if low < end else -1

    def _serve(
        self, offer: Offer, place: int, room: int, wide: bool, alphabet: Alphabet
    ) -> Creative | Reason:
        """Return a creative of an offer that has a unit to spend, or why it may not have one now."""
        if not offer.opens <= self.now < offer.closes:
            return Reason.NO_CAMPAIGN
        if offer.hours and not self._hours_allow(offer, self._zone_of_place[place]):
            return Reason.CAMPAIGN_HOURS
        creatives = offer.creatives
        if len(creatives) == 1:
            only = creatives[0]
            return only if only.fits(room, wide, alphabet) else Reason.NO_ROOM
        return self._rotate([creative for creative in creatives if creative.fits(room, wide, alphabet)])

    def _rotate(self, fitting: list[Creative]) -> Creative | Reason:
        """Draw by weight among the creatives that fit."""
        left = self._random() * sum(creative.weight for creative in fitting)
        for creative in fitting:
            left -= creative.weight
            if left < 0:
                return creative
        return fitting[-1] if fitting else Reason.NO_ROOM

    def _hours_allow(self, offer: Offer, zone: int) -> bool:
        key = (offer.number, zone)
        try:
            return self._in_hours[key]
        except KeyError:
            allowed = self._in_hours[key] = offer.within_hours(self.minutes[zone])
            return allowed
