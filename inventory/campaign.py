"""A campaign as it was booked: who, what, where, when, how many."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from inventory.frequency import FrequencyCap
from segments.targets import Target


class CampaignClass(StrEnum):
    """Who goes first when supply is short: guaranteed, then standard, then house."""

    GUARANTEED = "guaranteed"
    STANDARD = "standard"
    HOUSE = "house"

    @property
    def rank(self) -> int:
        """0 for the class that is served first."""
        return _RANKS[self]


_RANKS = {each: rank for rank, each in enumerate(CampaignClass)}


class Pacing(StrEnum):
    """`even`: in proportion to the traffic it may use; `asap`: as early as traffic allows."""

    EVEN = "even"
    ASAP = "asap"


class CampaignState(StrEnum):
    """Where a campaign stands (docs/workflow.md has the transitions)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    APPROVED = "approved"
    LIVE = "live"
    PAUSED = "paused"
    FINISHED = "finished"


class Review(StrEnum):
    """What the approver said of one creative version."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    TAKEN_DOWN = "taken_down"


@dataclass(frozen=True, slots=True)
class CreativeVersion:
    """One immutable text. `number` identifies the version in journals and counts."""

    number: int
    text: str
    weight: int = 1
    review: Review = Review.APPROVED
    link: str | None = None


@dataclass(frozen=True, slots=True)
class HoursWindow:
    """Hours of the subscriber's own clock, half open, in minutes of the day (0–1440).

    `days` holds 0 for Monday to 6 for Sunday: the day on which the window begins;
    `start` > `end` wraps midnight; `start` == `end` is refused at the edge.
    """

    days: frozenset[int]
    start: int
    end: int

    def allows(self, weekday: int, minute: int) -> bool:
        """Tell whether a local `weekday` (0 = Monday) and `minute` of the day lie inside."""
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        if minute >= self.start:
            return weekday in self.days
        return minute < self.end and (weekday - 1) % 7 in self.days


@dataclass(frozen=True, slots=True)
class Campaign:
    """A booking with its texts.

    `number` is the campaign's small integer in journals, ledgers and plans; `id` the name
    the outside uses. `quantity` is None only for the class `house`. `starts_at` and `ends_at`
    are aware instants, half open. No hours means every hour. `test`: for the carrier's test subscribers only.
    """

    number: int
    id: str
    name: str
    brand: str
    category: str
    campaign_class: CampaignClass
    creatives: tuple[CreativeVersion, ...]
    target: Target
    starts_at: datetime
    ends_at: datetime
    quantity: int | None
    hours: tuple[HoursWindow, ...] = ()
    pacing: Pacing = Pacing.EVEN
    state: CampaignState = CampaignState.APPROVED
    version: int = 1
    test: bool = False
    frequency_caps: tuple[FrequencyCap, ...] = ()
    spacing_minutes: int | None = None
    exclude_brands: tuple[str, ...] = ()
    exclude_callers: tuple[str, ...] = ()
