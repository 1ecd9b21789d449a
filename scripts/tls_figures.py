"""Print what TLS on both legs costs a worker, beside plain TCP in the same run: run by `make tls-figures`."""

import asyncio
import os
import ssl
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median

from adapters.bench.process import cpu_seconds, pin
from adapters.files.reference_data import load_geography
from adapters.simulator.notification import Kind
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.traffic import Traffic
from tests.node.harness import campaign, running, settings_for
from tests.node.load import book
from tests.tls import HOST, Authority

ROUNDS = 5
NOTIFICATIONS = 60_000
WINDOW = 200
SLOW_RATE, SLOW_COUNT = 1000, 5000
HANDSHAKES = 200
# The platform and the SMSC are simulated in this process, on a core of their own.
WORKER_CORE, OTHER_CORE = 1, 0


@dataclass(frozen=True, slots=True)
class Round:
    """One round over one route: notifications a second, and microseconds of the worker for each."""

    rate: float
    cpu_us: float


async def main() -> None:
    """Measure both routes in turn, several times."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="posdata-tls-")))
        authority = Authority(directory, "authority")
        pair = authority.issue("all")
        smscs = [
            await stack.enter_async_context(SimulatedSmsc(light=True, tls=tls))
            for tls in (None, authority.server(pair))
        ]
        tls = {
            "listen": {"certificate": pair.certificate, "key": pair.key},
            "upstream": {"ca": authority.ca},
        }
        settings = settings_for(0)
        settings["relay"] = {
            "routes": [
                {"name": name, "listen": f"{HOST}:0", "upstream": [f"{HOST}:{smsc.port}"], "tls": each}
                for name, smsc, each in zip(("plain", "tls"), smscs, (None, tls), strict=True)
            ]
        }
        node = await stack.enter_async_context(running(directory, settings))
        await book(node, campaign("sol", "Compra en tienda sol", 100_000_000))
        worker = node.child("worker").pid
        pin([os.getpid(), *(each.pid for each in node.members())], OTHER_CORE)
        pin([worker], WORKER_CORE)
        contexts = {"plain": None, "tls": authority.client()}
        rounds: dict[str, list[Round]] = {"plain": [], "tls": []}
        for _ in range(ROUNDS):
            for route, context in contexts.items():
                rounds[route].append(await _round(node.routes[route], context, worker))
        _print("at full speed", rounds)
        slow = {
            route: [await _round(node.routes[route], context, worker, SteadyPace(SLOW_RATE), SLOW_COUNT)]
            for route, context in contexts.items()
        }
        _print(f"at {SLOW_RATE:,} a second", slow)
        counts = await node.books()
        inserted = sum(each["inserted"] for each in counts["campaigns"])
        print(f"with an ad: {100 * inserted / counts['notifications']:.0f} %")
        await _shake_hands(node.routes["tls"], authority.client(), worker)


async def _round(
    address: tuple[str, int],
    tls: ssl.SSLContext | None,
    worker: int,
    pace: SteadyPace | None = None,
    count: int = NOTIFICATIONS,
) -> Round:
    platform = RawPlatform(*address, window=WINDOW, keep_answers=False, tls=tls)
    await platform.connect()
    traffic = Traffic(Random(1), load_geography().weights, kinds=frozenset({Kind.PLAIN}))
    items = list(islice(traffic, count))
    before, started = cpu_seconds(worker), time.perf_counter()
    await platform.submit_all(items, pace)
    seconds, cpu = time.perf_counter() - started, cpu_seconds(worker) - before
    await platform.close()
    return Round(count / seconds, 1e6 * cpu / count)


async def _shake_hands(address: tuple[str, int], context: ssl.SSLContext, worker: int) -> None:
    before = cpu_seconds(worker)
    for _ in range(HANDSHAKES):
        _, writer = await asyncio.open_connection(*address, ssl=context)
        writer.transport.abort()
    spent_us = 1e6 * (cpu_seconds(worker) - before) / HANDSHAKES
    print(f"a handshake of the platform: {spent_us:,.0f} µs of the worker")


def _print(title: str, rounds: dict[str, list[Round]]) -> None:
    rate = {route: median(each.rate for each in done) for route, done in rounds.items()}
    cpu = {route: median(each.cpu_us for each in done) for route, done in rounds.items()}
    print(f"{title}, window {WINDOW}, median of {len(rounds['tls'])}:")
    for route in rounds:
        print(f"  {route:5}  {rate[route]:8,.0f} a second   {cpu[route]:6.1f} µs of the worker each")
    print(f"  ratio  {rate['tls'] / rate['plain']:8.2f}            {cpu['tls'] / cpu['plain']:6.2f}")


if __name__ == "__main__":
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {ssl.OPENSSL_VERSION}")
    asyncio.run(main())
