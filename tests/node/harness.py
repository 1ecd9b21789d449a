"""A whole node as an operator runs it: `posdata serve` in a process session of its own."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import asyncpg
import psutil
import yaml

from adapters.cli.counts import document
from adapters.cli.database import open_database
from adapters.cli.options import settings_at
from adapters.files.campaign_file import read_campaigns
from adapters.files.journal_reader import unsettled
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from adapters.simulator.notification import Address, Kind, Notification
from inventory.document import Standards

POSDATA = (sys.executable, "-P", "-m", "engine.bootstrap")
READY_WITHIN_S = 120
# How long a test waits for what another process does. On a machine with other work that may take long;
# only a test that fails waits to the end. What is promised within a time is measured, not waited for.
PATIENCE_S = 60.0


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


def settings_for(smsc_port: int, **sections: dict[str, Any]) -> dict[str, Any]:
    """Return settings that serve at any hour in front of one SMSC; each section's keys may be changed."""
    settings: dict[str, dict[str, Any]] = {
        "node": {"name": "relay-1", "data_dir": "./data"},
        "relay": {"listen": "127.0.0.1:0", "upstream": [f"127.0.0.1:{smsc_port}"]},
        "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
        "http": {"listen": "127.0.0.1:0"},
    }
    for name, changes in sections.items():
        settings[name] = settings.get(name, {}) | changes
    return settings


def notification(number: int, text: str = "Llamada perdida de 5501234567", **changes: Any) -> Notification:
    """Return a plain notification to the `number`-th subscriber of LADA 55, whose number is nobody's."""
    fields: dict[str, Any] = {"kind": Kind.PLAIN} | changes
    subscriber = Address(f"52550{number:07d}", 1, 1)
    return Notification(Address("5501234567", 2, 1), subscriber, text, **fields)


