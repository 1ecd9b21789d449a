"""Print the worker's CPU (user + system) per notification in a real node: ads, journal and counting on.

    .venv/bin/python scripts/worker_cpu.py [--notifications N] [--campaigns N] [--window W]

Starts a node with embedded PostgreSQL, an SMSC in a process of its own, and a generator that sends
prepared octets as fast as the window allows. Absolute figures move with the machine: compare runs
of one session only.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psutil
import yaml

from adapters.files.reference_data import load_geography
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.traffic import Traffic

PYTHON = (sys.executable, "-P", "-m")


def campaigns(number: int) -> list[dict[str, object]]:
    """Return documents of campaigns over states, big enough never to run out."""
    now = datetime.now(UTC)
    states = sorted(load_geography().states)
    return [
        {
            "name": f"campaign {index}",
            "brand": f"brand {index}",
            "creatives": [{"text": f"Oferta {index} en tienda sol, marca 5512345678"}],
            "pacing": "asap",
            "target": {"include": [{"state": states[(index + step) % len(states)]} for step in range(8)]},
            "starts_at": (now - timedelta(hours=1)).isoformat(),
            "ends_at": (now + timedelta(days=1)).isoformat(),
            "quantity": 10_000_000,
        }
        for index in range(number)
    ]


async def measure(notifications: int, number: int, window: int, directory: Path) -> dict[str, float]:
    """Run one load; return CPU microseconds per notification and the rate."""
    smsc = await asyncio.create_subprocess_exec(
        *PYTHON,
        "adapters.simulator",
        "--light",
        stdout=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.PIPE,
    )
    assert smsc.stdout is not None
    port = json.loads(await smsc.stdout.readline())["port"]
    config = directory / "posdata.yaml"
    settings = {
        "node": {"data_dir": "./data"},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{port}"]},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }
    config.write_text(yaml.safe_dump(settings))
    with (directory / "log").open("wb") as log:
        node = await asyncio.create_subprocess_exec(
            *PYTHON,
            "engine.bootstrap",
            "serve",
            "-c",
            str(config),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert node.stdout is not None
    ready = (await node.stdout.readline()).decode()
    host, _, relay = ready.split()[1].removeprefix("relay=").rpartition(":")
    if number:
        (directory / "campaigns.yaml").write_text(yaml.safe_dump(campaigns(number)))
        await _posdata(
            "campaigns", "import", str(directory / "campaigns.yaml"), "--approve", "-c", str(config)
        )
        await asyncio.sleep(3)
    platform = RawPlatform(host, int(relay), window=window, keep_answers=False)
    await platform.connect()
    traffic = Traffic(Random(1), load_geography().weights)
    octets = [each.octets(0) for each in (next(traffic) for _ in range(5000))]
    worker = next(
        each for each in psutil.Process(node.pid).children() if "adapters.processes.worker" in each.cmdline()
    )
    await _send(platform, octets, notifications // 10)
    before, started = worker.cpu_times(), asyncio.get_running_loop().time()
    await _send(platform, octets, notifications)
    took = asyncio.get_running_loop().time() - started
    after = worker.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    await platform.close()
    await asyncio.sleep(1)
    counts = json.loads(await _posdata("counts", "--json", "-c", str(config)))
    inserted = sum(each["inserted"] for each in counts["campaigns"])
    node.terminate()
    await node.wait()
    assert smsc.stdin is not None
    smsc.stdin.close()
    await smsc.wait()
    return {
        "cpu_us": 1e6 * cpu / notifications,
        "rate": notifications / took,
        "busy": cpu / took,
        "ads": inserted / max(1, counts["notifications"]),
        "rss_mb": 0,
    }


async def _send(platform: RawPlatform, octets: list[bytes], number: int) -> None:
    whole, rest = divmod(number, len(octets))
    for _ in range(whole):
        await platform.submit_all(octets, _NoPace())
    await platform.submit_all(octets[:rest], _NoPace())
    await platform.settled()


class _NoPace:
    """Everything is due at once; the window is the only brake."""

    def due(self, index: int) -> float:
        """Return the start of the run."""
        del index
        return 0.0


async def _posdata(*arguments: str) -> str:
    command = await asyncio.create_subprocess_exec(
        *PYTHON, "engine.bootstrap", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await command.communicate()
    return out.decode()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notifications", type=int, default=200_000)
    parser.add_argument("--campaigns", type=int, default=300)
    parser.add_argument("--window", type=int, nargs="*", default=[10, 100, 1000])
    options = parser.parse_args()
    print(f"worker CPU per notification, {options.campaigns} campaigns, {os.cpu_count()} cores")
    for number in (options.campaigns, 0):
        for window in options.window:
            with tempfile.TemporaryDirectory(prefix="posdata-cpu-") as directory:
                figures = asyncio.run(measure(options.notifications, number, window, Path(directory)))
            kind = "with ads" if number else "pass-through"
            print(
                f"{kind:12}  window {window:5}  {figures['cpu_us']:6.1f} µs  {figures['rate']:9,.0f}/s"
                f"  worker {100 * figures['busy']:3.0f} % busy  {100 * figures['ads']:3.0f} % ads",
                flush=True,
            )


if __name__ == "__main__":
    main()
