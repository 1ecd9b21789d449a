"""The plan file."""

from collections.abc import Sequence
from io import BytesIO

import pytest

from inventory.plan import (
    MAX_ROOM,
    ROOM_CLASS_FLOORS,
    ROOM_CLASS_OF,
    Plan,
    PlanError,
    PlannedCampaign,
    PlannedCreative,
    Vacancy,
    catalogue_digest,
    catalogue_octets,
    decode_plan,
    encode_plan,
)

CATALOGUE = (
    PlannedCampaign(
        7,
        1.5,
        2.25,
        (((0, 1), 540, 600), ((6,), 1320, 120)),
        (PlannedCreative(70, "Compra hoy", 1), PlannedCreative(71, "Mañana", 3)),
    ),
    PlannedCampaign(4_000_000_000, 0.0, 4e9, (), (PlannedCreative(1, "x", 1),)),
)


def plan(catalogue: Sequence[PlannedCampaign] = CATALOGUE) -> Plan:
    """Return a small plan that fills every section with an odd number of octets."""
    octets = catalogue_octets(catalogue)
    return Plan(
        version=3,
        numbering="0123456789abcdef",
        catalogue_digest=catalogue_digest(octets),
        group_of_place=[0, 1, 1],
        vacancy=[Vacancy.NO_CAMPAIGN, Vacancy.NONE, Vacancy.ON_PACE],
        row_start=[0, 0, 1],
        row_end=[0, 1, 1],
        row_share=[1.0],
        row_slot=[1],
        lag_start=[0, 0, 3, 3],
        lag_slot=[1, 0, 65535],
        catalogue_octets=octets,
    )


def decoded(octets: bytes) -> Plan:
    """Return the plan of a file."""
    return decode_plan(BytesIO(octets).read)


ARRAYS = (
    "group_of_place",
    "vacancy",
    "row_start",
    "row_end",
    "row_share",
    "row_slot",
    "lag_start",
    "lag_slot",
)


def test_a_plan_comes_back_as_it_was() -> None:
    """Encoding and decoding keeps every section."""
    before, after = plan(), decoded(encode_plan(plan()))
    assert (after.version, after.numbering) == (before.version, before.numbering)
    assert after.catalogue() == CATALOGUE
    assert after.catalogue_digest == before.catalogue_digest
    for name in ARRAYS:
        assert list(getattr(after, name)) == list(getattr(before, name))


def test_an_empty_plan_comes_back() -> None:
    """A plan without campaigns has empty rows and an empty catalogue."""
    octets = catalogue_octets([])
    empty = Plan(
        1, "n", catalogue_digest(octets), [0], [1] * 9, [0] * 9, [0] * 9, [], [], [0] * 10, [], octets
    )
    after = decoded(encode_plan(empty))
    assert after.catalogue() == ()
    assert list(after.row_share) == list(after.lag_slot) == []


def test_a_catalogue_comes_in_pieces() -> None:
    """However long the entries, those of all pieces are the catalogue, in its order."""
    text = "x" * 300
    long = tuple(
        PlannedCampaign(number, 0.0, 9.0, (), (PlannedCreative(number, f"{text}{number}", 1),))
        for number in range(200)
    )
    pieces = list(decoded(encode_plan(plan(long))).catalogue_pieces())
    assert len(pieces) > 4
    assert tuple(each for piece in pieces for each in piece) == long


def test_the_digest_tells_catalogues_apart() -> None:
    """The same campaigns have the same digest, any change another."""
    assert plan().catalogue_digest == plan().catalogue_digest
    assert plan().catalogue_digest != plan(CATALOGUE[:1]).catalogue_digest


def test_every_truncation_is_refused() -> None:
    """A file cut anywhere is no plan."""
    octets = encode_plan(plan())
    for size in range(len(octets)):
        with pytest.raises(PlanError):
            decoded(octets[:size])


def test_every_flipped_bit_is_refused() -> None:
    """One wrong bit anywhere, the header's length included, and the file is no plan."""
    octets = bytearray(encode_plan(plan()))
    for bit in range(8 * len(octets)):
        octets[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PlanError):
            decoded(bytes(octets))
        octets[bit // 8] ^= 1 << bit % 8


def test_octets_after_the_plan_are_refused() -> None:
    """A file with something behind it is not the one that was written."""
    with pytest.raises(PlanError):
        decoded(encode_plan(plan()) + b"\0")


def test_room_classes_begin_at_their_floors() -> None:
    """Each floor begins a class, and the class lasts to the next floor."""
    assert [ROOM_CLASS_OF[floor] for floor in ROOM_CLASS_FLOORS] == list(range(9))
    assert [ROOM_CLASS_OF[floor - 1] for floor in ROOM_CLASS_FLOORS[1:]] == list(range(8))
    assert len(ROOM_CLASS_OF) == MAX_ROOM + 1
    assert ROOM_CLASS_OF[MAX_ROOM] == 8


def test_a_campaign_that_did_not_change_is_not_parsed_again() -> None:
    """Of thousands a few change at a time: a switch to a new catalogue takes over the rest."""
    [first, *_], [again] = plan().catalogue(), plan(CATALOGUE[:1]).catalogue()
    assert again is first