@dataclass
class Node:
    """One node: its settings, its process, the commands run against it.

    Where there is a `template`, a migrated cluster, the first start copies it instead of making its own.
    """

    template: ClassVar[Path | None] = None

    directory: Path
    settings: dict[str, Any]
    process: asyncio.subprocess.Process | None = None
    relay: tuple[str, int] = ("", 0)
    http: str = ""
    log: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)
    routes: dict[str, tuple[str, int]] = field(default_factory=dict)
    ready_line: str = ""

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.directory / "posdata.yaml"

    @property
    def _embedded(self) -> bool:
        return bool(self.settings.get("database", "embedded") == "embedded")

    async def start(self) -> None:
        """Start the node and wait for its ready line."""
        self.config.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        await self._seed()
        with (self.directory / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *POSDATA,
                "serve",
                "-c",
                str(self.config),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=os.environ | dict(self.environment),
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(READY_WITHIN_S):
            line = (await self.process.stdout.readline()).decode()
        assert line.startswith("ready "), (line, self.log_text()[-2000:])
        words = dict(word.split("=", 1) for word in line.split()[1:])
        self.routes = {}
        for route in words["relay"].split(","):
            name, _, address = route.rpartition("=")
            host, _, port = address.rpartition(":")
            self.routes[name or "default"] = (host, int(port))
        self.relay = next(iter(self.routes.values()))
        self.http = words["http"]
        self.ready_line = line

    async def _seed(self) -> None:
        data = self.directory / "data"
        if self.template is None or not self._embedded or data.exists() or "PG_BIN" in self.environment:
            return
        data.mkdir(mode=0o700)
        # cp keeps owners and modes, on which PostgreSQL insists.
        copying = await asyncio.create_subprocess_exec("cp", "-a", str(self.template), str(data / "postgres"))
        assert await copying.wait() == 0

    async def stop(self) -> int:
        """Drain the node with SIGTERM; return its exit code."""
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(PATIENCE_S):
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

    def children(self, role: str) -> Sequence[psutil.Process]:
        """Return the node's running children of a role: "worker", "control" or "web"."""
        found = []
        for each in self.members():
            with suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
                if f"adapters.processes.{role}" in each.cmdline():
                    found.append(each)
        return found

    def child(self, role: str) -> psutil.Process:
        """Return the first of them."""
        return self.children(role)[0]

    async def kill(self) -> None:
        """SIGKILL every process of the node at once."""
        assert self.process is not None
        for each in self.members():
            with suppress(psutil.NoSuchProcess):  # it ended by itself meanwhile
                each.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a `posdata` command; return its exit code, stdout and stderr."""
        command = await asyncio.create_subprocess_exec(
            *POSDATA, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(PATIENCE_S):
            out, err = await command.communicate()
        return command.returncode or 0, out.decode(), err.decode()

    async def book(self, *documents: dict[str, Any]) -> Sequence[str]:
        """Do what `import_campaigns` does without its command, whose start takes longer; return the ids."""
        drafts = read_campaigns(
            self._written(documents), Standards(default_rules(), load_geography(), datetime.now(UTC))
        )
        if self._embedded:
            await eventually(self._has_database)
        async with open_database(settings_at(self.config)) as session:
            return await PostgresCampaigns(session.pool).add(drafts, approve=True, now=datetime.now(UTC))

    async def import_campaigns(self, *documents: dict[str, Any]) -> None:
        """Import campaigns by the command, approved at once."""
        path = str(self._written(documents))
        code, _, err = await self.run("campaigns", "import", path, "--approve", "-c", str(self.config))
        assert code == 0, err

    def _written(self, documents: Sequence[dict[str, Any]]) -> Path:
        path = self.directory / "campaigns.yaml"
        path.write_text(yaml.safe_dump(list(documents)), encoding="utf-8")
        return path

    async def _has_database(self) -> bool:
        return await join(self.directory / "data") is not None

    async def counts(self) -> dict[str, Any]:
        """Return the document of `posdata counts --json`."""
        code, out, err = await self.run("counts", "--json", "-c", str(self.config))
        assert code in {0, 1}, err
        return json.loads(out)

    async def counts_when(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Return the counts once a condition holds for them."""
        async with asyncio.timeout(timeout_s):
            while not condition(counts := await self.counts()):
                pass
        return counts

    async def books(self) -> dict[str, Any]:
        """Return the document of `counts`, read from the running node without a process of its own."""
        dsn = await join(self.directory / "data")
        assert dsn is not None, self.log_text()[-2000:]
        async with await open_pool(dsn, max_size=1) as pool:
            books = PostgresBooks(pool)
            epochs, counts = await books.open_epochs(self.settings["node"]["name"]), await books.counts()
        applied = {each.epoch: each.applied for each in epochs}
        return document(counts, unsettled(self.directory / "data", applied))

    async def books_when(
        self, condition: Callable[[dict[str, Any]], bool], timeout_s: float = PATIENCE_S
    ) -> dict[str, Any]:
        """Return the books once all is settled, nothing is in flight and a condition holds; they balance."""
        ends = time.monotonic() + timeout_s
        while True:
            counts = await self.books()
            check_books(counts)
            waiting = counts["unsettled"] or any(each["in_flight"] for each in counts["campaigns"])
            if not waiting and condition(counts):
                return counts
            assert time.monotonic() < ends, (counts, self.log_text()[-2000:])
            await asyncio.sleep(0.05)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Read the books again and again beside what happens inside, and check each reading."""
        dsn = await join(self.directory / "data")
        assert dsn is not None, self.log_text()[-2000:]
        seen: list[dict[str, Any]] = []
        async with await open_pool(dsn, max_size=1) as pool:
            books, over = PostgresBooks(pool), asyncio.Event()

            async def watch() -> None:
                while not over.is_set():
                    seen.append(document(await books.counts(), 0))
                    check_books(seen[-1])
                    await asyncio.sleep(0.03)

            task = asyncio.create_task(watch())
            try:
                yield seen
            finally:
                over.set()
                await task

    async def restart(self) -> None:
        """Start again where the platform knows the node: on the same port."""
        self.settings["relay"]["listen"] = f"{self.relay[0]}:{self.relay[1]}"
        await self.start()

    async def settled(self, notifications: int, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the books once so many notifications are in them and nothing is in flight; they balance."""
        counts = await self.books_when(lambda books: books["notifications"] >= notifications, timeout_s)
        assert counts["notifications"] == notifications
        return counts

    async def fetch(self, query: str, *arguments: Any) -> list[dict[str, Any]]:
        """Return the rows of a query on the node's database."""
        dsn = await join(self.directory / "data")
        assert dsn is not None, self.log_text()[-2000:]
        connection = await asyncpg.connect(dsn)
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def gate(self, wanted: str | None, timeout_s: float = PATIENCE_S) -> None:
        """Wait until every worker gives `wanted` as the reason why it inserts no ads (None: it does)."""
        async with asyncio.timeout(timeout_s):
            while any(worker["gate"] != wanted for worker in self.status()) or not self.status():
                await asyncio.sleep(0.02)

    def status(self) -> list[dict[str, Any]]:
        """Return what the workers say of themselves."""
        path = self.directory / "data" / "status.json"
        return json.loads(path.read_text()) if path.exists() else []

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log's entries of one event; every line of the log is one JSON document."""
        whole = self.log_text().rpartition("\n")[0]
        entries = [json.loads(line) for line in whole.splitlines()]
        return [entry for entry in entries if entry["event"] == name]

    async def logged(self, name: str, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Return the first entry of an event once there is one."""
        async with asyncio.timeout(timeout_s):
            while not (found := self.events(name)):
                await asyncio.sleep(0.02)
        return found[0]

    def log_text(self) -> str:
        """Return what the node logged so far."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""


async def eventually(look: Callable[[], Awaitable[bool]], timeout_s: float = PATIENCE_S) -> None:
    """Wait until a look that is awaited holds.

    By the clock: `asyncio.wait_for` before 3.12 may swallow the cancellation that a timeout is made of.
    """
    ends = time.monotonic() + timeout_s
    while not await look():
        assert time.monotonic() < ends, f"not within {timeout_s:g} s"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    directory: Path, settings: dict[str, Any], environment: Mapping[str, str] | None = None
) -> AsyncIterator[Node]:
    """Yield a started node; whatever is left of it at the end is killed."""
    node = Node(directory, settings, environment=environment or {})
    try:
        await node.start()
        yield node
    finally:
        if node.process is not None and node.process.returncode is None:
            await node.kill()


def check_books(counts: dict[str, Any]) -> None:
    """Assert the sums that hold at every moment (DESIGN §7)."""
    inserted = sum(each["inserted"] for each in counts["campaigns"])
    fates = inserted + sum(counts["pass_through"].values()) + counts["consumed"] + counts["refused"]
    assert counts["notifications"] == fates, counts
    for each in counts["campaigns"]:
        ledger = each["ledger"]
        assert each["in_flight"] <= ledger["leased"], counts
        assert each["inserted"] == sum(each[k] for k in ("accepted", "rejected", "unknown", "in_flight"))
        made_good = each["returned"] - each["rejected"]
        assert ledger["settled"] == each["accepted"] + each["unknown"] - made_good
        if each["quantity"] is not None:
            assert each["quantity"] == ledger["settled"] + ledger["leased"] + ledger["free"]
            assert min(ledger["settled"], ledger["leased"], ledger["free"], each["in_flight"]) >= 0
