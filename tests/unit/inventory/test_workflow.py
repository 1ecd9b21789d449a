"""The workflow's table: what it allows, what it refuses, and that its page says the same."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.access import Role
from inventory.campaign import CampaignClass, CampaignState, Review
from inventory.changes import RULES, KnownText, Rule, SpentError, change, changed_fields, plan_texts
from inventory.conditions import SENTENCES, Condition, RefusedError
from inventory.draft import CampaignDraft, CreativeDraft
from inventory.faults import Fault
from inventory.workflow import (
    BOOKED,
    REVIEWS,
    TRANSITIONS,
    Action,
    Actor,
    Approvals,
    RoleError,
    Standing,
    Transition,
    deadlines,
    decide,
    decide_text,
    possible,
    roles_of,
)
from segments.targets import Target

PAGE = (Path(__file__).parents[3] / "docs" / "workflow.md").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
DAY = timedelta(days=1)
BY_PEOPLE = [action for action in Action if roles_of(action)]
ORDER = list(CampaignState)


def standing(state: CampaignState, **fields: object) -> Standing:
    """Return a campaign of which nothing stands in the way."""
    values: dict[str, object] = {"ends_at": NOW + 5 * DAY, "reviews": (Review.PENDING,), **fields}
    return Standing(state, **values)  # type: ignore[arg-type]  # its own fields


def taken(action: Action, state: CampaignState, role: str, **fields: object) -> Transition:
    """Take an action as somebody who has not touched the campaign yet."""
    return decide(
        action, standing(state, **fields), Actor("x", role), now=NOW, lead_time=2 * DAY, reason="por esto"
    )


@pytest.mark.parametrize("action", BY_PEOPLE)
@pytest.mark.parametrize("state", CampaignState)
@pytest.mark.parametrize("role", Role)
def test_an_action_goes_where_the_table_says_and_nowhere_else(
    action: Action, state: CampaignState, role: Role
) -> None:
    """For every action, state and role: its row's state, or its refusal."""
    rows = [
        row
        for row in TRANSITIONS
        if (row.action, row.first_of_two) == (action, False) and state in row.sources
    ]
    if role not in roles_of(action):
        with pytest.raises(RoleError):
            taken(action, state, role)
    elif not rows:
        with pytest.raises(RefusedError) as refused:
            taken(action, state, role)
        assert refused.value.codes == ("state",)
    else:
        assert [taken(action, state, role)] == rows
        assert action in possible(state, role)


def test_a_refusal_names_each_state_once_in_both_languages() -> None:
    """Approval has two rows from the same state; who is refused reads that state once, and no code."""
    with pytest.raises(RefusedError) as refused:
        taken(Action.APPROVE, CampaignState.LIVE, Role.APPROVER)
    assert refused.value.en == "the campaign is live; this goes from: submitted"
    assert refused.value.es == "la campaña está al aire; esto solo se hace cuando está: en revisión"


def test_an_action_from_a_state_has_one_row() -> None:
    """The table never says two things about the same action and state."""
    pairs = [(row.action, row.first_of_two, state) for row in TRANSITIONS for state in row.sources]
    assert len(pairs) == len(set(pairs))


def test_every_state_can_be_reached_and_only_a_finished_campaign_stays() -> None:
    """From a draft one gets everywhere; people end in finished alone."""
    reached = {CampaignState.DRAFT}
    for _ in CampaignState:
        reached |= {row.target for row in TRANSITIONS if row.target and row.sources & reached}
    assert reached == set(CampaignState)
    ends = {state for state in CampaignState if not any(possible(state, role) for role in Role)}
    assert ends == {CampaignState.FINISHED}


