"""The campaign's shapes in the API's document; what is sent is checked by inventory.document."""

from typing import Annotated, Any, Literal

from pydantic import Field

from adapters.http.operations import Query, Shape
from inventory.campaign import CampaignState
from inventory.forms import CLOCK, IDENTIFIER, NOT_BLANK
from inventory.frequency import LONGEST_SPACING, CapDocument

State = Literal["draft", "submitted", "rejected", "approved", "live", "paused", "finished"]
Action = Literal["edit", "submit", "approve", "reject", "pause", "resume", "cancel"]
Review = Literal["pending", "approved", "rejected", "taken_down"]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Instant = Annotated[
    str,
    Field(
        description="With its offset: 2026-11-24T09:00:00-06:00.", json_schema_extra={"format": "date-time"}
    ),
]
Reason = Annotated[
    str, Field(min_length=1, max_length=500, pattern=NOT_BLANK, description="Told to the advertiser.")
]
assert set(State.__args__) == set(CampaignState)  # type: ignore[attr-defined]  # noqa: S101  # they are the same


class CreativeIn(Shape):
    """A text and its share among the campaign's texts."""

    text: str
    weight: int = Field(default=1, ge=1, le=1_000_000)
    link: str | None = Field(
        default=None, max_length=2000, description="Where the short link in its text leads (http, https)."
    )


class TargetShape(Shape):
    """Places: each entry names one, as {"state": "MX-JAL"}, or a city, a lada, a municipality."""

    include: list[dict[str, str]] = Field(default_factory=list, description="Empty: the whole country.")
    exclude: list[dict[str, str]] = Field(default_factory=list)


