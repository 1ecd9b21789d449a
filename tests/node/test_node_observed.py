"""A whole node as its operator sees it: /metrics and `posdata sessions` against the books and the SMSC."""

import asyncio
import json
import signal
from collections import Counter
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from adapters.simulator.faults import Faults
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, eventually, notification
from tests.node.load import book

TEXT = "Compra en tienda sol"
SENT = 600

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(node: Node) -> Samples:
    """Return every sample of /metrics by name and labels."""
    async with aiohttp.ClientSession() as client, client.get(f"http://{node.http}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def by_label(samples: Samples, name: str, *wanted: str) -> Counter[tuple[str, ...]]:
    """Return a metric's values summed by some of its labels; what is 0 is left out."""
    found: Counter[tuple[str, ...]] = Counter()
    for (each, labels), value in samples.items():
        if each == name and value:
            found[tuple(dict(labels)[label] for label in wanted)] += value
    return found


async def scraped_when(node: Node, submits: int) -> Samples:
    """Return the samples once a snapshot holds so many notifications, and all of them are settled."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            samples = await scraped(node)
            pdus = by_label(samples, "posdata_pdus_total", "sender", "command")
            heard = any(name == "posdata_unsettled_frames" for name, _ in samples)
            settled = heard and not by_label(samples, "posdata_unsettled_frames")
            if settled and pdus["platform", "submit_sm"] >= submits:
                return samples
            await asyncio.sleep(0.05)


async def test_metrics_are_the_books_and_what_went_over_the_wire(node: Node, smsc: SimulatedSmsc) -> None:
    """Insertions, outcomes, reasons and answers by status equal the books and the SMSC to the unit."""
    smsc.register_ads(TEXT)
    smsc.faults = Faults(throttle=0.1)
    node.settings["relay"]["workers"] = 2
    await node.start()
    await book(node, campaign("sol", TEXT, SENT // 2))
    platforms = [RawPlatform(*node.relay) for _ in range(2)]
    for platform in platforms:
        await platform.connect()
    jobs = [
        platform.submit_all([notification(n + at * SENT) for n in range(SENT // 2)])
        for at, platform in enumerate(platforms)
    ]
    await asyncio.gather(*jobs)
    counts = await node.books_when(lambda now: now["notifications"] >= SENT)
    samples = await scraped_when(node, SENT)
    [sol] = counts["campaigns"]

    pdus = by_label(samples, "posdata_pdus_total", "sender", "command", "status")
    statuses = sum((platform.statuses for platform in platforms), Counter[int]())
    assert pdus["platform", "submit_sm", ""] == counts["notifications"] == SENT
    answered = {int(key[2], 16): n for key, n in pdus.items() if key[:2] == ("smsc", "submit_sm_resp")}
    assert answered == dict(statuses)
    assert statuses[0x58] > 0
    assert pdus["platform", "bind_transceiver", ""] == pdus["smsc", "bind_transceiver_resp", "0x00"] == 2
    assert by_label(samples, "posdata_insertions_total")[()] == sol["inserted"]
    outcomes = by_label(samples, "posdata_outcomes_total", "outcome")
    assert outcomes == {("accepted",): sol["accepted"], ("rejected",): sol["rejected"]}
    reasons = by_label(samples, "posdata_pass_through_total", "reason")
    assert reasons == {(reason,): n for reason, n in counts["pass_through"].items()}
    assert by_label(samples, "posdata_sessions", "worker") == {("0",): 1, ("1",): 1}
    for name in ("relay", "answer"):
        assert by_label(samples, f"posdata_{name}_seconds_count")[()] > 0
    for name in ("database_up", "ads_ready", "relay_ready", "journal_room", "worker_inserts"):
        assert by_label(samples, f"posdata_{name}")[()] in {1, 2}, name
    for platform in platforms:
        await platform.close()


async def test_a_replaced_worker_and_a_frozen_database_show(node: Node, smsc: SimulatedSmsc) -> None:
    """Restarts are counted; frames wait while PostgreSQL stands still, and `sessions` still answers."""
    smsc.register_ads(TEXT)
    await node.start()
    await book(node, campaign("sol", TEXT, 5000))
    await scraped_when(node, 0)
    node.child("worker").kill()
    platform = RawPlatform(*node.relay)
    async with asyncio.timeout(PATIENCE_S):
        while not by_label(await scraped(node), "posdata_worker_restarts_total"):
            await asyncio.sleep(0.05)
    await node.gate(None)
    await platform.connect()
    postmaster = next(each for each in node.members() if each.name() == "postgres")
    frozen = [postmaster, *postmaster.children(recursive=True)]
    for each in frozen:
        each.send_signal(signal.SIGSTOP)
    try:
        await platform.submit_all([notification(n) for n in range(50)])
        async with asyncio.timeout(PATIENCE_S):
            while not by_label(samples := await scraped(node), "posdata_unsettled_seconds"):
                await asyncio.sleep(0.05)
        assert by_label(samples, "posdata_unsettled_frames")[()] > 0
        code, out, err = await node.run("sessions", "--json", "-c", str(node.config))
        assert code == 0, err
        [session] = json.loads(out)["sessions"]
        assert session["notifications"] == 50
    finally:
        for each in frozen:
            each.send_signal(signal.SIGCONT)
    await node.books_when(lambda now: now["notifications"] == 50)
    await platform.close()


async def test_sessions_tells_each_session_as_it_is(
    node: Node, smsc: SimulatedSmsc, platform: RawPlatform
) -> None:
    """Peer, route, who bound and how, what it sent and got; without a node the exit code is 3."""
    smsc.register_ads(TEXT)
    smsc.faults = Faults(delay=1.0, delay_s=30)
    await book(node, campaign("sol", TEXT, 5000))
    stranger = RawPlatform(*node.relay)
    await stranger.open()
    for n in range(3):
        platform.submit(notification(n))
    await smsc.until(lambda: smsc.received == 3)

    async def both_are_there() -> bool:
        code, out, err = await node.run("sessions", "--json", "-c", str(node.config))
        assert code == 0, err
        document.update(json.loads(out))
        return sorted(each["notifications"] for each in document["sessions"]) == [0, 3]

    document: dict[str, Any] = {}
    await eventually(both_are_there)
    assert document["node"] == "relay-1"
    bound, opened = sorted(document["sessions"], key=lambda each: not each["system_id"])
    assert bound["peer"].startswith("127.0.0.1:")
    wanted = {
        "worker": 0,
        "route": "default",
        "system_id": "mcn",
        "bind": "transceiver",
        "notifications": 3,
        "ads": 3,
        "unanswered": 3,
    }
    assert {key: bound[key] for key in wanted} == wanted
    assert bound["bytes"]["platform"] > 3 * 60
    assert bound["bytes"]["smsc"] > 16
    assert (opened["system_id"], opened["bind"], opened["notifications"]) == ("", None, 0)

    code, out, err = await node.run("sessions", "-c", str(node.config))
    assert (code, len(out.splitlines())) == (0, 3), err
    assert "mcn" in out
    stranger.abort()
    platform.abort()
    assert await node.stop() == 0
    code, out, err = await node.run("sessions", "-c", str(node.config))
    assert (code, out) == (3, "")
    assert "no node runs" in err
