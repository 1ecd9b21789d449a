"""Supply in PostgreSQL: added with a batch, rolled up by days, read back as arrays."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import numpy as np
import pytest

from adapters.files.reference_data import load_numbering
from adapters.postgres.books import PostgresBooks
from adapters.postgres.pool import Pool
from adapters.postgres.supply import (
    DETAIL_DAYS,
    HISTORY_DAYS,
    read_by_hour,
    read_history,
    read_since,
    roll_up,
)
from inventory.books import Batch, Epoch, SupplyKey
from inventory.history import History

pytestmark = pytest.mark.postgres

HOUR = 480_000 - 480_000 % 24 + 15
DAY = HOUR // 24
NUMBERING = load_numbering()
FIRST, SECOND = 0, len(NUMBERING.places) - 1
LOST_PAIR = 99999 * 1000 + int(NUMBERING.places[FIRST].lada)
Result = TypeVar("Result")


class Shelf:
    """Books and supply on one pool."""

    def __init__(self, runner: asyncio.Runner, pool: Pool) -> None:
        self._runner = runner
        self.pool = pool
        self.settled = 0

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what a coroutine returns."""
        return self._runner.run(work)

    def add(self, supply: Mapping[SupplyKey, int], *, times: int = 1) -> None:
        """Settle a batch with supply, as often as asked."""
        epoch, books = Epoch("relay-1", 0, 1), PostgresBooks(self.pool)
        self.run(books.open_epoch(epoch, "boot"))
        batch = Batch(epoch, self.settled, self.settled + 1, supply=supply)
        for _ in range(times):
            self.run(books.settle(batch))
        self.settled += 1

    def history(self, hour: int = HOUR) -> History:
        """Read the history before an hour."""
        return self.run(read_history(self.pool, NUMBERING, hour))

    def rows(self, query: str) -> Any:
        """Return what a query returns."""
        return self.run(self.pool.fetch(query))


@pytest.fixture
def shelf(runner: asyncio.Runner, pool: Pool) -> Shelf:
    """Return books on an empty, migrated database."""
    return Shelf(runner, pool)


def key(hour: int, place: int, room_class: int = 8, *, wide: bool = False) -> SupplyKey:
    """Return the cell of a dense place."""
    return SupplyKey(hour, NUMBERING.places[place].code, room_class, wide)


def test_a_batch_adds_its_supply_once(shelf: Shelf) -> None:
    """However often a batch is offered, its supply counts once, and the next one adds to it."""
    shelf.add({key(HOUR, FIRST): 3, key(HOUR, FIRST, 2, wide=True): 1}, times=3)
    shelf.add({key(HOUR, FIRST): 2})
    found = {(row["room_class"], row["wide"]): row["n"] for row in shelf.rows("SELECT * FROM supply_counts")}
    assert found == {(8, False): 5, (2, True): 1}


def test_nothing_counted_is_an_empty_history(shelf: Shelf) -> None:
    """A new node has no hours to tell of."""
    assert shelf.history().hours == 0
    assert shelf.run(roll_up(shelf.pool, HOUR)) == 0


def test_a_rolled_day_reads_as_its_detail_did(shelf: Shelf) -> None:
    """Rolling a day up changes nothing of the history: hours, places and rooms stay."""
    shelf.add(
        {
            key(HOUR - 48, FIRST): 7,
            key(HOUR - 47, FIRST, 1, wide=True): 2,
            key(HOUR - 47, SECOND): 4,
            key(HOUR - 1, SECOND): 9,
        }
    )
    before = shelf.history()
    assert shelf.run(roll_up(shelf.pool, HOUR)) == 1
    assert [row["day"] for row in shelf.rows("SELECT day FROM supply_days")] == [DAY - 2]
    after = shelf.history()
    for history in (before, after):
        row = HOUR - 48 - history.first_hour
        assert history.by_hour[row, FIRST] == 7
        assert history.by_hour[row + 1].sum() == 6
        assert history.by_hour[row + 47, SECOND] == 9
        assert history.by_hour.sum() == 22
    assert np.array_equal(before.rooms, after.rooms)
    assert after.rooms[FIRST, 1, 1] == 2


