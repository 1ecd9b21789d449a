"""From settings to the objects that choose: one inserter a route, planner inputs, the offers of a plan."""

from collections.abc import Callable, Mapping, Sequence

from engine.audience import AudienceRule, OnTrial, QuietHours, Share
from engine.breaker import Breaker
from engine.caps import CapRules
from engine.decision import Decision, Offer
from engine.inserter import Inserter
from engine.leasebook import LeaseBook
from engine.predicate import Predicate
from engine.settings import Route, Settings
from inventory.plan import Plan, PlannedCampaign
from segments.clock import LocalClock
from segments.numbering import Numbering

# What a campaign "holds" in observe mode, where nothing is leased and nothing is spent.
_ENDLESS = 1 << 62


def make_inserter(settings: Settings, route: Route, numbering: Numbering) -> Inserter:
    """Return the inserter of one route."""
    wanted = settings.relay.notifications
    return Inserter(
        numbering,
        make_predicate(settings),
        audience_rules(settings, numbering),
        LocalClock(numbering.timezones),
        route.default_alphabet or wanted.default_alphabet,
        settings.ads.separator,
        observe=settings.relay.mode == "observe",
    )


def make_predicate(settings: Settings) -> Predicate:
    """Return the predicate that the settings ask for."""
    wanted = settings.relay.notifications
    return Predicate(wanted.service_types, wanted.replaceable)


def system_ids(settings: Settings) -> frozenset[bytes]:
    """Return the listed system_ids as they stand in a bind."""
    return frozenset(name.encode("latin-1") for name in settings.relay.notifications.system_ids)


def audience_rules(settings: Settings, numbering: Numbering) -> Sequence[AudienceRule]:
    """Return the links of the chain that the settings ask for, in the documented order."""
    rules: list[AudienceRule] = []
    if settings.ads.only_subscribers is not None:
        rules.append(OnTrial(settings.ads.only_subscribers))
    if settings.ads.share < 1:
        rules.append(Share(settings.ads.share))
    if (quiet := settings.policy.quiet_hours) is not None:
        rules.append(QuietHours(quiet.start, quiet.end, numbering.zone_of))
    return rules


def make_offers(
    catalogue: Sequence[PlannedCampaign],
    book: LeaseBook,
    breaker: Breaker,
    settings: Settings,
    caps: Mapping[int, CapRules] | None = None,
) -> Sequence[Offer]:
    """Return the offers of a plan's catalogue, slot by slot; they serve as long as it stays the same."""
    separator = settings.ads.separator
    rules = caps or {}
    return [
        Offer(planned, book.lease(planned.number), separator, breaker.tallies, rules.get(planned.number))
        for planned in catalogue
    ]


def make_decision(
    plan: Plan,
    offers: Sequence[Offer],
    settings: Settings,
    numbering: Numbering,
    random: Callable[[], float],
) -> Decision:
    """Return the decision of one plan; `offers` are those of its catalogue."""
    decision = Decision(plan, offers, numbering.zone_of, random)
    if settings.relay.mode == "observe":
        for offer in offers:
            offer.lease.held = _ENDLESS
    elif settings.ads.test_subscribers:
        first = len(offers)  # a plan's test campaigns are its last ones
        while first and offers[first - 1].test_places is not None:
            first -= 1
        decision.serve_tests(offers[first:], frozenset(settings.ads.test_subscribers))
    return decision
