"""From what campaigns and the carrier ask for to counters and limits by campaign (engine.caps)."""

from collections import defaultdict
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import ceil, floor

from engine.caps import FIRST_MINUTE, FLIGHT, LAST_AD, TAG_MASK, CapRules, Counter, Limit
from engine.reasons import Reason
from inventory.frequency import CATEGORY, FrequencyCap, Per, Scope
from inventory.plan import PlannedCampaign

_WINDOWS = {Per.HOUR: 0, Per.DAY: 1, Per.WEEK: 2}
_HOUR_MINUTES = 60

FLIGHT_GRACE_MINUTES = 35 * 24 * 60
"""A flight's counts are kept so much longer: it may be prolonged."""

Group = tuple[str, str]
"""Whose ads a counter counts: ("all", ""), ("campaign", number), ("brand", name), ("category", name)."""

ALL: Group = ("all", "")


@dataclass(frozen=True, slots=True)
class CapPolicy:
    """The carrier's own: caps for every campaign, and how long competing brands keep apart, in minutes."""

    caps: tuple[FrequencyCap, ...] = ()
    competitor_minutes: int = 1440


class CapBook:
    """The rules of one catalogue: `limits` for every ad, `rules` by campaign number where there are any."""

    def __init__(self, catalogue: Sequence[PlannedCampaign], policy: CapPolicy) -> None:
        self._policy = policy
        self._every = [cap for cap in policy.caps if cap.scope is not Scope.GLOBAL]
        self._counters: dict[tuple[Group, str], Counter] = {}
        self._of_group: dict[Group, list[tuple[Counter, str]]] = defaultdict(list)
        self._catalogue = catalogue
        self.limits: list[Limit] = []
        self.rules: dict[int, CapRules] = {}
        for _ in self.steps():
            pass

    @classmethod
    def in_steps(
        cls, catalogue: Sequence[PlannedCampaign], policy: CapPolicy
    ) -> Generator[None, None, "CapBook"]:
        """Return the book of a catalogue, a few microseconds of work before each pause."""
        book = cls((), policy)
        book._catalogue = catalogue
        yield from book.steps()
        return book

    def steps(self) -> Iterator[None]:
        """Find the rules of the catalogue, campaign after campaign."""
        shared = [cap for cap in self._policy.caps if cap.scope is Scope.GLOBAL]
        if self._catalogue:
            self.limits = [self._cap(cap, None, Reason.FREQUENCY_CAP) for cap in shared]
        limits = {}
        for each in self._catalogue:
            if self._every or each.caps or each.spacing_minutes or each.exclude_brands:
                limits[each.number] = list(self._limits(each))
                yield
        if not self._counters:
            return
        for each in self._catalogue:
            counters = list(self._counting(each))
            if counters or each.number in limits:
                self.rules[each.number] = CapRules(limits.get(each.number, []), counters)
            yield

    def _limits(self, campaign: PlannedCampaign) -> Iterator[Limit]:
        own = (FrequencyCap(n, Per(per), Scope(scope)) for n, per, scope in campaign.caps)
        for cap in (*self._every, *own):
            yield self._cap(cap, campaign, Reason.FREQUENCY_CAP)
        if campaign.spacing_minutes:
            yield self._distance(ALL, "", campaign.spacing_minutes, Reason.SPACING)
        minutes = self._policy.competitor_minutes
        for name in campaign.exclude_brands:
            if name.startswith(CATEGORY):
                group = ("category", name.removeprefix(CATEGORY))
                yield self._distance(group, campaign.brand, minutes, Reason.COMPETITOR)
            else:
                yield self._distance(("brand", name), "", minutes, Reason.COMPETITOR)

    def _cap(self, cap: FrequencyCap, campaign: PlannedCampaign | None, reason: Reason) -> Limit:
        group = ALL
        if campaign is not None and cap.scope is Scope.CAMPAIGN:
            group = ("campaign", str(campaign.number))
        elif campaign is not None and cap.scope is Scope.BRAND:
            group = ("brand", campaign.brand)
        if cap.per is not Per.FLIGHT:
            return Limit(self._counter(group, cap.per.value, _WINDOWS[cap.per]), cap.count, reason)
        if campaign is None:
            raise ValueError("a cap per flight belongs to a campaign")
        ends = ceil(campaign.closes / 60) - FIRST_MINUTE + FLIGHT_GRACE_MINUTES
        counter = self._counter(group, f"flight {campaign.number}", FLIGHT)
        counter.begins = floor(campaign.opens / 60) - FIRST_MINUTE
        counter.ends = ends
        return Limit(counter, cap.count, reason)

    def _distance(self, group: Group, but: str, minutes: int, reason: Reason) -> Limit:
        counter = self._counter(group, f"last but {but}" if but else "last", LAST_AD, but)
        counter.hours = max(counter.hours, ceil((minutes + 1) / _HOUR_MINUTES))
        return Limit(counter, minutes, reason)

    def _counter(self, group: Group, what: str, window: int, but: str = "") -> Counter:
        """Return a counter, one of each kind; `but` is the brand whose ads it leaves out."""
        key = group, what
        if key not in self._counters:
            octets = "\0".join((*group, what)).encode()
            salt = int.from_bytes(blake2b(octets, digest_size=4).digest(), "little") & TAG_MASK
            self._counters[key] = counter = Counter(salt, window)
            self._of_group[group].append((counter, but))
        return self._counters[key]

    def _counting(self, campaign: PlannedCampaign) -> Iterator[Counter]:
        """Yield what an ad of the campaign adds to."""
        groups: tuple[Group, ...] = (
            ALL,
            ("campaign", str(campaign.number)),
            ("brand", campaign.brand),
            ("category", campaign.category),
        )
        for group in groups:
            for counter, but in self._of_group.get(group, ()):
                if not but or but != campaign.brand:
                    yield counter
