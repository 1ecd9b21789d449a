"""The main job through a whole node."""

from itertools import islice
from random import Random

from adapters.files.reference_data import load_geography
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign, check_books


async def test_a_booking_is_spent_to_its_last_unit_and_not_beyond(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """Every unit of a booking reaches the SMSC, no more, and the books say so."""
    text = "Compra en tienda sol"
    smsc.register_ads(text)
    await node.import_campaigns(campaign("sol", text, 700))
    await node.gate(None)
    notifications = list(islice(Traffic(Random(1), load_geography().weights), 4000))
    await platform.submit_all(notifications, SteadyPace(2000))
    await platform.settled()
    counts = await node.counts_when(lambda now: now["notifications"] == 4000 and now["unsettled"] == 0)
    check_books(counts)
    [sol] = counts["campaigns"]
    assert sol["accepted"] == sol["ledger"]["settled"] == 700 == smsc.ads_accepted
    assert sol["unknown"] == 0
    assert await node.stop() == 0
