"""Whatever the plan, an ad that is chosen may be served."""

from hypothesis import given
from hypothesis import strategies as st

from engine.composition import Alphabet
from engine.decision import Creative
from engine.reasons import Reason
from inventory.plan import Vacancy
from tests.unit.engine.hand_made_plans import NOON, Cell, Table, planned

CAMPAIGNS = 5
SLOTS = st.integers(0, CAMPAIGNS - 1)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    """Draw shares that sum to at most one, and any lag list."""
    weights = draw(st.dictionaries(SLOTS, st.floats(0.01, 1), max_size=CAMPAIGNS))
    whole = sum(weights.values()) + draw(st.floats(0, 1))
    shares = {slot: weight / whole for slot, weight in weights.items()}
    return Cell(shares, draw(st.lists(SLOTS, max_size=8)), draw(st.sampled_from(Vacancy)))


@given(
    cells(),
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(1, 60)), min_size=5, max_size=5),
    st.floats(0, 1, exclude_max=True),
    st.integers(-5, 200),
)
def test_a_chosen_campaign_may_serve(
    cell: Cell, states: list[tuple[int, bool, int]], drawn: float, room: int
) -> None:
    """It is in the row or the list, holds a unit, is not stopped and fits; who is refused had a reason."""
    table = Table([planned(number, "x" * states[number][2]) for number in range(CAMPAIGNS)], cell)
    for lease, (held, stopped, _) in zip(table.leases, states, strict=True):
        lease.held, lease.stopped = held, stopped
    table.chance.value = drawn
    table.decision.at(NOON, (0,))
    outcome = table.decision.choose(0, room, False, Alphabet.GSM7)
    able = {
        slot for slot, (held, stopped, length) in enumerate(states) if held and not stopped and length <= room
    }
    if isinstance(outcome, Creative):
        assert outcome.offer.number in able & {*cell.shares, *cell.lag}
    else:
        assert not able & set(cell.lag)
        assert outcome in {*Reason}
    assert [lease.held for lease in table.leases] == [held for held, _, _ in states]