class HoursShape(Shape):
    """Hours of the subscriber's clock, half open; from later than to wraps midnight."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None = None
    start: str = Field(alias="from", pattern=CLOCK)
    end: str = Field(alias="to", pattern=CLOCK)


class Rules(Shape):
    """What else one may say of a campaign, new or changed."""

    make_good: Literal["failed"] | None = None
    frequency_caps: list[CapDocument] = Field(default_factory=list, max_length=20)
    spacing_minutes: int | None = Field(
        default=None, ge=1, le=LONGEST_SPACING, description="From any ad to the same subscriber."
    )
    exclude_brands: list[str] = Field(
        default_factory=list, max_length=100, description="Brands, or categories as category:retail."
    )
    exclude_callers: list[str] = Field(
        default_factory=list, max_length=1000, description="Numbers and prefixes, such as 800*."
    )
    response_number: str | None = Field(
        default=None, max_length=30, description="Of the carrier's pool; the texts show it."
    )
    test: bool = Field(default=False, description="Only for `ads.test_subscribers`.")
    external_id: str | None = Field(default=None, max_length=100)
    labels: dict[str, str] = Field(default_factory=dict)


class CampaignIn(Rules):
    """A campaign to book."""

    name: str = Field(min_length=1, max_length=100)
    brand: str = Field(min_length=1, max_length=100)
    category: str = Field(default="other", min_length=1, max_length=100)
    campaign_class: Literal["guaranteed", "standard", "house"] = Field(default="standard", alias="class")
    creatives: list[CreativeIn] = Field(min_length=1, max_length=100)
    target: TargetShape = TargetShape()
    starts_at: Instant
    ends_at: Instant
    hours: list[HoursShape] = Field(default_factory=list)
    quantity: int | None = Field(ge=1, le=10**12, description="Null only for the class house.")
    pacing: Literal["even", "asap"] = "even"


class CampaignPatch(Rules):
    """Fields to replace, each as a whole; those that are not named stay."""

    name: str = Field(default="", min_length=1, max_length=100)
    brand: str = Field(default="", min_length=1, max_length=100)
    category: str = Field(default="", min_length=1, max_length=100)
    campaign_class: Literal["guaranteed", "standard", "house"] = Field(default="standard", alias="class")
    creatives: list[CreativeIn] = Field(default_factory=list, min_length=1, max_length=100)
    target: TargetShape = TargetShape()
    starts_at: Instant = ""
    ends_at: Instant = ""
    hours: list[HoursShape] = Field(default_factory=list)
    quantity: int | None = Field(default=None, ge=1, le=10**12)
    pacing: Literal["even", "asap"] = "even"


class FaultShape(Shape):
    """One thing that is wrong with a draft."""

    pointer: str
    code: str
    es: str
    en: str


class FitsShape(Shape):
    """Which share (0–1) of its traffic a text fits, and how long one may be that fits nearly all."""

    share: float
    length_wanted: int | None
    cold_start: bool


class ServingShape(Shape):
    """The version that goes on while a newer one waits for its review."""

    version: int
    text: str


class FirstApproval(Shape):
    """Who gave the first of two approvals."""

    by: str
    at: str


class CreativeShape(Shape):
    """The newest version of a text."""

    id: str
    version: int
    text: str
    weight: int
    link: str | None
    review: Review
    reason: str | None
    first_approval: FirstApproval | None
    serving: ServingShape | None
    fits: FitsShape | None
    harmful: dict[str, Any] | None


class RejectionShape(Shape):
    """Why it was rejected: a decision, or that its end came first."""

    code: Literal["decision", "too_late"]
    reason: str
    at: str | None


class DecideByShape(Shape):
    """The latest approvals: to start on time, and to serve at all."""

    on_time: str
    at_all: str


class PieceShape(Shape):
    """A piece of a difference."""

    kind: Literal["kept", "removed", "added"]
    text: str


class NearShape(Shape):
    """A refused text that is near."""

    text: str
    brand: str
    reason: str | None
    likeness: float


class TextReview(Shape):
    """What an approver should see beside a text."""

    creative: str
    difference: list[PieceShape] | None
    near_duplicates: list[NearShape]


class CountsShape(Shape):
    """What was counted (docs/commands.md says how they add up)."""

    inserted: int
    accepted: int
    rejected: int
    unknown: int
    in_flight: int
    delivered: int
    failed: int
    returned: int


class LedgerShape(Shape):
    """quantity = settled + leased + free."""

    settled: int
    leased: int
    free: int | None


class CampaignShape(Shape):
    """A campaign: what was asked for, where it stands, what was counted."""

    id: str
    version: int
    state: State
    finish_reason: Literal["quantity", "ended", "cancelled"] | None
    stopped: bool
    serving: bool
    earliest_start: str | None = Field(description="Before approval: if it were approved now.")
    decide_by: DecideByShape | None
    actions: list[Action] = Field(description="What the caller's role may try now.")
    name: str
    brand: str
    category: str
    campaign_class: Literal["guaranteed", "standard", "house"] = Field(alias="class")
    creatives: list[CreativeShape]
    target: TargetShape
    starts_at: str | None
    ends_at: str | None
    hours: list[HoursShape]
    quantity: int | None
    pacing: Literal["even", "asap"]
    make_good: str | None
    frequency_caps: list[CapDocument]
    spacing_minutes: int | None
    exclude_brands: list[str]
    exclude_callers: list[str]
    response_number: str | None
    test: bool
    external_id: str | None
    labels: dict[str, str]
    draft: dict[str, Any] | None = Field(description="What was sent, where a draft has faults.")
    faults: list[FaultShape]
    warnings: list[FaultShape] = Field(description="What hinders nothing, but may be meant otherwise.")
    created_at: str
    created_by: str | None
    submitted_at: str | None
    submitted_by: str | None
    approved_at: str | None
    approvals_needed: int = Field(description="Two in a category of policy.extra_approval, else one.")
    first_approval: FirstApproval | None
    rejection: RejectionShape | None
    paused_by_carrier: bool
    review: list[TextReview] | None = Field(description="For approvers and operations, in single answers.")
    counts: CountsShape
    ledger: LedgerShape


class CampaignPage(Shape):
    """Campaigns, newest first; `next` is the cursor of the next page."""

    items: list[CampaignShape]
    next: str | None


class CampaignsQuery(Query):
    """Which campaigns."""

    brand: str | None = Field(default=None, max_length=100)
    state: State | None = None
    q: str | None = Field(default=None, max_length=100, description="Part of the name, brand or external id.")
    cursor: Identifier | None = Field(default=None, description="`next` of the page before.")
    limit: int = Field(default=50, ge=1, le=200)


class DraftQuery(Query):
    """How a draft is taken."""

    keep_faults: bool = Field(
        default=False, description="Keep a draft as it is sent, with its faults; its brand must be right."
    )


class SubmitQuery(Query):
    """What goes with a submission."""

    hold: Identifier | None = Field(default=None, description="A hold from the form, to be kept for it.")


class VersionQuery(Query):
    """Which version of a text; by default the newest that waits."""

    version: int | None = Field(default=None, ge=1, le=2**31 - 1)


class RejectIn(Shape):
    """Why a campaign is rejected, and which of its texts are."""

    reason: Reason
    texts: list[Identifier] = Field(
        default_factory=list, description="Ids of creatives that are rejected too."
    )


class TextDecisionIn(Shape):
    """Why a text is rejected or taken down."""

    reason: Reason
    version: int | None = Field(default=None, ge=1, le=2**31 - 1)


class ImportedShape(Shape):
    """One campaign that was imported: its place in the file, its id and name."""

    row: int
    id: str
    name: str


class ImportReport(Shape):
    """What was imported."""

    imported: list[ImportedShape]


class ImportQuery(Query):
    """What becomes of the campaigns."""

    submit: bool = Field(default=False, description="Submit them at once; all or none.")
