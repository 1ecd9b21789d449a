"""From settings to the objects that choose: one inserter a route, planner inputs, the offers of a plan."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_

from engine.audience import AudienceRule, CallerExclusion, Consent, OnTrial, QuietHours, Share, Suppression
from engine.breaker import Breaker
from engine.cap_rules import CapPolicy
from engine.decision import Darkness, Decision, Offer
from engine.inserter import Inserter
from engine.leasebook import LeaseBook
from engine.predicate import Predicate
from engine.relay_settings import Route
from engine.settings import Settings
from engine.subject import Register, Subject
from inventory.blackouts import PlannedBlackout
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.plan import Plan, PlannedCampaign
from segments.callers import CallerList
from segments.clock import LocalClock
from segments.numbering import Numbering
from segments.seal import Seal

# What a campaign "holds" in observe mode, where nothing is leased and nothing is spent.
_ENDLESS = 1 << 62


def make_inserter(
    settings: Settings, route: Route, numbering: Numbering, subject: Subject | None = None
) -> Inserter:
    """Return the inserter of one route; a worker's share a subject."""
    subject = Subject() if subject is None else subject
    wanted = settings.relay.notifications
    return Inserter(
        numbering,
        make_predicate(settings),
        audience_rules(settings, numbering, subject),
        LocalClock(numbering.timezones),
        route.default_alphabet or wanted.default_alphabet,
        settings.ads.separator,
        observe=settings.relay.mode == "observe",
        subject=subject,
    )


def make_predicate(settings: Settings) -> Predicate:
    """Return the predicate that the settings ask for."""
    wanted = settings.relay.notifications
    return Predicate(wanted.service_types, wanted.replaceable)


def system_ids(settings: Settings) -> frozenset[bytes]:
    """Return the listed system_ids as they stand in a bind."""
    return frozenset(name.encode("latin-1") for name in settings.relay.notifications.system_ids)


def make_register(settings: Settings, seal: Seal) -> Register:
    """Return an empty register of the consent that the settings ask for."""
    consent = settings.policy.consent
    return Register(seal, opt_in=consent == "opt-in", use_choices=consent != "none")


def audience_rules(
    settings: Settings, numbering: Numbering, subject: Subject | None = None
) -> Sequence[AudienceRule]:
    """Return the links of the chain that the settings ask for, in the documented order.

    Consent and suppression take part where the subject has a register.
    """
    subject = Subject() if subject is None else subject
    register = subject.register
    rules: list[AudienceRule] = []
    if settings.ads.only_subscribers is not None:
        rules.append(OnTrial(settings.ads.only_subscribers))
    if register is not None:
        if register.use_choices:
            rules.append(Consent(register, subject))
        rules.append(Suppression(register))
    if settings.ads.share < 1:
        rules.append(Share(settings.ads.share))
    if (quiet := settings.policy.quiet_hours) is not None:
        rules.append(QuietHours(quiet.start, quiet.end, numbering.zone_of))
    callers = CallerList(settings.policy.exclude_callers)
    subject.rules_ask(callers.sizes)
    if callers.sizes:
        rules.append(CallerExclusion(callers, subject))
    return rules


def cap_policy(settings: Settings) -> CapPolicy:
    """Return the carrier's own caps."""
    policy = settings.policy
    caps = tuple(FrequencyCap(each.count, Per(each.per), Scope(each.scope)) for each in policy.frequency_caps)
    return CapPolicy(caps, policy.competitor_window_minutes)


def make_offer(planned: PlannedCampaign, book: LeaseBook, breaker: Breaker, settings: Settings) -> Offer:
    """Return the offer of a planned campaign; it serves as long as that stays the same."""
    return Offer(planned, book.lease(planned.number), settings.ads.separator, breaker.tallies)


def darkness_by_category(
    blackouts: Sequence[PlannedBlackout], categories: Iterable[str]
) -> Mapping[str, list[Darkness]]:
    """Return a plan's blackouts by the categories that they concern."""
    made = [(each, Darkness(each)) for each in blackouts]
    concerned = {
        category: [darkness for each, darkness in made if each.concerns(category)] for category in categories
    }
    return {category: dark for category, dark in concerned.items() if dark}


def make_decision(
    plan: Plan,
    offers: Sequence[Offer],
    settings: Settings,
    numbering: Numbering,
    random: Callable[[], float],
    subject: Subject | None = None,
) -> Decision:
    """Return the decision of one plan; `offers` are those of its catalogue, `subject` the inserters'."""
    subject = Subject() if subject is None else subject
    subject.campaigns_ask(reduce(or_, (each.callers.sizes for each in offers if each.callers is not None), 0))
    decision = Decision(plan, offers, numbering.zone_of, random, subject)
    if settings.relay.mode == "observe":
        for offer in offers:
            offer.lease.held = _ENDLESS
    elif settings.ads.test_subscribers:
        first = len(offers)  # a plan's test campaigns are its last ones
        while first and offers[first - 1].test_places is not None:
            first -= 1
        decision.serve_tests(offers[first:], frozenset(settings.ads.test_subscribers))
    return decision
