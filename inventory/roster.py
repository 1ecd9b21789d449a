"""Who is in a plan: the campaigns that serve, when they run, and in which order they catch up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import is_

import numpy as np

from inventory.allotment import Allotment
from inventory.books import ServingCampaign
from inventory.campaign import Campaign, Pacing
from inventory.contest import Indexes
from inventory.plan import PlannedCampaign, PlannedCreative, catalogue_octets
from inventory.rows import NOT_LISTED
from inventory.supply import Counts
from inventory.timeline import Mask

# The deficit rule's rescue: in the last part of a flight, at most so long, all that is left may be served.
RESCUE_S = 7200.0
RESCUE_PART = 0.1

_LEAST_TRAFFIC = 1e-9

Identity = tuple[int, int]
"""A campaign's number and version."""


def identity(campaign: Campaign) -> Identity:
    """Return what tells a campaign from all others, and from what it was before."""
    return campaign.number, campaign.version


def settled_of(serving: Sequence[ServingCampaign]) -> Counts:
    """Return what was spent of each."""
    return np.fromiter((each.settled for each in serving), np.float64, len(serving))


class Lineup:
    """When campaigns serve, and which are tests: worked out once for the same campaigns."""

    __slots__ = ("_campaigns", "ends", "starts", "test")

    def __init__(self, campaigns: Sequence[Campaign]) -> None:
        self._campaigns = campaigns
        self.starts = np.array([each.starts_at.timestamp() for each in campaigns], dtype=np.float64)
        self.ends = np.array([each.ends_at.timestamp() for each in campaigns], dtype=np.float64)
        self.test: Mask = np.array([each.test for each in campaigns], dtype=np.bool_)

    def look(self, serving: Sequence[ServingCampaign]) -> "Lineup":
        """Return the lineup of those who serve: this one while they are the same objects."""
        campaigns = [each.campaign for each in serving]
        if len(campaigns) == len(self._campaigns) and all(map(is_, campaigns, self._campaigns)):
            return self
        return Lineup(campaigns)


@dataclass(frozen=True, slots=True)
class Roster:
    """What a plan needs of the campaigns in its catalogue, by slot."""

    identities: tuple[Identity, ...]
    tests: tuple[Identity, ...]
    catalogue: bytes
    rank: Indexes
    starts: Counts
    ends: Counts
    quantity: Counts
    eager: Mask
    unlimited: Mask

    @classmethod
    def of(cls, current: Sequence[ServingCampaign], tests: Mapping[Campaign, frozenset[int]]) -> "Roster":
        """Return the roster of some campaigns, with test campaigns by their places behind them."""
        campaigns = [each.campaign for each in current]
        planned = [planned_campaign(campaign) for campaign in campaigns]
        planned += [planned_campaign(campaign, tuple(sorted(places))) for campaign, places in tests.items()]
        return cls(
            tuple(map(identity, campaigns)),
            tuple(map(identity, tests)),
            catalogue_octets(planned),
            np.array([campaign.campaign_class.rank for campaign in campaigns], dtype=np.intp),
            np.array([campaign.starts_at.timestamp() for campaign in campaigns]),
            np.array([campaign.ends_at.timestamp() for campaign in campaigns]),
            np.array([float(campaign.quantity or 0) for campaign in campaigns]),
            np.array([campaign.pacing is Pacing.ASAP for campaign in campaigns], dtype=np.bool_),
            np.array([campaign.quantity is None for campaign in campaigns], dtype=np.bool_),
        )

    def lag(self, settled: Counts, elapsed: Counts, now: float) -> Counts:
        """Return by how many units campaigns are behind their curves; above 0 they may catch up.

        From its start on `asap` lags by all that is left, `house` without a quantity always by one.
        """
        lag = self.quantity * np.where(self.eager, 1.0, elapsed) - settled
        lag[self.unlimited] = 1.0
        lag[now < self.starts] = 0.0
        return lag

    def rescued(self, lag: Counts, settled: Counts, now: float) -> Counts:
        """Return lags that grow to all that is left while the last part of a flight runs out."""
        window = np.minimum(RESCUE_S, RESCUE_PART * (self.ends - self.starts))
        part = np.clip(1 - (self.ends - now) / window, 0.0, 1.0)
        return np.where(self.unlimited, lag, np.maximum(lag, part * (self.quantity - settled)))

    def by_class(self, lag: Counts) -> Indexes:
        """Return each one's place in the deficit rule's order: class, then lag, then as booked."""
        return _places(np.lexsort((-lag, self.rank)), lag > 0)

    def by_urgency(self, allotment: Allotment, at: Indexes, settled: Counts, now: float) -> Indexes:
        """Return each one's place in the order in which they catch up; `at` are positions in the allotment.

        Who lags, or is tight, goes by how much of its coming traffic it needs to reach its target (which
        knows of classes); then `asap`, then what has no quantity and has had least.
        """
        lag = self.lag(settled, allotment.elapsed(now)[at], now)
        left = self.quantity - settled
        listed = np.where(allotment.tight[at] & (now >= self.starts), left, lag) > 0
        need = (allotment.target[at] - settled) / np.maximum(allotment.to_come(now)[at], _LEAST_TRAFFIC)
        need = np.where(self.unlimited, -settled, need)
        tier = np.where(self.unlimited, 2, np.where(self.eager, 1, 0))
        return _places(np.lexsort((-need, tier)), listed)


def _places(order: Indexes, listed: Mask) -> Indexes:
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    place[~listed] = NOT_LISTED
    return place


def planned_campaign(campaign: Campaign, test_places: tuple[int, ...] | None = None) -> PlannedCampaign:
    """Return a campaign as plans have it; with `test_places` it tests there."""
    return PlannedCampaign(
        number=campaign.number,
        opens=campaign.starts_at.timestamp(),
        closes=campaign.ends_at.timestamp(),
        hours=tuple((tuple(sorted(window.days)), window.start, window.end) for window in campaign.hours),
        creatives=tuple(
            PlannedCreative(creative.number, creative.text, creative.weight)
            for creative in campaign.creatives
        ),
        test_places=test_places,
        brand=campaign.brand,
        category=campaign.category,
        caps=tuple((cap.count, cap.per.value, cap.scope.value) for cap in campaign.frequency_caps),
        spacing_minutes=campaign.spacing_minutes or 0,
        exclude_brands=campaign.exclude_brands,
        exclude_callers=campaign.exclude_callers,
    )
