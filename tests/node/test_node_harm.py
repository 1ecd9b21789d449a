"""The harm breaker on a whole node: a text that the SMSC refuses stops itself until somebody clears it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.faults import Faults
from adapters.simulator.pdu import ESME_RINVMSGLEN, ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, eventually, notification, running, settings_for

pytestmark = pytest.mark.node

SHORT = "Compra en sol"
LONG = "Compra en tienda luna, hoy y solo hoy. Marca 5512345678"


async def submit(platform: RawPlatform, count: int) -> None:
    """Submit notifications and wait for their answers: the SMSC takes each, with an ad or bare."""
    for number in range(count):
        platform.submit(notification(number))
    await platform.settled(PATIENCE_S)
    assert set(platform.statuses) == {ESME_ROK}


async def recorded(node: Node) -> list[dict[str, Any]]:
    """Return the harmful versions in the database once there is one; the alarm comes first."""
    found: list[dict[str, Any]] = []

    async def one_is() -> bool:
        found[:] = await node.fetch("SELECT * FROM harmful_versions")
        return bool(found)

    await eventually(one_is)
    return found


async def test_a_text_that_the_smsc_refuses_stops_itself_and_others_go_on(tmp_path: Path) -> None:
    """Alarm, row and list name it; it stays stopped through a restart; a resume lets it serve again."""
    faults = Faults(longest_octets=60, length_status=ESME_RINVMSGLEN)
    async with (
        SimulatedSmsc(keep_frames=100_000, ads=[SHORT, LONG], faults=faults) as smsc,
        running(tmp_path, settings_for(smsc.port)) as node,
    ):
        await node.book(campaign("luna", LONG, 100_000), campaign("sol", SHORT, 100_000))
        await node.gate(None)
        platform = RawPlatform(*node.relay)
        await platform.connect()
        async with asyncio.timeout(PATIENCE_S):
            while not node.events("alarm_text_harmful"):
                await submit(platform, 20)
        [alarm] = node.events("alarm_text_harmful")
        assert (alarm["campaign"], alarm["refused"]) == (1, alarm["answered"])
        assert alarm["bare_refused"] == 0
        [row] = await recorded(node)
        assert (row["answered"], row["node"], row["cleared_at"]) == (alarm["answered"], "relay-1", None)
        luna, sol = await listed(node)
        assert (luna["serving"], sol["serving"], luna["stopped"]) == (False, True, False)
        assert luna["creatives"][0]["harmful"]["refused"] == alarm["refused"]
        refused, accepted = smsc.answered[ESME_RINVMSGLEN], smsc.ads_accepted
        await submit(platform, 100)
        assert smsc.answered[ESME_RINVMSGLEN] == refused
        assert smsc.ads_accepted == accepted + 100
        assert "harmful" in (await node.run("campaigns", "list", "-c", str(node.config)))[1]

        platform.abort()
        assert await node.stop() == 0
        await node.restart()
        await node.gate(None)
        await platform.connect()
        await submit(platform, 50)
        assert smsc.answered[ESME_RINVMSGLEN] == refused

        code, out, _ = await node.run("ads", "resume", "1", "-c", str(node.config))
        assert (code, out) == (0, "node relay-1: confirmed\n")
        async with asyncio.timeout(PATIENCE_S):
            while smsc.answered[ESME_RINVMSGLEN] == refused:
                await submit(platform, 20)
        assert (await listed(node))[0]["creatives"][0]["harmful"] is None
        counts = await node.settled(platform.submitted)
        assert [each["accepted"] for each in counts["campaigns"]] == [0, smsc.ads_accepted]
        platform.abort()
        assert await node.stop() == 0


async def test_a_stopped_campaign_is_resumed(tmp_path: Path) -> None:
    """`ads stop` and `ads resume` are each confirmed, and do what they say."""
    async with SimulatedSmsc(ads=[SHORT]) as smsc, running(tmp_path, settings_for(smsc.port)) as node:
        await node.book(campaign("sol", SHORT, 100_000))
        assert (await node.run("ads", "stop", "1", "-c", str(node.config)))[0] == 0
        platform = RawPlatform(*node.relay)
        await platform.connect()
        await node.gate(None)
        await submit(platform, 20)
        assert smsc.ads_received == 0
        assert (await node.run("ads", "resume", "1", "-c", str(node.config)))[0] == 0
        async with asyncio.timeout(PATIENCE_S):
            while not smsc.ads_received:
                await submit(platform, 1)
        platform.abort()
        assert await node.stop() == 0


async def listed(node: Node) -> list[dict[str, Any]]:
    """Return the document of `posdata campaigns list --json`."""
    code, out, err = await node.run("campaigns", "list", "--json", "-c", str(node.config))
    assert code == 0, err
    documents: list[dict[str, Any]] = json.loads(out)
    return documents