def test_what_is_settled_late_reaches_the_history(shelf: Shelf) -> None:
    """Supply of a day that was rolled up already is taken in when the next day is."""
    shelf.add({key(HOUR - 24, FIRST): 5})
    shelf.run(roll_up(shelf.pool, HOUR))
    shelf.add({key(HOUR - 24, FIRST): 1, key(HOUR, FIRST): 1})
    assert shelf.run(roll_up(shelf.pool, HOUR)) == 0
    assert shelf.run(roll_up(shelf.pool, HOUR + 24)) == 2
    assert shelf.history(HOUR + 24).by_hour.sum() == 7


def test_detail_goes_and_days_stay(shelf: Shelf) -> None:
    """After DETAIL_DAYS a day's detail is deleted; what it says of the hours stays."""
    old = HOUR - 24 * (DETAIL_DAYS + 3)
    shelf.add({key(old, FIRST): 5})
    shelf.run(roll_up(shelf.pool, old + 48))
    shelf.add({key(HOUR - 24, FIRST): 1})
    shelf.run(roll_up(shelf.pool, HOUR))
    assert [row["hour"] for row in shelf.rows("SELECT hour FROM supply_counts")] == [HOUR - 24]
    assert shelf.history().by_hour.sum() == 6


def test_a_clock_that_ran_ahead_leaves_no_future(shelf: Shelf) -> None:
    """Hours after today are not part of the history, and roll no day up."""
    shelf.add({key(HOUR - 1, FIRST): 5, key(HOUR + 300, FIRST): 8})
    assert shelf.run(roll_up(shelf.pool, HOUR)) == 0
    assert shelf.history().by_hour.sum() == 5


def test_a_pair_that_the_numbering_lost_counts_for_its_lada(shelf: Shelf) -> None:
    """Counts under a municipality that is gone are its LADA's; those of an unknown LADA are left out."""
    shelf.add({SupplyKey(HOUR - 1, LOST_PAIR, 0, wide=False): 4, SupplyKey(HOUR - 1, 100, 0, wide=False): 2})
    lada = NUMBERING.lada_decided[NUMBERING.places[FIRST].lada]
    assert shelf.history().by_hour[:, lada].sum() == shelf.history().by_hour.sum() == 4
    assert shelf.run(read_since(shelf.pool, NUMBERING, HOUR - 2, HOUR))[lada] == 4


def test_half_a_year_of_every_place_is_read(shelf: Shelf) -> None:
    """A full history has a row for every hour of HISTORY_DAYS and every place."""
    shelf.run(
        shelf.pool.execute(
            "INSERT INTO supply_days SELECT day, array_send($1::int[]), "
            "array_send(array_fill(3, ARRAY[24 * $2::int])), "
            "array_send(array_fill(4, ARRAY[18 * $2::int])) FROM generate_series($3::int, $4::int) AS day",
            [place.code for place in NUMBERING.places],
            len(NUMBERING.places),
            DAY - HISTORY_DAYS,
            DAY - 1,
        )
    )
    history = shelf.history()
    assert history.by_hour[: HISTORY_DAYS * 24].min() == 3
    assert history.rooms.min() == history.rooms.max() == 28 * 4


def test_hours_are_read_one_by_one(shelf: Shelf) -> None:
    """The planner reads what came by hour and place, both ends included."""
    shelf.add(
        {key(HOUR, FIRST): 3, key(HOUR, FIRST, 2): 1, key(HOUR + 2, SECOND): 5, key(HOUR + 3, FIRST): 9}
    )
    came = shelf.run(read_by_hour(shelf.pool, NUMBERING, HOUR, HOUR + 2))
    assert came.shape == (3, len(NUMBERING.places))
    assert (came[0, FIRST], came[2, SECOND], came.sum()) == (4, 5, 9)
