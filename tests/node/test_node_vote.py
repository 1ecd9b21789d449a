"""A vote by missed calls on a whole node, over a SIGKILL: every call answered, every caller counted once."""

import asyncio
import re
from contextlib import suppress

import aiohttp
import pytest

from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node
from tests.vote.run import Timing, vote

pytestmark = pytest.mark.node

CALLER = re.compile(r"(?<![0-9.])(?:52)?550\d{7}(?![0-9])")


async def scrape(node: Node, texts: list[str]) -> None:
    """Keep what /metrics says, again and again, until cancelled."""
    async with aiohttp.ClientSession() as client:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with client.get(f"http://{node.http}/metrics") as answer:
                    texts.append(await answer.text())
            await asyncio.sleep(0.5)


async def test_every_answered_call_is_counted_once_over_a_kill(node: Node, smsc: SimulatedSmsc) -> None:
    """The short form of `make vote`, which looks at leads, options and books itself; no number is told."""
    node.settings["relay"]["responses"] = True
    await node.start()
    metrics: list[str] = []
    scraping = asyncio.create_task(scrape(node, metrics))
    result = await vote(node, smsc, Timing(rate=400, seconds=2, calm_s=0.2))
    scraping.cancel()
    assert result.leads
    assert metrics
    assert CALLER.search("\n".join([*metrics, node.log_text()])) is None
