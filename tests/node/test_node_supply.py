"""Supply on a whole node: counted while ads are off, in quiet hours and in observe mode, then forecast."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.notification import Kind
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, eventually, notification, running, settings_for

pytestmark = pytest.mark.node

NARROW, WIDE, UNFIT = 40, 20, 10
ALWAYS_QUIET = {"from": "00:00", "to": "23:59"}
CASES: dict[str, dict[str, dict[str, Any]]] = {
    "ads off": {"ads": {"enabled": False}},
    "observing in quiet hours": {"relay": {"mode": "observe"}, "policy": {"quiet_hours": ALWAYS_QUIET}},
}


async def supply(node: Node) -> dict[bool, int]:
    """Return what the database has counted by alphabet."""
    rows = await node.fetch("SELECT wide, sum(n)::int AS n FROM supply_counts GROUP BY wide")
    return {row["wide"]: row["n"] for row in rows}


@pytest.mark.parametrize("case", list(CASES))
async def test_supply_is_counted_whether_or_not_ads_go_out(case: str, tmp_path: Path) -> None:
    """Each notification that could carry an ad is counted once, with its alphabet, and the forecast shows."""
    async with SimulatedSmsc() as smsc:
        settings = settings_for(smsc.port)
        for section, values in CASES[case].items():
            settings[section] = settings.get(section, {}) | values
        async with running(tmp_path, settings) as node:
            platform = RawPlatform(*node.relay)
            await platform.keep_submitting([])
            items = [notification(number) for number in range(NARROW)]
            items += [notification(number, "Llamó 5501234567", data_coding=8) for number in range(WIDE)]
            items += [notification(number, kind=Kind.CONCATENATED) for number in range(UNFIT)]
            for item in items:
                platform.submit(item)
            await platform.settled(PATIENCE_S)

            async def counted() -> bool:
                return await supply(node) == {False: NARROW, True: WIDE}

            assert (await node.logged("forecast_made"))["cold_start"]
            await node.settled(len(items))
            await eventually(counted)
            assert await supply(node) == {False: NARROW, True: WIDE}
            code, shown, _ = await node.run("plan", "show", "-c", str(node.config), "--json")
            assert code == 0
            told = json.loads(shown)
            assert told["cold_start"]
            assert "max-min" in told["shortage_policy"]
            assert all(each["target"] <= each["quantity"] for each in told["targets"])
            platform.abort()
            assert await node.stop() == 0
