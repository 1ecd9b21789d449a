"""The worker's counter of supply."""

from hypothesis import given
from hypothesis import strategies as st

from engine.journal import ENTRY, Entry, Kind
from engine.supply import SupplyCounter
from inventory.plan import MAX_ROOM, ROOM_CLASS_OF

CODES = (33, 14039033, 55)
HOUR = 490_000


def entries(counter: SupplyCounter) -> list[Entry]:
    """Return what it would write."""
    return [Entry._make(each) for each in ENTRY.iter_unpack(counter.entries(HOUR))]


@given(
    st.lists(
        st.tuples(st.integers(0, len(CODES) - 1), st.integers(-200, MAX_ROOM), st.booleans()), max_size=50
    )
)
def test_each_notification_is_written_once_in_its_cell(seen: list[tuple[int, int, bool]]) -> None:
    """Place, room class and alphabet tell cells apart, and counts add up to what was seen."""
    counter = SupplyCounter(CODES)
    for place, room, wide in seen:
        counter.seen(place, room, wide)
    found = {(each.place, each.cause, each.reserved): each.number for each in entries(counter)}
    cells = [(CODES[place], ROOM_CLASS_OF[max(0, room)], int(wide)) for place, room, wide in seen]
    assert found == {cell: cells.count(cell) for cell in cells}
    assert all((each.kind, each.hour) == (Kind.SUPPLY, HOUR) for each in entries(counter))


def test_what_is_written_is_forgotten_and_what_is_not_waits() -> None:
    """Counts stay until the journal has them, and then begin anew."""
    counter = SupplyCounter(CODES)
    counter.seen(1, 80, wide=False)
    assert len(entries(counter)) == len(entries(counter)) == 1
    counter.seen(1, 85, wide=False)
    assert entries(counter)[0].number == 2
    counter.written()
    assert entries(counter) == []
    counter.seen(1, 80, wide=False)
    assert entries(counter)[0].number == 1
