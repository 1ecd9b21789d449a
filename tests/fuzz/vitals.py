"""A node's processes over time: who lives, what they hold in memory, how many descriptors are open."""

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from tests.node.harness import Node

MIB = 1 << 20
ROLES = ("worker", "control")
SETTLED_WITHIN_S = 20.0


@dataclass
class Vitals:
    """Samples of a node's processes: resident octets by role, and who they were at the start."""

    node: Node
    resident: dict[str, list[int]] = field(default_factory=dict)
    _processes: dict[str, psutil.Process] = field(default_factory=dict)
    _over: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """Take note of who is there."""
        assert self.node.process is not None
        self._processes = {role: self.node.child(role) for role in ROLES}
        self._processes["supervisor"] = psutil.Process(self.node.process.pid)
        self.resident = {role: [] for role in self._processes}

    async def watch(self, every_s: float) -> None:
        """Sample until `end`."""
        while not self._over.is_set():
            self.sample()
            try:
                async with asyncio.timeout(every_s):
                    await self._over.wait()
            except TimeoutError:
                continue

    def sample(self) -> None:
        """Take one sample; of a process that is gone, none."""
        for role, process in self._processes.items():
            with suppress(psutil.NoSuchProcess):
                self.resident[role].append(process.memory_info().rss)

    def end(self) -> None:
        """End `watch`."""
        self._over.set()

    def descriptors(self) -> dict[str, int]:
        """Return the open descriptors by role."""
        living = {role: process for role, process in self._processes.items() if process.is_running()}
        return {role: process.num_fds() for role, process in living.items()}

    async def left_open(self, before: dict[str, int]) -> list[str]:
        """Say who holds more descriptors than before, once journals had time to be settled."""
        ends = time.monotonic() + SETTLED_WITHIN_S
        while True:
            after = self.descriptors()
            # One more for the journal's next segment, one for a line that was not up yet.
            more = [role for role in before if after.get(role, 0) > before[role] + 2]
            if not more or time.monotonic() > ends:
                return [f"{role}: {before[role]} descriptors became {after[role]}" for role in more]
            await asyncio.sleep(0.1)

    def dead(self) -> list[str]:
        """Return the roles whose process is not the one it was."""
        return [role for role, process in self._processes.items() if not process.is_running()]

    def warm(self, role: str, share: float) -> int:
        """Return a process's resident octets once so large a share of the run was over."""
        samples = self.resident[role]
        return samples[int(len(samples) * share)]

    def worst(self, role: str) -> int:
        """Return the most a process had resident, in octets."""
        return max(self.resident[role])


def alarms(node: Node) -> Counter[str]:
    """Count what the node's log says by event."""
    return Counter(line.split('"event": "', 1)[1].split('"', 1)[0] for line in _lines(node))


def _lines(node: Node) -> list[str]:
    return [line for line in node.log_text().splitlines() if '"event": "' in line]
