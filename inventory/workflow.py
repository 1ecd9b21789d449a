"""The workflow as one table: which action leads from where to where, for whom, on what conditions.

Code decides by it, docs/workflow.md prints it, tests walk through it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from inventory.campaign import CampaignState, Review
from inventory.conditions import IN_SPANISH, TEXT_IN_SPANISH, Condition, misplaced, refusal
from inventory.faults import Fault

ADVERTISER, APPROVER, OPS = "advertiser", "approver", "ops"
"""Roles by the names that engine.access gives them."""

TOO_LATE = "too_late"


class Action(StrEnum):
    """What somebody, or the clock, does to a campaign."""

    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    EXPIRE = "expire"
    START = "start"
    END = "end"
    SPEND = "spend"
    REFUND = "refund"


_DRAFT, _SUBMITTED, _REJECTED = CampaignState.DRAFT, CampaignState.SUBMITTED, CampaignState.REJECTED
_APPROVED, _LIVE, _PAUSED = CampaignState.APPROVED, CampaignState.LIVE, CampaignState.PAUSED
_FINISHED = CampaignState.FINISHED
BOOKED = frozenset({_APPROVED, _LIVE, _PAUSED})
"""States in which the quantity is sold."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table; `target` None leaves the state as it is, no `roles` means the clock."""

    action: Action
    sources: frozenset[CampaignState]
    target: CampaignState | None
    roles: frozenset[str] = frozenset()
    conditions: tuple[Condition, ...] = ()
    note: str = ""
    first_of_two: bool = False


def _row(
    action: Action,
    sources: set[CampaignState] | frozenset[CampaignState],
    target: CampaignState | None,
    roles: set[str] = frozenset(),  # type: ignore[assignment]  # nobody changes it
    conditions: tuple[Condition, ...] = (),
    note: str = "",
    *,
    first_of_two: bool = False,
) -> Transition:
    return Transition(action, frozenset(sources), target, frozenset(roles), conditions, note, first_of_two)


_WITHDRAWN = "what waits for its review is withdrawn from it"
_FIRST = (Condition.FOUR_EYES, Condition.IN_TIME, Condition.TEXT)
_DECISION = (
    *(Condition.FOUR_EYES, Condition.OTHER_EYES, Condition.IN_TIME),
    *(Condition.TEXT, Condition.AVAILABLE, Condition.NUMBER),
)
_OF_TWO = "the first of two, in a category of `policy.extra_approval`"

TRANSITIONS: tuple[Transition, ...] = (
    _row(Action.EDIT, {_DRAFT}, _DRAFT, {ADVERTISER}, (), "a draft may keep its faults"),
    _row(Action.EDIT, {_SUBMITTED, _REJECTED}, _DRAFT, {ADVERTISER}, (), _WITHDRAWN),
    _row(Action.EDIT, BOOKED, None, {ADVERTISER}, (Condition.CHANGE_RULES,)),
    _row(
        Action.SUBMIT,
        {_DRAFT},
        _SUBMITTED,
        {ADVERTISER},
        (
            *(Condition.COMPLETE, Condition.NO_REJECTED_TEXT, Condition.IN_TIME),
            *(Condition.AVAILABLE, Condition.NUMBER),
        ),
        "its quantity is held for 48 h",
    ),
    _row(Action.APPROVE, {_SUBMITTED}, None, {APPROVER}, _FIRST, _OF_TWO, first_of_two=True),
    _row(Action.APPROVE, {_SUBMITTED}, _APPROVED, {APPROVER}, _DECISION, "with its pending texts"),
    _row(Action.REJECT, {_SUBMITTED}, _REJECTED, {APPROVER}, (Condition.FOUR_EYES, Condition.REASON)),
    _row(Action.PAUSE, {_APPROVED, _LIVE}, _PAUSED, {ADVERTISER, OPS}, (), "in every worker within 1 s"),
    _row(
        Action.RESUME,
        {_PAUSED},
        _APPROVED,
        {ADVERTISER, OPS},
        (Condition.SAME_HAND,),
        "live again when its start has come",
    ),
    _row(
        Action.CANCEL,
        {_DRAFT, _SUBMITTED, _REJECTED, *BOOKED},
        _FINISHED,
        {ADVERTISER},
        (),
        "`cancelled`; in every worker within 1 s",
    ),
    _row(Action.EXPIRE, {_SUBMITTED}, _REJECTED, note="`too_late`: its end came before the decision"),
    _row(Action.START, {_APPROVED}, _LIVE, note="its start has come and its lead time is over"),
    _row(Action.END, BOOKED, _FINISHED, note="`ended`"),
    _row(Action.SPEND, BOOKED, _FINISHED, note="`quantity`: all of it is settled"),
    _row(Action.REFUND, {_FINISHED}, _LIVE, note="from `quantity`: a refusal came late, there is time left"),
)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """What may be done to one version of a text."""

    action: str
    sources: frozenset[Review]
    target: Review
    roles: frozenset[str]
    conditions: tuple[Condition, ...]
    first_of_two: bool = False


REVIEWS: tuple[ReviewRow, ...] = (
    ReviewRow(
        "approve",
        frozenset({Review.PENDING}),
        Review.PENDING,
        frozenset({APPROVER}),
        (Condition.FOUR_EYES,),
        first_of_two=True,
    ),
    ReviewRow(
        "approve",
        frozenset({Review.PENDING}),
        Review.APPROVED,
        frozenset({APPROVER}),
        (Condition.FOUR_EYES, Condition.OTHER_EYES),
    ),
    ReviewRow(
        "reject",
        frozenset({Review.PENDING}),
        Review.REJECTED,
        frozenset({APPROVER}),
        (Condition.FOUR_EYES, Condition.REASON),
    ),
    ReviewRow(
        "takedown",
        frozenset({Review.APPROVED}),
        Review.TAKEN_DOWN,
        frozenset({APPROVER, OPS}),
        (Condition.REASON,),
    ),
)
"""The same for the versions of a text; they go on as long as the campaign is not finished."""