@pytest.mark.parametrize(
    ("action", "state", "fields", "code"),
    [
        (Action.SUBMIT, CampaignState.DRAFT, {"faults": (Fault("/name", "missing", "", ""),)}, "complete"),
        (Action.SUBMIT, CampaignState.DRAFT, {"reviews": (Review.REJECTED,)}, "no_rejected_text"),
        (Action.SUBMIT, CampaignState.DRAFT, {"reviews": (Review.TAKEN_DOWN,)}, "no_rejected_text"),
        (Action.SUBMIT, CampaignState.DRAFT, {"ends_at": NOW + 2 * DAY}, "in_time"),
        (Action.APPROVE, CampaignState.SUBMITTED, {"ends_at": NOW + 2 * DAY}, "in_time"),
        (Action.APPROVE, CampaignState.SUBMITTED, {"authors": frozenset({"x"})}, "four_eyes"),
        (Action.REJECT, CampaignState.SUBMITTED, {"authors": frozenset({"x"})}, "four_eyes"),
        (Action.APPROVE, CampaignState.SUBMITTED, {"reviews": (Review.REJECTED,)}, "text"),
        (Action.RESUME, CampaignState.PAUSED, {"paused_by_carrier": True}, "same_hand"),
    ],
)
def test_a_condition_that_does_not_hold_is_named(
    action: Action, state: CampaignState, fields: dict[str, object], code: str
) -> None:
    """By its code, with a sentence in each language."""
    role = "advertiser" if action in {Action.SUBMIT, Action.RESUME} else "approver"
    with pytest.raises(RefusedError) as refused:
        taken(action, state, role, **fields)
    assert refused.value.codes == (code,)
    assert (refused.value.es, refused.value.en) == SENTENCES[Condition(code)]


def test_all_broken_conditions_are_told_at_once() -> None:
    """Nobody mends one to hear of the next."""
    campaign = standing(CampaignState.SUBMITTED, authors=frozenset({"x"}), reviews=(), ends_at=NOW)
    with pytest.raises(RefusedError) as refused:
        decide(Action.APPROVE, campaign, Actor("x", "approver"), now=NOW, lead_time=DAY)
    assert refused.value.codes == ("four_eyes", "in_time", "text")
    with pytest.raises(RefusedError) as refused:
        decide(
            Action.REJECT, standing(CampaignState.SUBMITTED), Actor("y", "approver"), now=NOW, lead_time=DAY
        )
    assert refused.value.codes == ("reason",)


@pytest.mark.parametrize("row", REVIEWS)
@pytest.mark.parametrize("review", Review)
@pytest.mark.parametrize("role", Role)
def test_a_text_is_decided_on_as_the_table_says(row: object, review: Review, role: Role) -> None:
    """For every action, review and role."""
    wanted = next(each for each in REVIEWS if each is row)
    actor = Actor("x", role)
    if role not in wanted.roles:
        with pytest.raises(RoleError):
            decide_text(wanted.action, review, frozenset(), actor, reason="r")
    elif review not in wanted.sources:
        with pytest.raises(RefusedError):
            decide_text(wanted.action, review, frozenset(), actor, reason="r")
    else:
        two = Approvals(two=wanted.first_of_two)
        assert decide_text(wanted.action, review, frozenset(), actor, reason="r", approvals=two) is wanted
        for condition, mine, reason in (("four_eyes", {"x"}, "r"), ("reason", set(), None)):
            if Condition(condition) in wanted.conditions:
                with pytest.raises(RefusedError):
                    decide_text(wanted.action, review, frozenset(mine), actor, reason=reason, approvals=two)


def test_two_people_approve_where_two_must() -> None:
    """The first leaves it submitted, a text pending; the same hand again is refused, another approves."""
    approve, submitted = Action.APPROVE, CampaignState.SUBMITTED
    assert taken(approve, submitted, "approver", approvals=Approvals(two=True)).target is None
    with pytest.raises(RefusedError) as refused:
        taken(approve, submitted, "approver", approvals=Approvals(two=True, first="x"))
    assert refused.value.codes == ("other_eyes",)
    for approvals in (Approvals(two=True, first="y"), Approvals(two=False, first="x")):
        assert taken(approve, submitted, "approver", approvals=approvals).target is CampaignState.APPROVED

    def text(approvals: Approvals) -> Review:
        actor = Actor("x", "approver")
        return decide_text("approve", Review.PENDING, frozenset(), actor, approvals=approvals).target

    assert text(Approvals(two=True)) is Review.PENDING
    assert text(Approvals(two=True, first="y")) is Review.APPROVED
    with pytest.raises(RefusedError):
        text(Approvals(two=True, first="x"))


def test_the_approver_is_told_the_latest_instants() -> None:
    """Lead time runs from approval."""
    told = deadlines(NOW + 3 * DAY, NOW + 9 * DAY, 2 * DAY)
    assert (told.on_time, told.at_all) == (NOW + DAY, NOW + 7 * DAY)


