"""Supply from a notification to a batch: what is counted, whatever stands in the way of an ad."""

import pytest

from adapters.files.reference_data import load_numbering
from engine.assembly import make_inserter
from engine.inserter import Inserter
from engine.journal import ENTRY, Entry, Frame, Kind
from engine.predicate import HAS_SHORT_MESSAGE, Header
from engine.settings import Settings
from engine.settlement import Fold
from inventory.books import Epoch, SupplyKey
from inventory.plan import ROOM_CLASS_OF

NUMBERING = load_numbering()
HOUR = 490_000
TO = b"525501234567"
BODY = b"Llamada perdida de 5501234567"
WIDE = "Llamó 5501234567".encode("utf-16-be")


def word(data_coding: int = 0, esm_class: int = 0) -> int:
    """Return the header octets of a plain notification."""
    return Header(esm_class, 0, 0, data_coding, 0, HAS_SHORT_MESSAGE).word


@pytest.fixture
def inserter() -> Inserter:
    """Return an inserter that has no plan yet, and quiet hours all day."""
    quiet = {"policy": {"quiet_hours": {"from": "00:00", "to": "23:59"}}}
    settings = Settings.model_validate(quiet)
    return make_inserter(settings, settings.relay.routes[0], NUMBERING)


def batch_supply(inserter: Inserter) -> dict[SupplyKey, int]:
    """Return what a batch of the journal says was counted."""
    fold = Fold(Epoch("relay-1", 0, 1), 0)
    fold.add([Frame(1, inserter.supply.entries(HOUR), 0)])
    batch = fold.batch()
    assert batch is not None
    return dict(batch.supply)


def test_rooms_of_both_alphabets_are_counted_by_place(inserter: Inserter) -> None:
    """Septets and UCS-2 units are kept apart, the separator taken off; counts of a cell add up."""
    for _ in range(3):
        assert inserter.supplied(b"", TO, word(), BODY) is None
    inserter.supplied(b"", TO, word(data_coding=8), WIDE)
    code = NUMBERING.places[NUMBERING.place_of(5501234567)].code
    narrow = ROOM_CLASS_OF[160 - len(BODY) - 1]
    wide = ROOM_CLASS_OF[70 - len(WIDE) // 2 - 1]
    assert batch_supply(inserter) == {
        SupplyKey(HOUR, code, narrow, wide=False): 3,
        SupplyKey(HOUR, code, wide, wide=True): 1,
    }


@pytest.mark.parametrize(
    ("to", "header", "body"),
    [
        (TO, word(esm_class=0x40), BODY),  # a part with a user data header
        (b"14155550123", word(), BODY),  # no Mexican subscriber
        (TO, word(data_coding=8), b"odd"),  # no body of its alphabet
    ],
)
def test_what_could_carry_no_ad_is_no_supply(inserter: Inserter, to: bytes, header: int, body: bytes) -> None:
    """Refused by the predicate, for nobody known, or in octets that its alphabet has not: not counted."""
    inserter.supplied(b"", to, header, body)
    assert inserter.supply.entries(HOUR) == b""


def test_a_batch_has_each_hour_on_its_own() -> None:
    """Tallies of supply add up by hour, place, room class and alphabet, and touch no other count."""
    fold = Fold(Epoch("relay-1", 0, 1), 0)

    def frame(sequence: int, hour: int, count: int) -> Frame:
        return Frame(sequence, ENTRY.pack(*Entry(Kind.SUPPLY, 8, 1, 0, 0, 33, hour, count)), 0)

    fold.add([frame(1, HOUR, 2), frame(2, HOUR, 3), frame(3, HOUR + 1, 4)])
    batch = fold.batch()
    assert batch is not None
    assert batch.supply == {SupplyKey(HOUR, 33, 8, wide=True): 5, SupplyKey(HOUR + 1, 33, 8, wide=True): 4}
    assert (batch.notifications, batch.pass_through, batch.events) == ({}, {}, {})