_Row = TypeVar("_Row", Transition, ReviewRow)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an id that tells people apart, and a role."""

    id: str
    role: str


@dataclass(frozen=True, slots=True)
class Approvals:
    """Whether two people must approve, and the id of who did so first."""

    two: bool = False
    first: str | None = None

    @property
    def lacks_first(self) -> bool:
        """Tell whether the next approval is the first of two."""
        return self.two and self.first is None


ONE_APPROVAL = Approvals()


@dataclass(frozen=True, slots=True)
class Standing:
    """What conditions look at; `authors` are the ids of who created, edited or submitted.

    `reviews` are those of the newest version of each text; `served` whether an approved one is left.
    """

    state: CampaignState
    ends_at: datetime | None
    authors: frozenset[str] = frozenset()
    reviews: tuple[Review, ...] = ()
    served: bool = False
    faults: tuple[Fault, ...] = ()
    paused_by_carrier: bool = False
    approvals: Approvals = ONE_APPROVAL


class RoleError(Exception):
    """The action is not for this role."""


def transitions(action: Action) -> Iterator[Transition]:
    """Yield the rows of an action."""
    return (row for row in TRANSITIONS if row.action is action)


def roles_of(action: Action) -> frozenset[str]:
    """Return who may take an action in some state."""
    return frozenset().union(*(row.roles for row in transitions(action)))


def possible(state: CampaignState, role: str) -> tuple[Action, ...]:
    """Return what a role may try in a state; conditions come later."""
    return tuple(row.action for row in TRANSITIONS if state in row.sources and role in row.roles)


def decide(
    action: Action,
    standing: Standing,
    actor: Actor,
    *,
    now: datetime,
    lead_time: timedelta,
    reason: str | None = None,
) -> Transition:
    """Return the row by which an action is taken; AVAILABLE, NUMBER and CHANGE_RULES are the caller's to ask.

    Raises `RoleError`, and `RefusedError` with every condition that does not hold.
    """
    if actor.role not in roles_of(action):
        raise RoleError(action)
    rows = [each for each in transitions(action) if standing.state in each.sources]
    row = _in_turn(rows, standing.approvals)
    if row is None:
        sources = {state for each in transitions(action) for state in each.sources}
        raise misplaced(("la campaña", "the campaign"), IN_SPANISH, standing.state, sources)
    broken = tuple(
        condition
        for condition in row.conditions
        if not _holds(condition, standing, actor, now + lead_time, reason)
    )
    if broken:
        raise refusal(*broken)
    return row


def decide_text(
    action: str,
    review: Review,
    authors: frozenset[str],
    actor: Actor,
    *,
    reason: str | None = None,
    approvals: Approvals = ONE_APPROVAL,
) -> ReviewRow:
    """Return the row by which a version's review changes. Raises `RoleError`, `RefusedError`."""
    row = _in_turn([each for each in REVIEWS if each.action == action], approvals)
    if row is None or actor.role not in row.roles:
        raise RoleError(action)
    if review not in row.sources:
        raise misplaced(("ese texto", "that text"), TEXT_IN_SPANISH, review, row.sources)
    broken = []
    if Condition.FOUR_EYES in row.conditions and actor.id in authors:
        broken.append(Condition.FOUR_EYES)
    if Condition.OTHER_EYES in row.conditions and approvals.two and actor.id == approvals.first:
        broken.append(Condition.OTHER_EYES)
    if Condition.REASON in row.conditions and not reason:
        broken.append(Condition.REASON)
    if broken:
        raise refusal(*broken)
    return row


def _in_turn(rows: Sequence[_Row], approvals: Approvals) -> _Row | None:
    """Return the row whose turn it is: where two must approve and nobody has, the first of two."""
    first = [row for row in rows if row.first_of_two] if approvals.lacks_first else []
    return next(iter(first or (row for row in rows if not row.first_of_two)), None)


def _holds(
    condition: Condition, standing: Standing, actor: Actor, serves_from: datetime, reason: str | None
) -> bool:
    if condition is Condition.COMPLETE:
        return not standing.faults
    if condition is Condition.NO_REJECTED_TEXT:
        return not {Review.REJECTED, Review.TAKEN_DOWN} & set(standing.reviews)
    if condition is Condition.IN_TIME:
        return standing.ends_at is None or serves_from < standing.ends_at
    if condition is Condition.FOUR_EYES:
        return actor.id not in standing.authors
    if condition is Condition.OTHER_EYES:
        return not standing.approvals.two or actor.id != standing.approvals.first
    if condition is Condition.TEXT:
        return standing.served or Review.PENDING in standing.reviews
    if condition is Condition.REASON:
        return bool(reason)
    if condition is Condition.SAME_HAND:
        return actor.role != ADVERTISER or not standing.paused_by_carrier
    return True


@dataclass(frozen=True, slots=True)
class Deadlines:
    """When the approver must decide: so that it starts on time, and so that it serves at all."""

    on_time: datetime
    at_all: datetime


def deadlines(starts_at: datetime, ends_at: datetime, lead_time: timedelta) -> Deadlines:
    """Return the latest instants of approval."""
    return Deadlines(starts_at - lead_time, ends_at - lead_time)
