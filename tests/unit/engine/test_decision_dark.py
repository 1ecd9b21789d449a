"""Blackouts in the hot path: exact at their instants, place by place, whatever the plan's rows still say."""

import pytest

from engine.composition import Alphabet
from engine.decision import Creative, Darkness, Decision, Offer
from engine.leasebook import Lease
from engine.reasons import Reason
from inventory.blackouts import PlannedBlackout
from tests.unit.engine.hand_made_plans import CLOSES, NOON, Cell, plan_of, planned

DARK, LIT = 3, 11
PLACES = 16
FROM, TO = NOON + 10.25, NOON + 20.5


def blackout(begins: float = FROM, ends: float = TO, place: int = DARK) -> Darkness:
    """Return a blackout at one place."""
    bits = bytearray(PLACES // 8)
    bits[place >> 3] |= 1 << (place & 7)
    return Darkness(PlannedBlackout(begins, ends, None, bytes(bits)))


def offer(*dark: Darkness, number: int = 1, text: str = "Compra hoy") -> Offer:
    """Return a campaign that is ruled out by these blackouts, by their beginning."""
    lease = Lease(number)
    lease.held = 10
    return Offer(planned(number, text), lease, " ", dark=list(dark) or None)


def decision(*offers: Offer) -> Decision:
    """Return a decision that draws the first, then goes through the list."""
    catalogue = [planned(each.number) for each in offers]
    cell = Cell({0: 1.0}, range(len(offers)))
    return Decision(plan_of(catalogue, [cell], [0] * PLACES), offers, [0] * PLACES, lambda: 0.0)


def chosen(made: Decision, now: float, place: int = DARK, room: int = 160) -> int | Reason:
    """Return the campaign that is chosen, or why none is."""
    made.at(now, (0,))
    outcome = made.choose(place, room, False, Alphabet.GSM7)
    return outcome.offer.number if isinstance(outcome, Creative) else outcome


@pytest.mark.parametrize(
    ("now", "expected"),
    [(FROM - 0.001, 1), (FROM, Reason.BLACKOUT), (TO - 0.001, Reason.BLACKOUT), (TO, 1)],
)
def test_the_instants_are_half_open(now: float, expected: int | Reason) -> None:
    """One plan, however old, obeys a blackout from its first instant to before its last."""
    assert chosen(decision(offer(blackout())), now) == expected
    assert chosen(decision(offer(blackout())), now, LIT) == 1


def test_another_campaign_may_have_an_ad() -> None:
    """What is ruled out is the category, not the place."""
    assert chosen(decision(offer(blackout()), offer(number=2)), FROM) == 2


def test_any_of_several_rules_out() -> None:
    """One that is over, one elsewhere and one to come hide none that holds."""
    several = (blackout(NOON - 9, NOON - 1), blackout(place=LIT), blackout(), blackout(TO + 1, CLOSES))
    made = decision(offer(*several))
    assert [chosen(made, at) for at in (NOON, FROM, TO, TO + 1)] == [1, Reason.BLACKOUT, 1, Reason.BLACKOUT]


def test_a_blackout_comes_before_room() -> None:
    """The first reason in the documented order is counted."""
    assert chosen(decision(offer(blackout(), text="x" * 99)), FROM, room=50) is Reason.BLACKOUT


def test_test_campaigns_obey() -> None:
    """An ad for the carrier's own subscribers is an ad."""
    lease = Lease(1)
    lease.held = 10
    tested = Offer(planned(1), lease, " ", dark=[blackout()])
    tested.test_places = frozenset({DARK})
    made = decision(offer(number=2))
    made.serve_tests([tested], frozenset({5501234567}))
    outcomes = []
    for now in (NOON, FROM):
        made.at(now, (0,))
        outcomes.append(made.choose_test(DARK, 160, False, Alphabet.GSM7) is not None)
    assert outcomes == [True, False]
