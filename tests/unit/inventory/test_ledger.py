"""What events do to counts and ledger."""

from hypothesis import given
from hypothesis import strategies as st

from inventory.books import CountKey, Event
from inventory.ledger import EFFECTS, Movement, movements

KEYS = st.builds(
    CountKey,
    campaign=st.integers(1, 3),
    creative_version=st.integers(1, 2),
    place=st.just(33),
    hour=st.just(9),
)
EVENTS = st.dictionaries(
    st.tuples(KEYS, st.sampled_from(Event), st.sampled_from(["", "why"])), st.integers(1, 99)
)


def test_every_event_keeps_the_ledgers_equation() -> None:
    """Settled = accepted + unknown after every kind of event."""
    assert set(EFFECTS) == set(Event)
    for effect in EFFECTS.values():
        assert effect.spent - effect.freed == effect.accepted + effect.unknown


@given(EVENTS)
def test_movements_add_up(events: dict[tuple[CountKey, Event, str], int]) -> None:
    """Folding keeps every count, campaign by campaign, in the order of their numbers."""
    moved = movements(events)
    assert list(moved) == sorted({key.campaign for key, _, _ in events})
    inserted = sum(n for (_, event, _), n in events.items() if event is Event.INSERTED)
    assert sum(movement.inserted for movement in moved.values()) == inserted
    for movement in moved.values():
        assert movement.spent - movement.freed == movement.accepted + movement.unknown


def test_nothing_moves_nothing() -> None:
    """A batch without events has no movement; a movement by default changes nothing."""
    assert movements({}) == {}
    assert Movement().plus(EFFECTS[Event.ACCEPTED], 0) == Movement()
