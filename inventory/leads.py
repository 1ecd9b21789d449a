"""Calls become leads: one for each caller, engagement and window, with what it is owed."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from inventory.books import hour_of
from inventory.engagements import LeadWindow, Purpose
from segments.clock import pinned_zone

AnswerKind = Literal["sms", "coupon", "webhook"]
Source = Literal["smpp", "http"]

CHOICES: Final = frozenset(("opt_in", "opt_out"))
"""Purposes by which a caller chooses whether ads may come."""


class Call(NamedTuple):
    """One call: to which assignment, when, from whom (`caller` sealed), where that caller is."""

    assignment: int
    at: datetime
    caller: int
    masked: str
    state: str
    lada: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """What an assignment says of the calls to it."""

    number: int
    digits: str
    option: str
    engagement: int
    purpose: Purpose
    brand: str | None
    lead_window: LeadWindow
    timezone: str
    starts_at: datetime
    wording: str
    wording_version: int
    confirms: bool
    hooks: bool

    @property
    def owed(self) -> Sequence[AnswerKind]:
        """What a new lead is answered with."""
        message: Sequence[AnswerKind] = ("coupon",) if self.purpose == "coupon" else ("sms",)
        return (*(message if self.confirms else ()), *(("webhook",) if self.hooks else ()))


class LeadKey(NamedTuple):
    """What makes a lead one; sorted, in the order in which everybody locks them."""

    engagement: int
    window_start: datetime
    caller: int


@dataclass(slots=True)
class Gathered:
    """The calls of one lead that came together; `first` tells its option and place."""

    first: Call
    assigned: Assigned
    last: Call
    calls: int = 1


class TallyKey(NamedTuple):
    """What calls and leads are counted by; sorted, in the order in which everybody locks them."""

    engagement: int
    hour: int
    option: str
    state: str
    lada: str
    digits: str


@dataclass(frozen=True, slots=True)
class Gathering:
    """A batch of calls, gathered. `choosers` are the last calls by which each caller chose, by brand."""

    leads: Mapping[LeadKey, Gathered]
    calls: Mapping[TallyKey, int]
    choosers: Sequence[tuple[Call, Assigned]]


def window_start(at: datetime, assigned: Assigned) -> datetime:
    """Return when the window began that an instant lies in (UTC)."""
    if assigned.lead_window == "engagement":
        return assigned.starts_at.astimezone(UTC)
    return _begin(hour_of(at), assigned.lead_window, assigned.timezone)


@lru_cache(maxsize=4096)
def _begin(hour: int, window: LeadWindow, timezone: str) -> datetime:
    local = datetime.fromtimestamp(hour * 3600, pinned_zone(timezone))
    if window == "hour":
        return local.astimezone(UTC)
    midnight = local.replace(hour=0, minute=0, fold=0)
    if window == "week":
        midnight -= timedelta(days=midnight.weekday())
    return midnight.astimezone(UTC)


def tally_key(call: Call, assigned: Assigned) -> TallyKey:
    """Return what a call is counted by."""
    return TallyKey(
        assigned.engagement, hour_of(call.at), assigned.option, call.state, call.lada, assigned.digits
    )


def gather(calls: Iterable[Call], known: Mapping[int, Assigned]) -> Gathering:
    """Gather calls by lead. Every call's assignment is `known`; calls may come in any order."""
    leads: dict[LeadKey, Gathered] = {}
    counted: Counter[TallyKey] = Counter()
    choosers: dict[tuple[int, str | None], tuple[Call, Assigned]] = {}
    for call in calls:
        assigned = known[call.assignment]
        counted[tally_key(call, assigned)] += 1
        key = LeadKey(assigned.engagement, window_start(call.at, assigned), call.caller)
        gathered = leads.get(key)
        if gathered is None:
            leads[key] = Gathered(call, assigned, call)
        else:
            _join(gathered, call, assigned)
        if assigned.purpose in CHOICES:
            who = (call.caller, assigned.brand)
            if who not in choosers or choosers[who][0].at <= call.at:
                choosers[who] = (call, assigned)
    return Gathering(dict(sorted(leads.items())), counted, list(choosers.values()))


def _join(gathered: Gathered, call: Call, assigned: Assigned) -> None:
    gathered.calls += 1
    if call.at < gathered.first.at:
        gathered.first, gathered.assigned = call, assigned
    if call.at > gathered.last.at:
        gathered.last = call
