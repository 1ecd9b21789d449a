"""Every kind of fault: what it does, for how long, and whether it takes the whole node down."""

import asyncio
import errno
import resource
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from tests.chaos.patches import SEGMENT_OCTETS
from tests.chaos.world import World, signal_all

# A frozen worker is killed after two seconds of silence: a freeze beyond this may be its death.
HARMLESS_FREEZE_S = 1.2
FREEZE_S = (0.2, 4.0)
SMSC_S = (0.5, 2.0)
DISK_S = (0.5, 3.0)
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    `whole` says that the node ends, `lossy` that the journal may lose frames, `harms` that texts are
    refused for their own sake, so that the breaker may stop every one of them, `bypasses` that a worker
    must come back in bypass and say so; then the node is restarted, and ads must flow again.
    """

    name: str
    act: Callable[[World], Awaitable[None]]
    whole: bool = False
    lossy: bool = False
    harms: bool = False
    bypasses: bool = False
    needs_disk: bool = False
    needs_ext4: bool = False


# -- kills and freezes --------------------------------------------------------------------------------


async def _kill_worker(world: World) -> None:
    worker = await world.mortal_worker()
    signal_all([worker] if worker else [], signal.SIGKILL)


async def _kill_worker_thrice(world: World) -> None:
    await world.wear_out()


def _kill(role: str) -> Callable[[World], Awaitable[None]]:
    async def act(world: World) -> None:
        signal_all(world.children(role)[:1], signal.SIGKILL)

    return act


async def _kill_node(world: World) -> None:
    await world.node.kill()
    await world.restart()


async def _kill_supervisor(world: World) -> None:
    at_once = world.chance.random() < 0.5
    assert world.node.process is not None
    world.node.process.kill()
    await world.node.process.wait()
    await world.restart(at_once=at_once)


async def _drain(world: World) -> None:
    await world.drain()
    await world.restart()


def _freeze(role: str) -> Callable[[World], Awaitable[None]]:
    async def act(world: World) -> None:
        seconds = world.chance.uniform(*FREEZE_S)
        frozen = world.children(role)
        if role == "worker":
            mortal = await world.mortal_worker() if seconds > HARMLESS_FREEZE_S else None
            seconds = seconds if mortal else min(seconds, HARMLESS_FREEZE_S)
            frozen = [mortal] if mortal else frozen[:1]
        signal_all(frozen, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        signal_all(frozen, signal.SIGCONT)

    return act


# -- the disk -----------------------------------------------------------------------------------------


async def _fill_disk(world: World) -> None:
    filler = world.node.directory / f"filler-{world.chance.random()}"
    with filler.open("wb", buffering=0) as stream:
        octets = 1 << 24
        while octets:
            try:
                stream.write(bytes(octets))
            except OSError as full:
                if full.errno != errno.ENOSPC:
                    raise
                octets //= 2
    await asyncio.sleep(world.chance.uniform(*DISK_S))
    filler.unlink()


async def _limit_files(world: World) -> None:
    workers = world.children("worker")
    for octets in (SEGMENT_OCTETS - 1, resource.RLIM_INFINITY):
        for worker in workers:
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (octets, resource.RLIM_INFINITY))
        if octets != resource.RLIM_INFINITY:
            await asyncio.sleep(world.chance.uniform(*DISK_S))


# -- the SMSC -----------------------------------------------------------------------------------------


def _smsc(**faults: object) -> Callable[[World], Awaitable[None]]:
    async def act(world: World) -> None:
        async with world.smsc_that(**faults):
            await asyncio.sleep(world.chance.uniform(*SMSC_S))

    return act


async def _smsc_drops_links(world: World) -> None:
    world.smsc.drop_links()


async def _smsc_away(world: World) -> None:
    port = world.smsc.port
    await world.smsc.stop()
    await asyncio.sleep(world.chance.uniform(*SMSC_S))
    await world.smsc.start(port=port)


# -- platforms, clock, power --------------------------------------------------------------------------


async def _platform_reset(world: World) -> None:
    world.chance.choice(world.streams).reset()


async def _platform_half_close(world: World) -> None:
    world.chance.choice(world.streams).half_close()


def _clock(seconds: float) -> Callable[[World], Awaitable[None]]:
    async def act(world: World) -> None:
        world.levers.jump(seconds)
        await asyncio.sleep(world.chance.uniform(*SMSC_S))
        if world.chance.random() < 0.5:
            world.levers.jump(0.0)

    return act


def _lose_power(policy: str, *, twice: bool = False) -> Callable[[World], Awaitable[None]]:
    """Lose power under a sync policy; twice: again while the node still settles what the first time left."""

    async def act(world: World) -> None:
        if world.sync != policy:
            await world.drain()
            await world.restart(policy=policy)
            await asyncio.sleep(world.chance.uniform(1, 2))
        await world.lose_power()
        if twice:
            await asyncio.sleep(world.chance.uniform(0, 1))
            await world.lose_power()

    return act


async def _lose_disk_power(world: World) -> None:
    await world.lose_disk_power()


KINDS = (
    Kind("node killed", _kill_node, whole=True),
    Kind("supervisor killed", _kill_supervisor, whole=True),
    Kind("worker killed", _kill_worker),
    Kind("worker killed thrice", _kill_worker_thrice, whole=True, bypasses=True),
    Kind("control killed", _kill("control")),
    Kind("HTTP killed", _kill("web")),
    Kind("PostgreSQL killed", _kill("postgres")),
    Kind("node frozen", _freeze("node")),
    Kind("supervisor frozen", _freeze("supervisor")),
    Kind("worker frozen", _freeze("worker")),
    Kind("control frozen", _freeze("control")),
    Kind("PostgreSQL frozen", _freeze("postgres")),
    Kind("node drained", _drain, whole=True),
    Kind("disk full", _fill_disk, needs_disk=True),
    Kind("files may not grow", _limit_files),
    Kind("SMSC drops links", _smsc_drops_links),
    Kind("SMSC drops now and then", _smsc(drop=0.01)),
    Kind("SMSC half-closes", _smsc(half_close_after=20)),
    Kind("SMSC away", _smsc_away),
    Kind("SMSC delays", _smsc(delay=0.4, delay_s=0.4)),
    Kind("SMSC answers too late", _smsc(delay=0.2, delay_s=3.0)),
    Kind("SMSC throttles", _smsc(throttle=0.3)),
    Kind("SMSC refuses texts", _smsc(refused_texts=("tienda",)), harms=True),
    Kind("SMSC refuses lengths", _smsc(longest_octets=100), harms=True),
    Kind("SMSC says RSYSERR", _smsc(system_error=0.2)),
    Kind("SMSC vendor status", _smsc(vendor=0.2)),
    Kind("SMSC silent", _smsc(silence=0.1)),
    Kind("SMSC reorders", _smsc(reorder=0.3)),
    Kind("SMSC reads slowly", _smsc(read_pause_s=0.1)),
    Kind("platform resets", _platform_reset),
    Kind("platform half-closes", _platform_half_close),
    Kind("clock + 1 h", _clock(HOUR_S)),
    Kind("clock - 1 h", _clock(-HOUR_S)),
    Kind("power lost (interval)", _lose_power("interval"), whole=True, lossy=True),
    Kind("power lost (always)", _lose_power("always"), whole=True, lossy=True),
    Kind("power lost (disk)", _lose_disk_power, whole=True, lossy=True, needs_ext4=True),
    Kind("power lost twice", _lose_power("interval", twice=True), whole=True, lossy=True),
)
