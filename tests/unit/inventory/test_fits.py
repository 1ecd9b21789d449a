"""Fits: the share of notifications that a text fits, and how short it must be to fit most."""

import numpy as np
import pytest

from inventory.cold_start import room_mix
from inventory.fits import fits, rooms_of
from inventory.plan import ROOM_CLASS_FLOORS, ROOM_CLASSES

MIX = np.zeros((2, ROOM_CLASSES))
MIX[0, 8] = 0.6  # 110 septets and more
MIX[0, 4] = 0.3  # 60–69
MIX[1, 1] = 0.1  # 20–39 units


def test_a_text_fits_what_it_fits_at_the_lower_end() -> None:
    """A class counts when its lower end takes the text, measured in the class's own alphabet."""
    assert fits(MIX, 60, 60, cold_start=False).share == pytest.approx(0.9)
    assert fits(MIX, 61, 61, cold_start=False).share == pytest.approx(0.6)
    assert fits(MIX, 111, 20, cold_start=False).share == pytest.approx(0.1)


def test_the_length_that_reaches_the_wanted_share_is_named() -> None:
    """The longest text that fits 95 % of notifications has the lower end of a class."""
    assert fits(MIX, 60, 60, cold_start=True).length_wanted == 20
    assert fits(MIX, 60, 60, cold_start=False, wanted=0.9).length_wanted == 60
    assert fits(MIX, 1, 1, cold_start=False, wanted=0.5).length_wanted == 110


def test_where_most_have_no_room_no_length_is_named() -> None:
    """A target whose notifications leave no room reaches the wanted share with no text."""
    crowded = np.zeros((2, ROOM_CLASSES))
    crowded[0, 0] = 1.0
    assert fits(crowded, 10, 10, cold_start=False).length_wanted is None
    assert fits(crowded, 10, 10, cold_start=False).share == 0


def test_places_weigh_by_their_traffic() -> None:
    """The mix over a target is that of its notifications, not of its places."""
    alphabets = np.stack([MIX, room_mix()])
    mixed = rooms_of(alphabets, np.array([3.0, 1.0]), np.array([0, 1]))
    assert mixed == pytest.approx((3 * MIX + room_mix()) / 4)
    assert rooms_of(alphabets, np.zeros(2), np.array([0, 1])) == pytest.approx((MIX + room_mix()) / 2)


def test_a_target_without_places_is_refused() -> None:
    """An empty target has no notifications to fit."""
    with pytest.raises(ValueError, match="no place"):
        rooms_of(np.stack([MIX]), np.ones(1), np.array([], dtype=np.intp))


def test_the_assumed_mix_is_whole() -> None:
    """What is assumed before anything was counted adds up, in classes that there are."""
    assert room_mix().sum() == pytest.approx(1)
    assert room_mix().shape == (2, len(ROOM_CLASS_FLOORS))
