"""One outage of the database under steady traffic: what it did to notifications, to ads and to the books."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.simulator.latency import LatencyHistogram
from tests.outage.world import Phase, World, signal_all, world

# Asked (the project's promise for an outage): of the time answers take, and of the ads that still go out.
P99_FACTOR = 2.0
P99_EXTRA_MS = 1.0
AD_SHARE = 0.95
# A worker holds units for this many times the outage that it is to bridge (30 s for 20 s).
HORIZON_FACTOR = 1.5


@dataclass(frozen=True, slots=True)
class Fault:
    """A way to lose the database; `external` is one that needs it to be behind the proxy."""

    name: str
    away: Callable[[World], AbstractAsyncContextManager[None]]
    external: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of each phase of a run."""

    outage_s: float = 20
    warm_up_s: float = 12
    calm_s: float = 15
    after_s: float = 5


@dataclass(frozen=True, slots=True)
class Result:
    """What one run measured; the undisturbed seconds are those before the outage and well after it."""

    fault: str
    calm: Phase
    outage: Phase
    after: Phase

    @property
    def p99_ms(self) -> float:
        """The worse of outage and catching up."""
        return max(self.outage.p99_ms, self.after.p99_ms)

    @property
    def p99_asked_ms(self) -> float:
        """What p99 may be."""
        return P99_FACTOR * self.calm.p99_ms + P99_EXTRA_MS

    @property
    def share(self) -> float:
        """Ads during the outage against those that the undisturbed seconds would have given."""
        return self.outage.share / self.calm.share

    @property
    def kept(self) -> bool:
        """Whether what was asked came out."""
        return self.p99_ms <= self.p99_asked_ms and self.share >= AD_SHARE


@asynccontextmanager
async def _frozen(each: World) -> AsyncIterator[None]:
    processes = each.postgres()
    signal_all(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        signal_all(processes[::-1], signal.SIGCONT)


@asynccontextmanager
async def _killed(each: World) -> AsyncIterator[None]:
    signal_all(each.postgres(), signal.SIGKILL)
    yield


@asynccontextmanager
async def _cut_off(each: World) -> AsyncIterator[None]:
    assert each.proxy is not None
    each.proxy.cut()
    try:
        yield
    finally:
        each.proxy.mend()


FAULTS = (
    Fault("frozen", _frozen),
    Fault("killed", _killed),
    Fault("cut off", _cut_off, external=True),
)


async def run(fault: Fault, rate: float, timing: Timing) -> Result:
    """Take the database away once. Raises AssertionError when the books are not exact afterwards."""
    with tempfile.TemporaryDirectory(prefix="posdata-outage-") as name:
        horizon_s = HORIZON_FACTOR * timing.outage_s
        async with world(Path(name), external=fault.external, horizon_s=horizon_s) as each:
            await each.flow(rate)
            await asyncio.sleep(timing.warm_up_s)
            quiet = LatencyHistogram()
            before = await each.measure(timing.calm_s, quiet)
            async with fault.away(each):
                outage = await each.measure(timing.outage_s)
            after = await each.measure(timing.after_s)
            later = await each.measure(timing.calm_s, quiet)
            await each.ebb()
            await each.check_books()
    calm = Phase(
        before.seconds + later.seconds,
        before.notifications + later.notifications,
        before.ads + later.ads,
        quiet,
    )
    return Result(fault.name, calm, outage, after)
