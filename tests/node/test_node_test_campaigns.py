"""Test campaigns on a whole node: the carrier's own handsets see them, and nobody's totals do."""

import asyncio
from pathlib import Path

import pytest

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, campaign, eventually, notification, running, settings_for

pytestmark = pytest.mark.node

AD, TEST = "Compra en tienda sol", "Prueba de tienda sol. Marca 5512345678"
TESTERS = ["55 0000 0001", "+52 55 0000 0003"]


def received(smsc: SimulatedSmsc, text: str) -> int:
    """Return how often the SMSC got a text."""
    return smsc.tally.counts[text].received if text in smsc.tally.counts else 0


async def test_a_test_campaign_serves_testers_alone_and_the_books_balance(tmp_path: Path) -> None:
    """Of ten subscribers the two testers get it and eight what was sold; supply knows nothing of the two."""
    async with SimulatedSmsc(ads=[AD, TEST]) as smsc:
        settings = settings_for(smsc.port, ads={"test_subscribers": TESTERS})
        async with running(tmp_path, settings) as node:
            await node.book(campaign("sol", AD, 100_000), campaign("prueba", TEST, 1_000, test=True))
            await node.gate(None)
            platform = RawPlatform(*node.relay)
            await platform.connect()
            async with asyncio.timeout(PATIENCE_S):  # until both have their leases
                while not (received(smsc, AD) and received(smsc, TEST)):
                    for number in range(10):
                        platform.submit(notification(number))
                    await platform.settled(PATIENCE_S)
            before = received(smsc, AD), received(smsc, TEST)
            for _ in range(5):
                for number in range(10):
                    platform.submit(notification(number))
            await platform.settled(PATIENCE_S)
            assert (received(smsc, AD) - before[0], received(smsc, TEST) - before[1]) == (40, 10)

            books = await node.settled(platform.submitted)
            counted = {each["name"]: each["inserted"] for each in books["campaigns"]}
            assert counted == {"sol": received(smsc, AD), "prueba": received(smsc, TEST)}

            async def supplied() -> bool:
                [row] = await node.fetch("SELECT sum(n)::int AS n FROM supply_counts")
                return row["n"] == platform.submitted - received(smsc, TEST)

            await eventually(supplied)
            platform.abort()
            assert await node.stop() == 0
