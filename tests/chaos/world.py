"""One node under fire, the SMSC behind it, the platforms before it, and what may be done to them."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil
import yaml

from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.campaign_file import read_campaigns
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.simulator.faults import NO_FAULTS, Faults
from adapters.simulator.traffic import Traffic
from inventory.document import Standards
from tests.chaos.disk import LossyDisk
from tests.chaos.ledger import Ledger, WatchedSmsc
from tests.chaos.patches import Levers
from tests.chaos.power import Cut, cut_journals
from tests.chaos.stream import Stream
from tests.node.harness import Node, settings_for
from tests.node.load import gone

STREAMS = 4
WORKERS = 2
# A node that was ended is back within this.
NODE_BACK_S = 25.0
DISK_OCTETS = 1_500_000_000
# A worker that dies three times in a minute comes back in bypass; chaos leaves it at two.
DEATHS = 2
DEATH_WINDOW_S = 62.0
# How journals may be synced: policy and interval.
SYNCS = (("interval", 20), ("interval", 1000), ("always", 20))


class World:
    """Everything that chaos touches."""

    def __init__(self, directory: Path, rate: float, seed: int, disk: LossyDisk | None = None) -> None:
        self.disk = disk
        self.chance = Random(seed)
        self.directory = directory
        self.levers = Levers(directory / "levers")
        self.ledger = Ledger()
        self.smsc = WatchedSmsc(self.ledger)
        self.streams: list[Stream] = []
        self.node = Node(directory / "disk", {}, environment=self.levers.environment)
        self.cuts: list[Cut] = []
        self.power_losses = self.journals_cut = self.frames_lost = 0
        self._rate = rate
        self._tasks: list[asyncio.Task[None]] = []
        self._deaths: dict[int, list[float]] = defaultdict(list)
        self._log_at = 0

    async def start(self) -> None:
        """Start SMSC, node and platforms; no traffic flows yet."""
        await self.smsc.start()
        self.node.settings = settings_for(self.smsc.port)
        self.node.settings["relay"] |= {"workers": WORKERS, "response_timeout_s": 2}
        self._choose_sync()
        await self.node.start()
        weights = load_geography().weights
        for number in range(1, STREAMS + 1):
            source = Traffic(Random(self.chance.random()), weights)
            share = self._rate / STREAMS
            stream = Stream(self.node.relay, number, share, source, self.ledger)
            self.streams.append(stream)
            self._tasks.append(asyncio.create_task(stream.run()))

    async def stop(self) -> None:
        """Take everything down, whatever state it is in."""
        for task in self._tasks:
            task.cancel()
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.smsc.stop()
        if self.node.process is not None and self.node.process.returncode is None:
            await self.node.kill()
        for fault in ended:
            if isinstance(fault, Exception):
                raise fault

    def flow(self, *, on: bool) -> None:
        """Let notifications flow, or let only what was sent come home."""
        for stream in self.streams:
            (stream.flowing.set if on else stream.flowing.clear)()

    @property
    def link_losses(self) -> int:
        """Links that platforms have lost so far."""
        return sum(stream.platform.link_losses for stream in self.streams)

    @property
    def answered(self) -> int:
        """Notifications answered so far."""
        return sum(stream.answered for stream in self.streams)

    # -- processes --------------------------------------------------------------------------------

    def children(self, role: str) -> list[psutil.Process]:
        """Return the node's processes of a role: worker, control, supervisor, postgres, or node for all."""
        members = self.node.members()
        if role == "node":
            return members
        if role == "supervisor":
            return [each for each in members if self.node.process and each.pid == self.node.process.pid]
        found = []
        for each in members:
            with suppress(psutil.NoSuchProcess):
                named = each.name() == "postgres" if role == "postgres" else _runs(each, role)
                found += [each] if named else []
        if role == "postgres":
            found += [child for each in found for child in _descendants(each)]
        return found

    def worker_pids(self) -> frozenset[int]:
        """Return which processes are workers now."""
        return frozenset(each.pid for each in self.children("worker"))

    async def mortal_worker(self) -> psutil.Process | None:
        """Return a worker that may die without coming back in bypass, and note its death.

        Waits for one while the node is down. The judge leaves none to be wanting for longer.
        """
        ends = time.monotonic() + NODE_BACK_S
        while time.monotonic() < ends:
            now = time.monotonic()
            indexes = {each["pid"]: each["worker"] for each in self.node.status()}
            workers = [each for each in self.children("worker") if each.pid in indexes]
            self.chance.shuffle(workers)
            for each in workers:
                if len(self.deaths(indexes[each.pid], now)) < DEATHS:
                    self._deaths[indexes[each.pid]].append(now)
                    return each
            await asyncio.sleep(0.05)
        return None

    async def wear_out(self) -> None:
        """Let one worker die until it comes back in bypass; wait until it has."""
        index = self.chance.randrange(WORKERS)
        self._deaths[index] = [time.monotonic()] * (DEATHS + 1)
        died: set[int] = set()
        for _ in range(DEATHS + 1):
            worker = await self._worker(index, died)
            died.add(worker.pid)
            signal_all([worker], signal.SIGKILL)
        await self._worker(index, died)

    async def _worker(self, index: int, died: set[int]) -> psutil.Process:
        """Return the worker of a number once it is up and none of those that died."""
        async with asyncio.timeout(NODE_BACK_S):
            while True:
                pids = {each["pid"] for each in self.node.status() if each["worker"] == index} - died
                for each in self.children("worker") if pids else ():
                    if each.pid in pids:
                        return each
                await asyncio.sleep(0.05)

    def deaths(self, index: int, now: float) -> list[float]:
        """Return when a worker of this number died lately."""
        self._deaths[index] = [at for at in self._deaths[index] if now - at < DEATH_WINDOW_S]
        return self._deaths[index]

    @property
    def tired(self) -> bool:
        """Tell whether no worker may die any more without bypass: time for a new node."""
        now = time.monotonic()
        return all(len(self.deaths(index, now)) >= DEATHS for index in range(WORKERS))

    async def drain(self) -> None:
        """End the node with SIGTERM; it must end well."""
        status = await self.node.stop()
        assert status == 0, f"the node drained with status {status}"

    async def restart(self, *, at_once: bool = True, policy: str | None = None) -> None:
        """Start a node that has ended, as a service manager does; its journals may be synced another way."""
        if not at_once:
            await gone(self.node, 20)
        self._deaths.clear()
        self._choose_sync(policy)
        await self.node.restart()

    def _choose_sync(self, wanted: str | None = None) -> None:
        policy, interval = self.chance.choice([each for each in SYNCS if wanted in {None, each[0]}])
        self.node.settings["journal"] = {"sync": policy, "interval_ms": interval}

    @property
    def sync(self) -> str:
        """How the node that runs now syncs its journals."""
        return str(self.node.settings["journal"]["sync"])

    async def lose_disk_power(self) -> None:
        """Kill all at once, take from every file, PostgreSQL's too, what was not synced, and boot anew."""
        assert self.disk is not None
        await self.node.kill()
        self.disk.lose_power()
        self._log_at = (self.node.directory / "log").stat().st_size
        self.power_losses += 1
        self.levers.reboot()
        await self.restart()

    async def lose_power(self) -> None:
        """Kill all at once, keep of each journal what a disk might, and boot anew."""
        await self.node.kill()
        cuts = cut_journals(self.node.directory / "data", self.levers, self.chance)
        self.cuts += cuts
        self.journals_cut += sum(cut.lost > 0 for cut in cuts)
        self.frames_lost += sum(cut.lost for cut in cuts)
        self.power_losses += 1
        self.levers.reboot()
        await self.restart()

    async def book(self, document: dict[str, Any]) -> None:
        """Book a campaign that serves at any clock that chaos sets; wait until ads are inserted."""
        now = datetime.now(UTC) - timedelta(hours=3)
        document |= {"starts_at": now.isoformat()}
        path = self.node.directory / "campaign.yaml"
        path.write_text(yaml.safe_dump([document]), encoding="utf-8")
        drafts = read_campaigns(path, Standards(default_rules(), load_geography(), now))
        async with open_database(settings_at(self.node.config)) as session:
            await PostgresCampaigns(session.pool).add(drafts, approve=True, now=now)
        await self.node.gate(None)

    # -- the SMSC ---------------------------------------------------------------------------------

    @asynccontextmanager
    async def smsc_that(self, **changes: Any) -> AsyncIterator[None]:
        """Change some of the SMSC's faults for a while."""
        self.smsc.faults = replace(self.smsc.faults, **changes)
        try:
            yield
        finally:
            usual: Faults = NO_FAULTS
            self.smsc.faults = replace(self.smsc.faults, **{name: getattr(usual, name) for name in changes})

    # -- the log ----------------------------------------------------------------------------------

    def new_log(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the log's entries since the last call, and the lines that are none."""
        with (self.node.directory / "log").open("rb") as log:
            log.seek(self._log_at)
            octets = log.read()
        whole = octets[: octets.rfind(b"\n") + 1]
        self._log_at += len(whole)
        entries, foreign = [], []
        for line in whole.decode(errors="replace").splitlines():
            try:
                entries.append(json.loads(line))
            except ValueError:
                foreign += [] if line.startswith("{") else [line]  # cut off by a disk that was full
        return entries, foreign


def signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to processes that may be gone already."""
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(number)


def mount_disk(path: Path) -> bool:
    """Put a small file system of its own at a path; False when that is not permitted here."""
    path.mkdir(parents=True)
    options = f"size={DISK_OCTETS},mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "posdata-chaos", str(path)]
    return os.geteuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0


def unmount_disk(path: Path) -> None:
    """Take it away again."""
    subprocess.run(["umount", "-l", str(path)], check=True)


def _runs(process: psutil.Process, role: str) -> bool:
    return f"adapters.processes.{role}" in process.cmdline()


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
