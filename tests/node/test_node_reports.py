"""Reports on a whole node: whom ads reached, and how far everything is counted."""

import numpy as np
import pytest

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from inventory.reach import ALL, Sketch, reach_of
from tests.node.harness import PATIENCE_S, Node, campaign, eventually, notification

pytestmark = pytest.mark.node

PEOPLE = 20


async def test_people_are_counted_from_the_socket_to_the_sketch(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """Twenty people get two ads each, one got one before; the node says up to when all is counted."""
    text = "Buen Fin en tienda sol. Marca 5512345678"
    smsc.register_ads(text)
    await node.book(campaign("Buen Fin", text, 1000))

    async def advertised() -> bool:
        platform.submit(notification(PEOPLE))
        await platform.settled(PATIENCE_S)
        return smsc.ads_accepted > 0

    await eventually(advertised)
    for number in (*range(PEOPLE), *range(PEOPLE)):
        platform.submit(notification(number))
    await platform.settled(PATIENCE_S)
    await node.settled(platform.submitted)

    async def folded() -> bool:
        return bool(await node.fetch("SELECT FROM reach_days"))

    await eventually(folded)
    [row] = await node.fetch("SELECT * FROM reach_days")
    hashes, ads = np.frombuffer(row["sample"], np.uint32).reshape(2, -1)
    told = reach_of(Sketch(np.frombuffer(row["registers"], np.uint8), hashes, ads, ALL), 1)
    assert (told.people, told.frequency) == (PEOPLE + 1, {"1": 1, "2": PEOPLE})
    [counted] = await node.fetch("SELECT settled_at > seen_at - interval '5 s' AS recently FROM nodes")
    assert counted["recently"]
