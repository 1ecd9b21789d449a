"""A campaign as somebody asks for it: checked, but with no number, no state and no ledger yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from inventory.campaign import CampaignClass, HoursWindow, Pacing
from inventory.frequency import FrequencyCap
from inventory.receipts import MakeGood
from segments.targets import Target


@dataclass(frozen=True, slots=True)
class CreativeDraft:
    """A text as it was submitted; `weight` is its share among the campaign's texts.

    `code` is that of the short link in the text, which leads to `link`.
    """

    text: str
    weight: int = 1
    link: str | None = None
    code: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """A booking that was checked and not stored.

    `quantity` is None only for the class `house`; `starts_at` and `ends_at` are aware instants,
    half open; no hours means every hour of the subscriber's clock. `response_number` is the digits that a
    number of the carrier's pool is known by.
    """

    name: str
    brand: str
    category: str
    campaign_class: CampaignClass
    creatives: tuple[CreativeDraft, ...]
    target: Target
    starts_at: datetime
    ends_at: datetime
    quantity: int | None
    hours: tuple[HoursWindow, ...] = ()
    pacing: Pacing = Pacing.EVEN
    make_good: MakeGood | None = None
    frequency_caps: tuple[FrequencyCap, ...] = ()
    spacing_minutes: int | None = None
    exclude_brands: tuple[str, ...] = ()
    exclude_callers: tuple[str, ...] = ()
    response_number: str | None = None
    test: bool = False
    external_id: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
