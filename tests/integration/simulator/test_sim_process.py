"""The simulated SMSC in a process of its own."""

import asyncio
import json
import sys
from random import Random

from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.traffic import Traffic


def test_it_takes_orders_on_stdin_and_ends_with_it() -> None:
    """It says its port, takes faults, answers with counts, names what it cannot read, and ends with stdin."""

    async def run() -> None:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "adapters.simulator",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        assert child.stdout is not None

        async def ask(order: str) -> dict[str, object]:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(order.encode() + b"\n")
            return json.loads(await child.stdout.readline())  # type: ignore[no-any-return]

        port = json.loads(await child.stdout.readline())["port"]
        platform = RawPlatform("127.0.0.1", port)
        await platform.connect()
        traffic = Traffic(Random(1), {"55": 1.0})
        await platform.submit_all([next(traffic) for _ in range(10)])
        assert (await ask('{"faults": {"throttle": 1.0}}'))["received"] == 10
        await platform.submit_all([next(traffic) for _ in range(5)])
        assert (await ask("{}"))["answered"] == {"0": 10, "88": 5}
        assert "error" in await ask("nonsense")
        await ask('{"drop_links": true}')
        await platform.until(lambda: not platform.connected)
        child.stdin.close()
        assert await child.wait() == 0

    asyncio.run(asyncio.wait_for(run(), 90))
