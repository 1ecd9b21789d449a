"""A vote by missed calls on a whole node, over a SIGKILL: every call answered, every caller counted once."""

import asyncio
import re
import shutil
from contextlib import suppress

import aiohttp
import pytest

from tests.node.harness import Node
from tests.vote.run import Timing, loading, vote

pytestmark = [
    pytest.mark.node,
    pytest.mark.skipif(shutil.which("cc") is None, reason="the generator is C"),
]

CALLER = re.compile(r"(?<![0-9.])(?:52)?550\d{7}(?![0-9])")


async def scrape(node: Node, texts: list[str]) -> None:
    """Keep what /metrics says, again and again, until cancelled."""
    async with aiohttp.ClientSession() as client:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with client.get(f"http://{node.http}/metrics") as answer:
                    texts.append(await answer.text())
            await asyncio.sleep(0.5)


async def test_every_answered_call_is_counted_once_over_a_kill(node: Node) -> None:
    """The short form of `make vote`, which looks at leads, options and books itself; no number is told."""
    async with loading() as load:
        node.settings["relay"] |= {"responses": True, "upstream": [f"127.0.0.1:{load.sink.port}"]}
        await node.start()
        metrics: list[str] = []
        scraping = asyncio.create_task(scrape(node, metrics))
        result = await vote(node, load, Timing(rate=400, seconds=2, rounds=1, mixed=True))
        scraping.cancel()
    assert result.verdict.leads
    assert metrics
    assert CALLER.search("\n".join([*metrics, node.log_text()])) is None
