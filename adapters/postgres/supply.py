"""Supply as it was counted, for the forecast: whole days rolled up, and read back as arrays.

The counts themselves are added by settlement (adapters.postgres.supply_counts). Detail is kept for
DETAIL_DAYS; of older days the rolled-up rows remain.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from adapters.postgres.pool import Pool, snapshot
from inventory.history import ALPHABETS, History
from inventory.plan import ROOM_CLASSES
from segments.numbering import Numbering
from segments.places import LADAS_PER_MUNICIPALITY

HISTORY_DAYS = 26 * 7 + 1
ROOM_DAYS = 28
DETAIL_DAYS = 14
# A day is rolled up when it has been over for so long, and anew while settlement may still add to it.
SETTLED_AFTER_HOURS = 2
ROLLED_ANEW_DAYS = 3

_HOURS = 24
_ROOMS = ALPHABETS * ROOM_CLASSES
# Any number that no other advisory lock has: "supply" in ASCII.
_LOCK = int.from_bytes(b"supply")
# Binary form of int[]: five words of header, then length and value of each element.
_ARRAY_HEADER = 20

_DUE = """
SELECT over.day FROM generate_series($1::int, $2::int) AS over (day)
WHERE EXISTS (SELECT FROM supply_counts WHERE hour >= over.day * 24 AND hour < (over.day + 1) * 24)
  AND (over.day > $2 - $3::int OR NOT EXISTS (SELECT FROM supply_days d WHERE d.day = over.day))
"""

_ROLL_UP = """
WITH detail AS (
    SELECT place, hour - $1 * 24 AS hour, room_class + CASE WHEN wide THEN 9 ELSE 0 END AS room, n
    FROM supply_counts WHERE hour >= $1 * 24 AND hour < ($1 + 1) * 24
), seen AS (
    SELECT DISTINCT place FROM detail
), by_hour AS (
    SELECT place, hour, sum(n)::int AS n FROM detail GROUP BY place, hour
), by_room AS (
    SELECT place, room, sum(n)::int AS n FROM detail GROUP BY place, room
)
INSERT INTO supply_days (day, places, hours, rooms)
SELECT $1, (SELECT array_send(array_agg(place ORDER BY place)) FROM seen),
    (SELECT array_send(array_agg(coalesce(n, 0) ORDER BY place, hour))
     FROM seen CROSS JOIN generate_series(0, 23) AS hour LEFT JOIN by_hour USING (place, hour)),
    (SELECT array_send(array_agg(coalesce(n, 0) ORDER BY place, room))
     FROM seen CROSS JOIN generate_series(0, 17) AS room LEFT JOIN by_room USING (place, room))
ON CONFLICT (day) DO UPDATE SET places = excluded.places, hours = excluded.hours, rooms = excluded.rooms
"""

_DAYS = """
SELECT day, places, hours, CASE WHEN day >= $2 THEN rooms END AS rooms
FROM supply_days WHERE day >= $1 ORDER BY day
"""

_DETAIL_HOURS = """
SELECT array_send(coalesce(array_agg(hour), '{}')) AS hours,
    array_send(coalesce(array_agg(place), '{}')) AS places,
    array_send(coalesce(array_agg(n), '{}')) AS counts
FROM (SELECT hour, place, sum(n)::int AS n FROM supply_counts c
      WHERE hour >= $1 AND NOT EXISTS (SELECT FROM supply_days d WHERE d.day = c.hour / 24)
      GROUP BY hour, place) AS detail
"""

_DETAIL_ROOMS = """
SELECT array_send(coalesce(array_agg(room), '{}')) AS rooms,
    array_send(coalesce(array_agg(place), '{}')) AS places,
    array_send(coalesce(array_agg(n), '{}')) AS counts
FROM (SELECT place, room_class + CASE WHEN wide THEN 9 ELSE 0 END AS room, sum(n)::int AS n
      FROM supply_counts c
      WHERE hour >= $1 AND NOT EXISTS (SELECT FROM supply_days d WHERE d.day = c.hour / 24)
      GROUP BY 1, 2) AS detail
"""

_SINCE = "SELECT place, sum(n)::bigint AS n FROM supply_counts WHERE hour >= $1 AND hour <= $2 GROUP BY place"

_BY_HOUR = """
SELECT array_send(coalesce(array_agg(hour), '{}')) AS hours,
    array_send(coalesce(array_agg(place), '{}')) AS places,
    array_send(coalesce(array_agg(n), '{}')) AS counts
FROM (SELECT hour, place, sum(n)::int AS n FROM supply_counts WHERE hour >= $1 AND hour <= $2
      GROUP BY hour, place) AS detail
