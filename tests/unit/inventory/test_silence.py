"""Silent regions: noticed soon, never by chance, and no flapping."""

import numpy as np

from inventory.plan import ROOM_CLASSES
from inventory.silence import LONGEST_GAP_S, Silence
from inventory.supply import Supply

HOUR = 500_000
START = HOUR * 3600.0
DUE = np.array([36_000.0, 36_000.0, 60.0])


def looked(silence: Silence, *parts: tuple[float, float, float], every_s: float = 20.0) -> list[bool]:
    """Look every some seconds at regions that give parts of what is due; return what was told."""
    came, told = np.zeros(3), [silence.look(HOUR, START, np.zeros(3), DUE)]
    for index, part in enumerate(parts, start=1):
        came = came + DUE / 3600 * every_s * np.array(part)
        told.append(silence.look(HOUR, START + index * every_s, came.copy(), DUE))
    return told


def one() -> Silence:
    """Return a watch over three regions of one place each."""
    return Silence(np.arange(3))


def test_a_silent_region_is_told_within_a_minute_and_once() -> None:
    """After a minute without traffic it is an event, as is its return, and nothing in between."""
    silence = one()
    told = looked(silence, *[(0.0, 1.0, 1.0)] * 9, *[(1.0, 1.0, 1.0)] * 6)
    assert [index for index, event in enumerate(told) if event] == [3, 12]
    assert not silence.silent.any()


def test_a_weak_region_neither_falls_silent_nor_comes_back() -> None:
    """A third of what was due changes nothing: there is no flapping at a threshold."""
    silence = one()
    assert not any(looked(silence, *[(0.33, 1.0, 1.0)] * 9))
    assert sum(looked(one(), *[(0.0, 1.0, 1.0)] * 3, *[(0.33, 1.0, 1.0)] * 12)) == 1


def test_little_traffic_is_no_silence() -> None:
    """A region of one notification a minute is not judged by three of them."""
    assert not any(looked(one(), *[(1.0, 1.0, 0.0)] * 9))


def test_late_counting_is_no_silence() -> None:
    """When nothing comes from anywhere, or nobody looked for long, nothing is judged."""
    assert not any(looked(one(), *[(0.0, 0.0, 0.0)] * 9, (10.0, 10.0, 10.0)))
    assert not any(looked(one(), (0.0, 1.0, 1.0), (0.0, 1.0, 1.0), every_s=LONGEST_GAP_S + 1))


def test_nothing_is_expected_of_a_silent_region_for_the_rest_of_the_hour() -> None:
    """The hours after, and other regions, are expected as before."""
    silence = one()
    expected = Supply(HOUR, np.full((2, 3), 7.0), np.ones((3, ROOM_CLASSES)))
    assert silence.lowered(expected, HOUR) is expected
    looked(silence, *[(0.0, 1.0, 1.0)] * 4)
    assert silence.lowered(expected, HOUR).by_hour.tolist() == [[0.0, 7.0, 7.0], [7.0, 7.0, 7.0]]
    assert silence.lowered(expected, HOUR + 2) is expected
