"""When a worker has died too often."""

import pytest

from adapters.processes.children import DEATH_WINDOW_S, Deaths


@pytest.mark.parametrize(
    ("deaths", "too_often"),
    [
        ([0], [False]),
        ([0, 1], [False, False]),
        ([0, 1, 2], [False, False, True]),
        ([0, 1, DEATH_WINDOW_S], [False, False, True]),
        ([0, 1, DEATH_WINDOW_S + 0.1], [False, False, False]),
        ([0, 50, 61, 100], [False, False, False, True]),
        ([0, 40, 80, 120, 160], [False] * 5),
    ],
)
def test_three_deaths_within_a_minute_are_too_many(deaths: list[float], too_often: list[bool]) -> None:
    """The window slides: it begins with the third last death."""
    noted = Deaths()
    assert [noted.note(1000 + at) for at in deaths] == too_often
