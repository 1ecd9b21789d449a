"""A vote by missed calls on a whole node, over a SIGKILL: every call answered, every caller counted once."""

import re

import aiohttp
import pytest

from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node
from tests.vote.run import Timing, vote

pytestmark = pytest.mark.node

CALLER = re.compile(r"(?<![0-9.])(?:52)?550\d{7}(?![0-9])")


async def test_every_answered_call_is_counted_once_over_a_kill(node: Node, smsc: SimulatedSmsc) -> None:
    """The short form of `make vote`, which looks at leads, options and books itself; no number is told."""
    node.settings["relay"]["responses"] = True
    await node.start()
    result = await vote(node, smsc, Timing(rate=400, seconds=2, calm_s=0.2))
    assert result.leads
    async with aiohttp.ClientSession() as client, client.get(f"http://{node.http}/metrics") as answer:
        metrics = await answer.text()
    consumed = re.findall(r"^posdata_consumed_total\{.*\} ([0-9.]+)$", metrics, re.MULTILINE)
    assert sum(map(float, consumed)) > 0
    assert CALLER.search(metrics) is None
    assert CALLER.search(node.log_text()) is None
