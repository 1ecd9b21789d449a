"""Suppression on a whole node: in force within a second of the command, never logged."""

import time
from pathlib import Path

import pytest

from adapters.simulator.handset_message import HandsetMessage
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio]

AD = b"Compra en tienda sol"
NUMBER = "5500000007"
# A second is promised; two tests at a time share two cores here, and a command that starts counts in.
EFFECT_S = 10.0


async def advertised(platform: RawPlatform, smsc: SimulatedSmsc, number: int) -> bool:
    """Send one notification to the `number`-th subscriber; tell whether it left with an ad."""
    platform.submit(notification(number))
    await platform.settled(PATIENCE_S)
    return list(smsc.frames)[-1].octets.endswith(AD)


async def until(
    platform: RawPlatform, smsc: SimulatedSmsc, number: int, wanted: bool, timeout_s: float
) -> float:
    """Send notifications until they have an ad, or none; return after how many seconds."""
    begun = time.monotonic()
    while await advertised(platform, smsc, number) is not wanted:
        assert time.monotonic() - begun < timeout_s
    return time.monotonic() - begun


async def command(node: Node, *arguments: str) -> str:
    """Run a command that goes well, and return what it prints."""
    code, out, err = await node.run(*arguments, "-c", str(node.config))
    assert (code, err) == (0, "")
    return out


async def test_a_suppression_is_in_force_within_a_second(tmp_path: Path) -> None:
    """Added, removed, imported, asked for by a word on the relayed session; no number is logged."""
    async with (
        SimulatedSmsc(keep_frames=100) as smsc,
        running(tmp_path, settings_for(smsc.port, relay={"short_code": "5050"})) as node,
    ):
        await node.book(campaign("sol", AD.decode(), 1_000_000))
        platform = RawPlatform(*node.relay)
        await platform.keep_submitting([])
        await until(platform, smsc, 7, wanted=True, timeout_s=PATIENCE_S)
        assert "suppressed" in await command(node, "suppressions", "add", NUMBER)
        assert await until(platform, smsc, 7, wanted=False, timeout_s=PATIENCE_S) < EFFECT_S
        assert await advertised(platform, smsc, 8)

        assert "removed" in await command(node, "suppressions", "remove", NUMBER)
        assert await until(platform, smsc, 7, wanted=True, timeout_s=PATIENCE_S) < EFFECT_S

        (tmp_path / "list").write_text("telefono\n+52 55 0000 0009\n5500000010\n")
        assert "2 numbers" in await command(node, "suppressions", "import", str(tmp_path / "list"))
        assert await until(platform, smsc, 9, wanted=False, timeout_s=PATIENCE_S) < EFFECT_S
        assert await advertised(platform, smsc, 8)

        assert await advertised(platform, smsc, 6)
        assert smsc.write(platform.system_id, HandsetMessage("525500000006", "5050", "Baja"))
        assert await until(platform, smsc, 6, wanted=False, timeout_s=PATIENCE_S) < EFFECT_S
        platform.abort()
        assert await node.stop() == 0
        assert "550000000" not in node.log_text()
