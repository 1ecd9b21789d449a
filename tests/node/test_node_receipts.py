"""A whole node and receipts: delivered and failed are the SMSC's, whatever forms, binds and kills."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.receipt import ReceiptForm
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for
from tests.node.load import book

TEXT = "Compra en tienda sol"
SENT = 200
MOST_SENT = 20 * SENT


async def connected(node: Node) -> RawPlatform:
    """Return a platform that is bound to the node."""
    platform = RawPlatform(*node.relay)
    await platform.connect()
    return platform


async def submit(platform: RawPlatform, first: int, registered: int, many: int = SENT) -> None:
    """Send plain notifications that ask as told."""
    await platform.submit_all(
        [notification(first + each, registered_delivery=registered) for each in range(many)]
    )


async def submit_until(platform: RawPlatform, smsc: SimulatedSmsc, ads: int, sent: int = 0) -> int:
    """Send until the SMSC accepted so many ads, as units may be on their way; return how many were sent."""
    while smsc.tally.counts[TEXT].accepted < ads:
        assert sent < MOST_SENT
        await submit(platform, sent, 1)
        sent += SENT
    return sent


def receipts_are(smsc: SimulatedSmsc) -> Callable[[dict[str, Any]], bool]:
    """Return a condition on the books: every receipt that the SMSC sent about an ad is counted."""

    def holds(counts: dict[str, Any]) -> bool:
        sent = smsc.tally.counts[TEXT]
        [sol] = counts["campaigns"]
        counted = sol["delivered"], sol["failed"]
        return bool(counted == (sent.delivered, sent.failed) and sum(counted) > SENT * 3 // 2)

    return holds


@pytest.mark.parametrize(
    ("answer_id", "text_id", "tlv_id", "parts", "forms"),
    [
        ("{:010d}", "{:X}", None, "text", {"text": "hex-of-decimal"}),
        ("{:08X}", "{:d}", "{:x}", "tlv", {"text": "decimal-of-hex"}),
    ],
)
async def test_receipts_count_across_binds_and_kills(
    tmp_path: Path, answer_id: str, text_id: str, tlv_id: str | None, parts: Any, forms: dict[str, str]
) -> None:
    """Doubled, missing, on another bind, after a SIGKILL; failed units return, and are sold again."""
    smsc = SimulatedSmsc(
        ads=[TEXT],
        response_id=answer_id,
        receipt_id=text_id,
        receipt_failures=0.2,
        receipt_form=ReceiptForm(tlv_id=tlv_id, parts=parts, repeated=0.1, missing=0.1),
    )
    async with smsc:
        node = Node(tmp_path, settings_for(smsc.port, receipts={"message_id": forms}))
        try:
            await node.start()
            await node.book(campaign("sol", TEXT, 10_000, make_good="failed"))
            await node.gate(None)
            platform = await connected(node)
            sent = await submit_until(platform, smsc, SENT)
            smsc._receipt_delay_s = 0.3
            sent = await submit_until(platform, smsc, 2 * SENT, sent)
            platform.abort()
            await node.kill()
            await node.restart()
            platform = await connected(node)
            await submit(platform, sent, 0, 10)
            await node.gate(None)
            counts = await node.books_when(receipts_are(smsc), 30)
            [sol] = counts["campaigns"]
            assert sol["failed"] > 20
            assert sol["returned"] == sol["rejected"] + sol["failed"]
            assert sol["ledger"]["settled"] == sol["accepted"] + sol["unknown"] - sol["failed"]
            hours = await node.fetch(
                "SELECT event, sum(n)::int AS n FROM insertion_counts WHERE hour > 0 GROUP BY event"
            )
            by_event = {row["event"]: row["n"] for row in hours}
            assert (by_event["delivered"], by_event["failed"]) == (sol["delivered"], sol["failed"])
            assert by_event["made_good"] == sol["failed"]
            assert not node.events("alarm_internal_error")
            platform.abort()
            assert await node.stop() == 0
        finally:
            if node.process is not None and node.process.returncode is None:
                await node.kill()


async def test_a_profile_keeps_receipts_from_the_platform(node: Node, smsc: SimulatedSmsc) -> None:
    """Every ad has its receipt in the books and none reaches the platform, until it asks for one itself."""
    smsc.register_ads(TEXT)
    node.settings["receipts"] = {"request": "always"}
    node.settings["relay"]["workers"] = 2
    await node.start()
    await book(node, campaign("sol", TEXT, 10_000))
    platforms = [await connected(node) for _ in range(2)]
    await asyncio.gather(*(submit(each, at * SENT, 0) for at, each in enumerate(platforms)))
    await smsc.until(lambda: smsc.receipts_answered == smsc.receipts_sent == smsc.ads_accepted > 0)
    await node.books_when(lambda counts: counts["campaigns"][0]["delivered"] == smsc.ads_accepted)
    assert [each.receipts for each in platforms] == [0, 0]
    assert not node.events("alarm_receipts_asked")

    await submit(platforms[0], 2 * SENT, 1, 1)
    await platforms[0].until(lambda: platforms[0].receipts + platforms[1].receipts == 1)
    await node.logged("alarm_receipts_asked")
    sent = smsc.receipts_sent

    async def asks_no_more() -> bool:
        before = smsc.receipts_sent
        await submit(platforms[1], 3 * SENT, 0, 1)
        await asyncio.sleep(0)
        return smsc.receipts_sent == before

    async with asyncio.timeout(PATIENCE_S):
        while not await asks_no_more():
            pass
    assert smsc.receipts_sent >= sent
    for each in platforms:
        each.abort()


async def test_the_form_of_message_ids_is_learnt_from_traffic(tmp_path: Path) -> None:
    """Before the first ad: the command says which forms fit, and shows nobody's number."""
    async with SimulatedSmsc(
        response_id="{:08X}", receipt_id="{:d}", receipt_form=ReceiptForm(tlv_id="{:x}")
    ) as smsc:
        smsc._issued = 0xABC000
        async with running(tmp_path, settings_for(smsc.port)) as node:
            platform = await connected(node)
            command = ("receipts", "learn", "--seconds", "2", "--json", "-c", str(node.config))
            learning = asyncio.ensure_future(node.run(*command))
            first = 0
            while not learning.done():
                await submit(platform, first, 1, 20)
                first += 20
                await asyncio.sleep(0.05)
            code, out, err = await learning
            assert code == 0, err
            learnt = json.loads(out)
            assert learnt["text"]["form"] == "decimal-of-hex"
            assert learnt["tlv"]["form"] == "as-is"
            assert learnt["text"]["fits"]["as-is"] == 0
            assert "52550" not in out
            platform.abort()
