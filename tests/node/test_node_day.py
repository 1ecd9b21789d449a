"""A day of seconds through two workers with the planner live; `make day` plays a longer one, held to 99 %."""

from pathlib import Path

import pytest

from tests.day.run import Day, run

pytestmark = pytest.mark.node


async def test_a_day_of_seconds_is_booked_to_the_unit(tmp_path: Path) -> None:
    """Books equal the SMSC's counts by campaign, nothing is over-delivered, hindsight saw the same day."""
    outcome = await run(tmp_path, Day(seconds=5, rate=150, campaigns=12, sold=0.7, ahead_s=6))
    assert outcome.is_exact
    assert outcome.over_delivered == 0
    assert 0 < outcome.spent <= outcome.optimum <= outcome.asked
