"""A whole node as an operator runs it: `posdata serve` in a process session of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import yaml

POSDATA = (sys.executable, "-P", "-m", "engine.bootstrap")
READY_WITHIN_S = 30


def campaign(name: str, text: str, quantity: int | None, **changes: Any) -> dict[str, Any]:
    """Return a campaign document that serves now, everywhere, as early as traffic allows."""
    now = datetime.now(UTC)
    return {
        "name": name,
        "brand": f"brand of {name}",
        "category": "retail",
        "class": "guaranteed",
        "pacing": "asap",
        "creatives": [{"text": text}],
        "target": {"include": [], "exclude": []},
        "starts_at": (now - timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(days=1)).isoformat(),
        "quantity": quantity,
    } | changes


@dataclass
class Node:
    """One node: its settings, its process, the commands run against it."""

    directory: Path
    settings: dict[str, Any]
    process: asyncio.subprocess.Process | None = None
    relay: tuple[str, int] = ("", 0)
    http: str = ""
    log: list[str] = field(default_factory=list)

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.directory / "posdata.yaml"

    async def start(self) -> None:
        """Start the node and wait for its ready line."""
        self.config.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        with (self.directory / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *POSDATA,
                "serve",
                "-c",
                str(self.config),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_WITHIN_S):
            line = (await self.process.stdout.readline()).decode()
        assert line.startswith("ready "), (line, self.log_text()[-2000:])
        words = dict(word.split("=", 1) for word in line.split()[1:])
        host, _, port = words["relay"].rpartition(":")
        self.relay = (host, int(port))
        self.http = words["http"]

    async def stop(self) -> int:
        """Drain the node with SIGTERM; return its exit code."""
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(40):
            return await self.process.wait()

    def members(self) -> list[psutil.Process]:
        """Return the processes of the node's session (supervisor, workers, control, postmaster)."""
        assert self.process is not None
        found = []
        for each in psutil.process_iter():
            try:
                if os.getsid(each.pid) == self.process.pid and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
            except (psutil.NoSuchProcess, ProcessLookupError):
                continue
        return found

    def child(self, role: str) -> psutil.Process:
        """Return one of the node's children: "worker" or "control"."""
        return next(each for each in self.members() if f"adapters.processes.{role}" in each.cmdline())

    async def kill(self) -> None:
        """SIGKILL every process of the node at once."""
        assert self.process is not None
        for each in self.members():
            each.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a `posdata` command; return its exit code, stdout and stderr."""
        command = await asyncio.create_subprocess_exec(
            *POSDATA, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            out, err = await command.communicate()
        return command.returncode or 0, out.decode(), err.decode()

    async def book(self, *documents: dict[str, Any]) -> None:
        """Import campaigns, approved at once."""
        path = self.directory / "campaigns.yaml"
        path.write_text(yaml.safe_dump(list(documents)), encoding="utf-8")
        code, _, err = await self.run("campaigns", "import", str(path), "--approve", "-c", str(self.config))
        assert code == 0, err

    async def counts(self) -> dict[str, Any]:
        """Return the document of `posdata counts --json`."""
        code, out, err = await self.run("counts", "--json", "-c", str(self.config))
        assert code in {0, 1}, err
        return json.loads(out)

    async def counts_when(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = 15
    ) -> dict[str, Any]:
        """Return the counts once a condition holds for them."""
        async with asyncio.timeout(timeout_s):
            while not condition(counts := await self.counts()):
                pass
        return counts

    async def gate(self, wanted: str | None, timeout_s: float = 15) -> None:
        """Wait until every worker gives `wanted` as the reason why it inserts no ads (None: it does)."""
        async with asyncio.timeout(timeout_s):
            while any(worker["gate"] != wanted for worker in self.status()) or not self.status():
                await asyncio.sleep(0.02)

    def status(self) -> list[dict[str, Any]]:
        """Return what the workers say of themselves."""
        path = self.directory / "data" / "status.json"
        return json.loads(path.read_text()) if path.exists() else []

    def log_text(self) -> str:
        """Return what the node logged so far."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""


def check_books(counts: dict[str, Any]) -> None:
    """Assert the sums that hold at every moment (DESIGN §7)."""
    inserted = sum(each["inserted"] for each in counts["campaigns"])
    fates = inserted + sum(counts["pass_through"].values()) + counts["consumed"] + counts["refused"]
    assert counts["notifications"] == fates, counts
    for each in counts["campaigns"]:
        ledger = each["ledger"]
        assert each["inserted"] == sum(each[k] for k in ("accepted", "rejected", "unknown", "in_flight"))
        assert ledger["settled"] == each["accepted"] + each["unknown"]
        if each["quantity"] is not None:
            assert each["quantity"] == ledger["settled"] + ledger["leased"] + ledger["free"]
            assert min(ledger["settled"], ledger["leased"], ledger["free"], each["in_flight"]) >= 0
