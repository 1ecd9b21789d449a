"""The books of a whole node under load, against what the SMSC counted."""

from itertools import islice
from random import Random

import pytest

from adapters.files.reference_data import load_geography
from adapters.simulator.faults import Faults
from adapters.simulator.notification import Notification
from adapters.simulator.pace import SteadyPace
from adapters.simulator.pdu import ESME_ROK, ESME_RSYSERR, ESME_RTHROTTLED, VENDOR_STATUS
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import Node, campaign, eventually
from tests.node.load import RATE, assert_equal, book


def traffic(seed: int) -> Traffic:
    """Return every kind of notification that a platform sends."""
    return Traffic(Random(seed), load_geography().weights)


def notifications(seed: int, count: int) -> list[Notification]:
    """Return so many of them."""
    return list(islice(traffic(seed), count))


async def test_the_books_balance_at_every_moment_they_are_read(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """Each reading under load balances; in the end every campaign equals the SMSC's count, to the unit."""
    texts = {
        "sol": "Compra en tienda sol",
        "luna": "Luna, todo a mitad de precio. Marca 5512345678",
        "mar": "Mar azul en mi.tienda/mar",
        "rio": "Rio",
    }
    smsc.register_ads(*texts.values())
    jalisco = {"include": [{"state": "MX-JAL"}, {"lada": "55"}], "exclude": [{"lada": "33"}]}
    await book(
        node,
        campaign("sol", texts["sol"], 600),
        campaign("luna", texts["luna"], 500, target=jalisco),
        campaign("mar", texts["mar"], 300, **{"class": "standard"}),
        campaign("rio", texts["rio"], 20_000, pacing="even"),
    )
    async with node.watched() as readings:
        await platform.submit_all(notifications(1, 7000), SteadyPace(RATE))
    counts = await node.books_when(lambda now: now["notifications"] == 7000)
    told = await node.counts()  # supply is journalled once a second: some of it may be unsettled again
    assert counts | {"unsettled": 0} == told | {"unsettled": 0}
    assert_equal(counts, smsc, texts)
    by_name = {each["name"]: each for each in counts["campaigns"]}
    assert by_name["sol"]["ledger"]["settled"] == 600
    assert by_name["luna"]["ledger"]["settled"] == 500
    assert by_name["mar"]["ledger"]["settled"] == 300
    assert 0 < by_name["rio"]["accepted"] <= 20_000 * 0.07 + RATE  # the busiest hour, and one plan's second
    assert counts["pass_through"]["on_pace"] > 0
    assert len({reading["notifications"] for reading in readings}) >= 10
    assert len(readings) >= 20


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param(Faults(throttle=0.1), id="throttles"),
        pytest.param(
            Faults(throttle=0.05, vendor=0.1, system_error=0.05, reorder=0.2, delay=0.1, delay_s=0.05),
            id="refuses, reorders, delays",
        ),
    ],
)
async def test_refusals_cost_no_unit_and_no_notification(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform, faults: Faults
) -> None:
    """Each notification is answered with the SMSC's own status, and refused units are spent again."""
    texts = {"sol": "Compra en tienda sol", "luna": "Luna llena"}
    smsc.register_ads(*texts.values())
    smsc.faults = faults
    await book(node, campaign("sol", texts["sol"], 500), campaign("luna", texts["luna"], 650))
    stream = iter(traffic(2))
    await platform.submit_all(islice(stream, 3500), SteadyPace(RATE))

    async def spent() -> bool:
        """Send more as long as units are on their way back."""
        await platform.submit_all(islice(stream, 50), SteadyPace(RATE))
        return [each["ledger"]["settled"] for each in (await node.books())["campaigns"]] == [500, 650]

    await eventually(spent)
    counts = await node.books_when(lambda now: now["notifications"] == platform.submitted)
    assert_equal(counts, smsc, texts)
    assert smsc.received == platform.submitted
    assert platform.statuses == smsc.answered
    assert set(smsc.answered) <= {ESME_ROK, ESME_RTHROTTLED, ESME_RSYSERR, VENDOR_STATUS}
    assert min(smsc.answered.values()) > 100
    assert [each["ledger"]["settled"] for each in counts["campaigns"]] == [500, 650]
    assert all(each["rejected"] == each["returned"] > 0 for each in counts["campaigns"])