def test_the_page_has_the_table_and_nothing_else() -> None:
    """docs/workflow.md prints what the code decides by."""

    def listed(names: object) -> str:
        return ", ".join(f"`{each}`" for each in names) or "–"  # type: ignore[attr-defined]  # any iterable

    rows = {
        f"| `{row.action}` | {listed(sorted(row.sources, key=ORDER.index))} "
        f"| {f'`{row.target}`' if row.target else 'the same'} "
        f"| {', '.join(sorted(row.roles)) or 'the clock'} "
        f"| {listed(row.conditions)} | {row.note or '–'} |"
        for row in TRANSITIONS
    } | {
        f"| `{row.action}` | {listed(sorted(row.sources))} | `{row.target}` "
        f"| {', '.join(sorted(row.roles))} | {listed(row.conditions)} |"
        for row in REVIEWS
    }
    told = set(re.findall(r"^\| `.*$", PAGE, re.MULTILINE))
    assert rows <= told
    short = {line for line in told - rows if line.count(" | ") == 1}
    assert told == rows | short
    assert {f"| `{name}` | {en} |" for name, (_, en) in SENTENCES.items()} <= short
    assert {f"| `{name}` | `{rule}` |" for name, rule in RULES.items()} <= short
    assert {f"`{rule}`" for rule in Rule} <= {line.split(" | ")[0].removeprefix("| ") for line in short}


def draft(**fields: object) -> CampaignDraft:
    """Return a draft."""
    values: dict[str, object] = {
        "name": "Buen Fin",
        "brand": "tienda-sol",
        "category": "retail",
        "campaign_class": CampaignClass.STANDARD,
        "creatives": (CreativeDraft("uno"),),
        "target": Target(),
        "starts_at": NOW,
        "ends_at": NOW + DAY,
        "quantity": 100,
        **fields,
    }
    return CampaignDraft(**values)  # type: ignore[arg-type]  # its own fields


def test_every_field_of_a_draft_has_a_rule() -> None:
    """A field that nobody thought of may change in drafts only."""
    attributes = {"campaign_class" if name == "class" else name for name in RULES}
    assert attributes == set(CampaignDraft.__slots__)


def test_the_quantity_falls_to_what_is_spent_and_no_further() -> None:
    """Less needs nobody's leave; more has to fit."""
    found, faults = change(draft(), draft(quantity=40), 40)
    assert (found.fields, found.needs_availability, faults) == ({"quantity"}, False, [])
    with pytest.raises(SpentError) as spent:
        change(draft(), draft(quantity=39), 40)
    assert spent.value.least == 40
    assert change(draft(), draft(quantity=101), 40)[0].needs_availability
    assert change(draft(), draft(ends_at=NOW + 2 * DAY), 0)[0].needs_availability
    assert not change(draft(), draft(name="x", labels={"a": "b"}), 0)[0].needs_availability


def test_brand_and_category_change_in_drafts_only() -> None:
    """Each is a fault of its own."""
    _, faults = change(draft(), draft(brand="b", category="c"), 0)
    assert [(fault.pointer, fault.code) for fault in faults] == [
        ("/brand", "draft_only"),
        ("/category", "draft_only"),
    ]
    assert changed_fields(draft(), draft()) == frozenset()


def test_a_text_keeps_its_version_wherever_it_stands() -> None:
    """Same texts first; then the others in order; what is left over goes."""
    known = [KnownText(each, each, None) for each in ("a", "b", "c")]
    plan = plan_texts(known, [CreativeDraft("c"), CreativeDraft("new"), CreativeDraft("a")])
    assert (plan.kept, plan.renewed, plan.added, plan.removed) == ({0: "c", 2: "a"}, {1: "b"}, (), ())
    plan = plan_texts(known[:1], [CreativeDraft("x"), CreativeDraft("y")])
    assert (plan.renewed, plan.added, plan.removed) == ({0: "a"}, (1,), ())
    assert plan_texts(known, [CreativeDraft("b")]).removed == ("a", "c")
    assert {row.target for row in TRANSITIONS if row.sources == BOOKED} == {None, CampaignState.FINISHED}
