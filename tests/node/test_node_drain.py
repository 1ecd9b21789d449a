"""SIGTERM under load: answers come home, the books are settled, the node ends well."""

import asyncio
from contextlib import suppress
from itertools import islice
from random import Random

import aiohttp

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import Faults
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import LinkLostError, RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign, eventually
from tests.node.load import RATE, TEXTS, ads, assert_equal, book


async def submit(platform: RawPlatform, seed: int) -> None:
    """Submit until the node hangs up."""
    with suppress(LinkLostError):
        await platform.submit_all(
            islice(Traffic(Random(seed), load_geography().weights), 50_000), SteadyPace(RATE / 2)
        )


async def is_ready(node: Node) -> bool:
    """Return whether a load balancer may send connections."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{node.http}/readyz") as answer:
        return answer.status == 200


async def test_a_drain_brings_every_answer_home(node: Node, smsc: SimulatedSmsc) -> None:
    """Each answer that the SMSC gave reaches its platform; exit code 0, nothing unknown, all leases free.

    The node says that it is not ready before the last session is let go, half of drain_s / 2 later.
    """
    smsc.register_ads(*TEXTS.values())
    smsc.faults = Faults(throttle=0.05, delay=0.5, delay_s=1.0, reorder=0.1)
    node.settings["relay"]["drain_s"] = 8
    await node.start()
    await book(node, *(campaign(name, text, 50_000) for name, text in TEXTS.items()))
    await eventually(lambda: is_ready(node))
    platforms = [RawPlatform(*node.relay, window=400) for _ in range(2)]
    for each in platforms:
        await each.connect()
    jobs = [asyncio.create_task(submit(each, seed)) for seed, each in enumerate(platforms)]
    await ads(smsc, 1000)
    await smsc.until(lambda: smsc.unanswered > 50)
    ending = asyncio.create_task(node.stop())
    while await is_ready(node):
        await asyncio.sleep(0.02)
    assert platforms[0].connected or platforms[1].connected
    assert await ending == 0
    await asyncio.gather(*jobs)
    assert smsc.unanswered == 0
    assert sum((each.statuses for each in platforms), start=type(smsc.answered)()) == smsc.answered
    left = sum(len(each.unanswered) for each in platforms)
    assert sum(each.submitted for each in platforms) <= smsc.received + left  # not read any more
    counts = await node.counts()
    assert_equal(counts, smsc, TEXTS)
    assert (counts["notifications"], counts["unsettled"]) == (smsc.received, 0)
    assert all(each["ledger"]["leased"] == 0 for each in counts["campaigns"])
    assert not node.members()
    assert '"logger"' not in node.log_text()  # no library had anything to say
