"""Supply as a worker counts it: notifications that could carry an ad, by place, room class and alphabet."""

from collections.abc import Iterable
from typing import Final

from engine.journal import ENTRY, Kind
from inventory.plan import ROOM_CLASS_OF, ROOM_CLASSES

_ROOM_CLASS_OF: Final = ROOM_CLASS_OF
_ROOM_CLASSES: Final = ROOM_CLASSES


class SupplyCounter:
    """Counts cell by cell until they are written to the journal; `codes` are the place codes in dense order.

    Statistics: what was counted since the last write goes with a worker that is killed.
    """

    __slots__ = ("_codes", "_counts", "_dirty")

    def __init__(self, codes: Iterable[int]) -> None:
        self._codes = list(codes)
        self._counts = [0] * (len(self._codes) * _ROOM_CLASSES * 2)
        self._dirty: list[int] = []

    def seen(self, place: int, room: int, wide: bool) -> None:
        """Count one notification at a dense place index; `room` (≤ MAX_ROOM) is what a creative may take."""
        cell = place * _ROOM_CLASSES
        if room > 0:
            cell += _ROOM_CLASS_OF[room]
        cell += cell
        if wide:
            cell += 1
        count = self._counts[cell]
        if not count:
            self._dirty.append(cell)
        self._counts[cell] = count + 1

    def unseen(self, place: int, room: int, wide: bool) -> None:
        """Take back what was counted last, for these values: it went to a test campaign."""
        cell = (place * _ROOM_CLASSES + (_ROOM_CLASS_OF[room] if room > 0 else 0)) * 2 + (1 if wide else 0)
        self._counts[cell] -= 1
        if not self._counts[cell]:
            self._dirty.remove(cell)

    def entries(self, hour: int) -> bytes:
        """Return what was counted as packed journal entries of an hour (since 1970-01-01T00 UTC)."""
        parts = []
        for cell in self._dirty:
            place, rest = divmod(cell, _ROOM_CLASSES * 2)
            room_class, wide = divmod(rest, 2)
            code, count = self._codes[place], self._counts[cell]
            parts.append(ENTRY.pack(Kind.SUPPLY, room_class, wide, 0, 0, code, hour, count))
        return b"".join(parts)

    def written(self) -> None:
        """Begin anew: what was counted is in the journal."""
        for cell in self._dirty:
            self._counts[cell] = 0
        self._dirty.clear()
