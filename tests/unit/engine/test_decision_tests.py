"""Test campaigns in a decision: for the carrier's test subscribers, and nowhere else."""

from dataclasses import replace

from engine.decision import Creative
from engine.supply import SupplyCounter
from inventory.plan import PlannedCampaign
from tests.unit.engine.hand_made_plans import Cell, Table, planned

ROOM = 80
TESTER = 5501234567


def trial(number: int, *places: int) -> PlannedCampaign:
    """Return a test campaign at some places."""
    return replace(planned(number), test_places=places)


def table(*tests: PlannedCampaign, held: int = 10) -> Table:
    """Return a decision over one place with a common campaign (number 1) and test campaigns behind it."""
    made = Table([planned(1), *tests], Cell({0: 1.0}), held=held)
    made.decision.serve_tests(made.offers[1:], frozenset({TESTER}))
    return made


def served(made: Table, place: int = 0, room: int = ROOM) -> int | None:
    """Return the number of the test campaign that serves, None for none."""
    chosen = made.decision.choose_test(place, room, wide=False, alphabet=0)
    return None if chosen is None else chosen.offer.number


def test_what_all_get_is_never_a_test_campaign() -> None:
    """The draw and the lists know nothing of test campaigns, whatever chance says."""
    made = table(trial(2, 0), trial(3, 0))
    for value in (0.0, 0.5, 0.999):
        made.chance.value = value
        chosen = made.decision.choose(0, ROOM, wide=False, alphabet=0)
        assert isinstance(chosen, Creative)
        assert chosen.offer.number == 1
    assert table().decision.testers is None


def test_testers_get_any_test_campaign_that_may_serve_at_their_place() -> None:
    """By chance among those that reach the place; what is stopped or too long leaves it to others."""
    made = table(trial(2, 0), trial(3, 0, 1))
    assert made.decision.testers == {TESTER}
    assert (served(made), served(made, place=1), served(made, place=2)) == (2, 3, None)
    made.chance.value = 0.6
    assert served(made) == 3
    made.leases[2].stopped = True
    assert served(made) == 2
    assert served(made, room=3) is None


def test_a_test_campaign_without_a_unit_asks_for_one() -> None:
    """Nothing is served without a lease, for tests neither."""
    made = table(trial(2, 0), held=0)
    assert served(made) is None
    assert made.leases[1].missed


def test_what_a_test_takes_is_no_supply() -> None:
    """A counted notification can be taken back, and its cell is written once all the same."""
    counter = SupplyCounter((33, 55))
    counter.seen(1, ROOM, wide=True)
    counter.unseen(1, ROOM, wide=True)
    assert counter.entries(0) == b""
    counter.seen(1, ROOM, wide=True)
    once = counter.entries(0)
    counter.seen(1, ROOM, wide=True)
    counter.unseen(1, ROOM, wide=True)
    assert counter.entries(0) == once
