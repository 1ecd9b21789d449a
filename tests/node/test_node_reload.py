"""SIGHUP and systemd: a node takes over what it can while it runs, and says what it does."""

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.simulator.pdu import ESME_ROK
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for

pytestmark = pytest.mark.node

AD = "Compra en tienda sol"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


class Systemd:
    """Reads what it is told all the time, as systemd does: a full socket would drop the last word."""

    def __init__(self, listening: socket.socket) -> None:
        self._words: set[bytes] = set()
        self._reading = asyncio.ensure_future(self._read(listening))

    async def _read(self, listening: socket.socket) -> None:
        while True:
            octets = await asyncio.get_running_loop().sock_recv(listening, 4096)
            self._words.update(octets.split(b"\n"))

    async def told(self, word: bytes) -> None:
        """Wait until it was told a word, once more than it was waited for before."""
        async with asyncio.timeout(PATIENCE_S):
            while word not in self._words:
                await asyncio.sleep(0.01)
        self._words.discard(word)

    def end(self) -> None:
        """Read no more."""
        self._reading.cancel()


async def reload(node: Node, text: str) -> list[dict[str, Any]]:
    """Write the settings file, send SIGHUP, and return what the log says of it."""
    assert node.process is not None
    before = len(node.log_text().splitlines())
    node.config.write_text(text, encoding="utf-8")
    node.process.send_signal(signal.SIGHUP)
    async with asyncio.timeout(PATIENCE_S):
        while True:
            said = [json.loads(line) for line in node.log_text().splitlines()[before:]]
            if {each["event"] for each in said} & {"settings_reloaded", "alarm_settings_refused"}:
                return [each for each in said if "setting" in each["event"]]
            await asyncio.sleep(0.02)


async def ads_among(platform: RawPlatform, smsc: SimulatedSmsc, count: int) -> int:
    """Submit notifications to the first subscribers; return how many got an ad."""
    before = smsc.ads_received
    for number in range(count):
        platform.submit(notification(number))
    await platform.settled(PATIENCE_S)
    assert set(platform.statuses) == {ESME_ROK}
    return smsc.ads_received - before


async def until_ads(platform: RawPlatform, smsc: SimulatedSmsc, wanted: int) -> None:
    """Submit ten notifications at a time until so many of them get an ad."""
    async with asyncio.timeout(PATIENCE_S):
        while await ads_among(platform, smsc, 10) != wanted:
            pass


async def test_a_reload_takes_over_what_it_can_and_names_the_rest(
    tmp_path: Path, systemd: socket.socket
) -> None:
    """Trial list, share, lists and switch change on a living session; a faulty file changes nothing."""
    environment = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "1000000"}
    listener = Systemd(systemd)
    async with (
        SimulatedSmsc(ads=[AD]) as smsc,
        running(tmp_path, settings_for(smsc.port), environment) as node,
    ):
        await listener.told(b"READY=1")
        await listener.told(b"WATCHDOG=1")
        await node.book(campaign("sol", AD, 100_000))
        await node.gate(None)
        platform = RawPlatform(*node.relay)
        await platform.connect()
        await until_ads(platform, smsc, 10)

        settings = settings_for(smsc.port, ads={"only_subscribers": ["55 0000 0003", "+525500000004"]})
        settings["relay"]["workers"] = 2
        said = await reload(node, yaml.safe_dump(settings))
        await listener.told(b"RELOADING=1")
        await listener.told(b"READY=1")
        assert said[-1]["applied"] == ["ads.only_subscribers"]
        assert said[-1]["needs_restart"] == ["relay.workers"]
        shown = {each["key"]: (each["old"], each["new"], each["live"]) for each in said[:-1]}
        assert shown == {
            "ads.only_subscribers": (None, "2 subscribers", True),
            "relay.workers": (1, 2, False),
        }
        await until_ads(platform, smsc, 2)

        [refused] = await reload(node, "ads: {share: 2}\nrelais: {}\n")
        assert len(refused["faults"]) == 2
        assert await ads_among(platform, smsc, 10) == 2

        await reload(node, yaml.safe_dump(settings_for(smsc.port, ads={"enabled": False})))
        await node.gate("ads_off")
        assert await ads_among(platform, smsc, 10) == 0
        listed = settings_for(smsc.port)
        listed["relay"]["notifications"] = {"system_ids": ["somebody"]}
        await reload(node, yaml.safe_dump(listed))
        await node.gate(None)
        assert await ads_among(platform, smsc, 10) == 0
        await reload(node, yaml.safe_dump(settings_for(smsc.port)))
        await until_ads(platform, smsc, 10)
        counts = await node.settled(platform.submitted)
        assert counts["pass_through"]["not_on_trial"] >= 16
        assert counts["pass_through"]["system_id"] == 10
        platform.abort()
        assert await node.stop() == 0
        await listener.told(b"STOPPING=1")
    listener.end()
