"""The short form of `python -m tests.answers`: senders that are killed send nothing twice."""

import asyncio

import pytest

from adapters.postgres.pool import Pool
from tests.answers.run import killed_senders

pytestmark = pytest.mark.postgres


def test_nothing_is_sent_twice_over_sigkills(pool: Pool, postgres_dsn: str, runner: asyncio.Runner) -> None:
    """Of each lead at most one SMS is taken, each code goes to one, and what is not sure is shown."""
    verdict = runner.run(
        killed_senders(pool, postgres_dsn, kills=2, leads_a_life=30, seed=7, told=lambda _: None, idle=0)
    )
    assert verdict.wrong == []
    assert verdict.states["delivered"] + verdict.states["sent"] > verdict.leads // 2