"""

Ints = NDArray[np.int32]


async def roll_up(pool: Pool, hour: int) -> int:
    """Roll up the days that are over at `hour` (since 1970-01-01T00 UTC); return how many.

    One process at a time does it; another finds nothing to do.
    """
    over = (hour - SETTLED_AFTER_HOURS) // _HOURS - 1
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK):
            return 0
        newest = await connection.fetchval("SELECT max(day) FROM supply_days")
        if newest is not None and newest >= over:
            return 0
        first = await connection.fetchval("SELECT min(hour) / 24 FROM supply_counts")
        if first is None:
            return 0
        days = [row["day"] for row in await connection.fetch(_DUE, first, over, ROLLED_ANEW_DAYS)]
        for day in days:
            await connection.execute(_ROLL_UP, day)
        await connection.execute("DELETE FROM supply_counts WHERE hour < $1", (over - DETAIL_DAYS) * _HOURS)
        return len(days)


async def read_history(pool: Pool, numbering: Numbering, hour: int) -> History:
    """Return what was counted in the HISTORY_DAYS before `hour`, and in the day that it lies in."""
    first_day = hour // _HOURS - HISTORY_DAYS
    room_day = hour // _HOURS - ROOM_DAYS
    async with snapshot(pool) as connection:
        days = await connection.fetch(_DAYS, first_day, room_day)
        [hours] = await connection.fetch(_DETAIL_HOURS, first_day * _HOURS)
        [rooms] = await connection.fetch(_DETAIL_ROOMS, room_day * _HOURS)
    index = _index_of(numbering)
    reader = _Reader(index, len(numbering.places), first_day, (hour // _HOURS + 1 - first_day) * _HOURS)
    for row in days:
        reader.add_day(row["day"], ints_of(row["places"]), ints_of(row["hours"]))
        if row["rooms"] is not None:
            reader.add_rooms(ints_of(row["places"]), ints_of(row["rooms"]))
    reader.add_detail(ints_of(hours["hours"]), ints_of(hours["places"]), ints_of(hours["counts"]))
    reader.add_detail_rooms(ints_of(rooms["rooms"]), ints_of(rooms["places"]), ints_of(rooms["counts"]))
    return reader.history()


async def read_since(pool: Pool, numbering: Numbering, first: int, last: int) -> NDArray[np.float64]:
    """Return what was counted by dense place index in the hours `first` to `last`, both included."""
    counted = np.zeros(len(numbering.places))
    rows = await pool.fetch(_SINCE, first, last)
    index = _index_of(numbering).of(np.array([row["place"] for row in rows], dtype=np.int32))
    np.add.at(counted, index[index >= 0], np.array([row["n"] for row in rows], dtype=np.float64)[index >= 0])
    return counted


async def read_by_hour(pool: Pool, numbering: Numbering, first: int, last: int) -> NDArray[np.float64]:
    """Return what was counted in the hours `first` to `last`, both included: shape (hours, places)."""
    counted = np.zeros((last - first + 1, len(numbering.places)))
    [row] = await pool.fetch(_BY_HOUR, first, last)
    index = _index_of(numbering).of(ints_of(row["places"]))
    known = index >= 0
    hours = ints_of(row["hours"]).astype(np.intp) - first
    np.add.at(counted, (hours[known], index[known]), ints_of(row["counts"])[known])
    return counted


class PlaceIndex:
    """From place codes to dense indexes. A pair that the numbering lost is its LADA's place; −1 for none."""

    def __init__(self, numbering: Numbering) -> None:
        known = sorted(numbering.index_by_code.items())
        self._codes = np.array([code for code, _ in known])
        self._places = np.array([place for _, place in known], dtype=np.intp)
        self._of_lada = np.full(LADAS_PER_MUNICIPALITY, -1, dtype=np.intp)
        for lada, place in numbering.lada_decided.items():
            self._of_lada[int(lada)] = place

    def of(self, codes: Ints) -> NDArray[np.intp]:
        """Return the indexes of codes."""
        at = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        lost = self._of_lada[codes % LADAS_PER_MUNICIPALITY]
        return np.where(self._codes[at] == codes, self._places[at], lost)


@lru_cache(maxsize=2)
def _index_of(numbering: Numbering) -> PlaceIndex:
    return PlaceIndex(numbering)


class _Reader:
    """Rows on their way into a history."""

    def __init__(self, index: PlaceIndex, places: int, first_day: int, hours: int) -> None:
        self._index = index
        self._first_day = first_day
        self._first_seen = hours
        self._by_hour = np.zeros((hours, places), np.float32)
        self._rooms = np.zeros((places, _ROOMS))

    def add_day(self, day: int, codes: Ints, counts: Ints) -> None:
        row = (day - self._first_day) * _HOURS
        if row >= len(self._by_hour):
            return  # a clock ran ahead
        self._first_seen = min(self._first_seen, row)
        index = self._index.of(codes)
        known = index >= 0
        by_place = counts.reshape(len(codes), _HOURS)
        if len(np.unique(index)) == len(index):
            self._by_hour[row : row + _HOURS, index[known]] = by_place[known].T
        else:
            np.add.at(self._by_hour[row : row + _HOURS].T, index[known], by_place[known])

    def add_rooms(self, codes: Ints, counts: Ints) -> None:
        index = self._index.of(codes)
        np.add.at(self._rooms, index[index >= 0], counts.reshape(len(codes), _ROOMS)[index >= 0])

    def add_detail(self, hours: Ints, codes: Ints, counts: Ints) -> None:
        index = self._index.of(codes)
        row = hours.astype(np.intp) - self._first_day * _HOURS
        usable = (index >= 0) & (row < len(self._by_hour))
        if usable.any():
            self._first_seen = min(self._first_seen, int(row[usable].min()))
        np.add.at(self._by_hour, (row[usable], index[usable]), counts[usable])

    def add_detail_rooms(self, rooms: Ints, codes: Ints, counts: Ints) -> None:
        index = self._index.of(codes)
        np.add.at(self._rooms, (index[index >= 0], rooms[index >= 0]), counts[index >= 0])

    def history(self) -> History:
        """Return what was read, from the first hour that has counts on."""
        seen = self._first_seen
        rooms = self._rooms.reshape(-1, ALPHABETS, ROOM_CLASSES)
        return History(self._first_day * _HOURS + seen, self._by_hour[seen:], rooms)


def ints_of(octets: bytes) -> Ints:
    """Return the elements of an int[] in PostgreSQL's binary form; an empty one has no dimension."""
    return np.frombuffer(octets[_ARRAY_HEADER:], ">i4")[1::2].astype(np.int32)
