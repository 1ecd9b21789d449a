"""The demo: a whole node between a simulated platform and a simulated SMSC, ending in a balance."""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml

from adapters.files.journal_reader import unsettled
from adapters.files.number_key import load_seal
from adapters.files.reference_data import load_geography
from adapters.files.rule_sets import default_rules
from adapters.postgres.books import PostgresBooks
from adapters.postgres.campaigns import PostgresCampaigns
from adapters.postgres.counts import read_inserted_by_place
from adapters.postgres.migrate import read_migrations
from adapters.postgres.pool import Pool, open_pool
from adapters.postgres.server import join
from adapters.processes.supervisor import Addresses, Supervisor
from adapters.simulator.demo_calls import (
    SHORT_CODE,
    Callers,
    CallingSmsc,
    CallingTraffic,
    Loop,
    engage,
    fill_pool,
    is_answered,
    read_loop,
)
from adapters.simulator.demo_people import DemoUser, demo_users, register
from adapters.simulator.faults import Faults
from adapters.simulator.pace import DailyPace
from adapters.simulator.pdu import ESME_RTHROTTLED
from adapters.simulator.platform import SimulatedPlatform
from adapters.simulator.traffic import SENDABLE_BY_LIBRARY, Traffic
from engine.settings import Settings
from inventory.balance import imbalances
from inventory.books import Counts
from inventory.document import Standards, read_campaign
from inventory.draft import CampaignDraft

THROTTLED = 0.02
LOOK_S = 0.5
# Calls to response numbers come beside the notifications: about so many for each.
CALLS = 0.08
# The part of the run after which somebody calls the way out.
LEAVES_AFTER = 0.5
SETTLED_WITHIN_S = 15.0
# What the quantities of the demo's campaigns are written for.
BOOKED_FOR = 10_000


class DemoError(Exception):
    """The demo could not run; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What the live table shows."""

    seconds: float
    rate: float
    counts: Counts
    by_state: Mapping[str, int]
    p50_ms: float | None
    p99_ms: float | None
    http: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the demo ended: the books beside what the platform and the SMSC counted."""

    counts: Counts
    sent: int
    smsc_counted: int
    smsc_by_campaign: Mapping[str, int]
    unsettled: int
    seconds: float
    p50_ms: float
    p99_ms: float
    loop: Loop

    @property
    def inserted(self) -> int:
        """Insertions of all campaigns."""
        return sum(campaign.inserted for campaign in self.counts.campaigns)

    @property
    def ledger_counted(self) -> int:
        """Accepted insertions of all campaigns, as the ledger says."""
        return sum(campaign.accepted for campaign in self.counts.campaigns)

    @property
    def disagreements(self) -> Sequence[str]:
        """Return what does not agree, to the unit, with what was counted outside; a sentence each."""
        found = list(imbalances(self.counts))
        if self.counts.notifications != self.sent:
            found.append(f"notifications: {self.sent:,} sent, {self.counts.notifications:,} in the books")
        if self.smsc_counted != self.ledger_counted:
            found.append(f"ads: {self.smsc_counted:,} at the SMSC, {self.ledger_counted:,} in the ledger")
        if self.unsettled:
            found.append(f"records of the journal that are not settled: {self.unsettled:,}")
        for each in self.counts.campaigns:
            seen = self.smsc_by_campaign.get(each.name, 0)
            if each.accepted != seen or each.in_flight:
                ledger = f"{each.accepted:,} accepted, {each.in_flight:,} in flight"
                found.append(f"{each.name}: {seen:,} at the SMSC, {ledger}")
        if not self.loop.agrees:
            found.append("missed calls: one is lost, or one was answered twice, or a sheet lacks a lead")
        return found

    @property
    def balanced(self) -> bool:
        """Tell whether every sum agrees."""
        return not self.disagreements

    def as_document(self) -> dict[str, Any]:
        """Return the document of `posdata demo --json`."""
        return {
            "balanced": self.balanced,
            "notifications": self.counts.notifications - self.counts.consumed,  # those for handsets
            "inserted": self.inserted,
            "smsc_counted": self.smsc_counted,
            "ledger_counted": self.ledger_counted,
            "campaigns": [
                {
                    "name": each.name,
                    "quantity": each.quantity,
                    "inserted": each.inserted,
                    "accepted": each.accepted,
                    "smsc_counted": self.smsc_by_campaign.get(each.name, 0),
                }
                for each in self.counts.campaigns
            ],
            "pass_through": dict(self.counts.pass_through),
            "seconds": round(self.seconds, 1),
            "p50_ms": round(self.p50_ms, 2),
            "p99_ms": round(self.p99_ms, 2),
            "missed_calls": self.loop.as_document(),
        }


class Demo:
    """One run. `shown` hears of the progress twice a second, `opened` once of the console's address."""

    def __init__(
        self,
        seconds: float,
        rate: float,
        seed: int,
        *,
        http: bool,
        shown: Callable[[Progress], None],
        opened: Callable[[str, Sequence[DemoUser]], None],
    ) -> None:
        self._seconds = seconds
        self._rate = rate
        self._seed = seed
        self._http = http
        self._shown = shown
        self._opened = opened
        self._chance = random.Random(seed)  # noqa: S311  # reproducible
        self._callers = Callers(self._chance, seconds * LEAVES_AFTER)
        self._addresses: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()

    async def run(self) -> Outcome:
        """Run it from an empty directory to the balance. Raises `DemoError`."""
        async with AsyncExitStack() as stack:
            data_dir = Path(tempfile.mkdtemp(prefix="posdata-demo-"))
            stack.callback(shutil.rmtree, data_dir, ignore_errors=True)
            smsc = await stack.enter_async_context(
                CallingSmsc(self._callers, faults=Faults(throttle=THROTTLED), seed=self._seed)
            )
            ranges = stack.enter_context(as_file(files(__package__) / "demo_data" / "ranges.csv"))
            supervisor = Supervisor(
                _settings(data_dir, smsc.port),
                self._addresses.set_result,
                ranges,
                serve_http=self._http,
                log_level="error",
            )
            node = asyncio.ensure_future(supervisor.run())
            stack.push_async_callback(_stopped, supervisor, node)
            traffic = asyncio.ensure_future(self._traffic(data_dir, smsc))
            stack.push_async_callback(_cancelled, traffic)
            ends: list[asyncio.Future[Any]] = [node, traffic]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if not traffic.done():
                node.result()
                raise DemoError("the demo was stopped before its end; there is no balance")
            return traffic.result()

    async def _traffic(self, data_dir: Path, smsc: CallingSmsc) -> Outcome:
        await self._addresses
        pool = await _pool(data_dir)
        try:
            await fill_pool(pool)
            if self._http:
                users = demo_users()
                await register(pool, users)
                self._opened(f"http://{self._addresses.result().http}", users)
            drafts = _drafts(self._seconds, self._rate)
            smsc.register_ads(*(creative.text for draft in drafts for creative in draft.creatives))
            await PostgresCampaigns(pool).add(drafts, approve=True, now=datetime.now(UTC))
            await engage(pool, self._seconds, max(10, round(self._rate * self._seconds)))
            platform = self._platform()
            watching = asyncio.ensure_future(self._watch(pool, platform))
            try:
                report = await platform.run()
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            await self._show(pool, platform)
            counts, left = await _settled(pool, data_dir)
            seal = load_seal(_settings(data_dir, smsc.port), data_dir)
            loop = await read_loop(pool, seal, counts.consumed, self._callers)
        finally:
            await pool.close()
        return Outcome(
            counts=counts,
            sent=report.submitted,
            smsc_counted=smsc.ads_accepted,
            smsc_by_campaign={
                draft.name: sum(smsc.tally.counts[creative.text].accepted for creative in draft.creatives)
                for draft in drafts
            },
            unsettled=left,
            seconds=report.seconds,
            p50_ms=report.p50_ms or 0.0,
            p99_ms=report.p99_ms or 0.0,
            loop=loop,
        )

    def _platform(self) -> SimulatedPlatform:
        [relay] = self._addresses.result().relay.values()
        host, _, port = relay.rpartition(":")
        traffic = Traffic(random.Random(self._seed), load_geography().weights, kinds=SENDABLE_BY_LIBRARY)  # noqa: S311
        pace = DailyPace(self._rate * (1 + CALLS), self._seconds)
        calling = CallingTraffic(traffic, self._callers, self._chance)
        platform = SimulatedPlatform(
            host,
            int(port),
            calling,
            pace,
            max(1, int(self._rate * self._seconds)),
            resend_on=frozenset({ESME_RTHROTTLED}),
        )
        calling.called = lambda: platform.send_more(1)
        return platform

    async def _watch(self, pool: Pool, platform: SimulatedPlatform) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self._show(pool, platform)

    async def _show(self, pool: Pool, platform: SimulatedPlatform) -> None:
        report = platform.report
        counts = await PostgresBooks(pool).counts()
        geography = load_geography()
        by_state: dict[str, int] = {}
        async with pool.acquire() as connection:
            for code, inserted in (await read_inserted_by_place(connection)).items():
                name = geography.find_state(geography.place_by_code(code).state).name
                by_state[name] = by_state.get(name, 0) + inserted
        http = self._addresses.result().http if self._http else None
        rate = report.submitted / report.seconds if report.seconds else 0.0
        self._shown(Progress(report.seconds, rate, counts, by_state, report.p50_ms, report.p99_ms, http))


def _settings(data_dir: Path, smsc_port: int) -> Settings:
    return Settings.model_validate(
        {
            "node": {"name": "demo", "data_dir": str(data_dir)},
            "relay": {
                "listen": "127.0.0.1:0",
                "upstream": [f"127.0.0.1:{smsc_port}"],
                "responses": True,
                "notifications": {"system_ids": ["mcn"]},
            },
            "esme": {
                "smsc": f"127.0.0.1:{smsc_port}",
                "system_id": "posdata",
                "source_addr": SHORT_CODE,
                "short_code": SHORT_CODE,
                "per_second": 200,
            },
            "policy": {"allow_unreviewed": True, "lead_time_hours": 0, "quiet_hours": None},
            "http": {"listen": "127.0.0.1:0"},
        }
    )


def _drafts(seconds: float, rate: float) -> list[CampaignDraft]:
    """Return the demo's campaigns, sized and timed for the run."""
    now = datetime.now(UTC)
    flight = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(seconds=seconds)).isoformat()}
    text = (files(__package__) / "demo_data" / "campaigns.yaml").read_text(encoding="utf-8")
    standards = Standards(default_rules(), load_geography(), now - timedelta(seconds=1))
    drafts = [
        read_campaign({"target": {}, **document, **flight}, standards) for document in yaml.safe_load(text)
    ]
    return [_sized(draft, rate * seconds / BOOKED_FOR) for draft in drafts]


def _sized(draft: CampaignDraft, factor: float) -> CampaignDraft:
    if draft.quantity is None:
        return draft
    return replace(draft, quantity=max(1, round(draft.quantity * factor)))


async def _pool(data_dir: Path) -> Pool:
    """Connect to the node's own database, once control has brought it up to date."""
    migrations = len(read_migrations())
    async with asyncio.timeout(60):
        while True:
            dsn = await join(data_dir)
            if dsn is not None:
                pool = await open_pool(dsn, max_size=3)
                begun = await pool.fetchval("SELECT to_regclass('schema_migrations') IS NOT NULL")
                if begun and await pool.fetchval("SELECT count(*) >= $1 FROM schema_migrations", migrations):
                    return pool
                await pool.close()
            await asyncio.sleep(0.05)


async def _settled(pool: Pool, data_dir: Path) -> tuple[Counts, int]:
    """Return the counts once the journals are in the books, and how many entries are not after a while."""
    books = PostgresBooks(pool)
    left = 0
    try:
        async with asyncio.timeout(SETTLED_WITHIN_S):
            while True:
                applied = {each.epoch: each.applied for each in await books.open_epochs("demo")}
                left = unsettled(data_dir, applied)
                counts = await books.counts()
                done = left == 0 and all(each.in_flight == 0 for each in counts.campaigns)
                if done and await is_answered(pool, counts.consumed):
                    return counts, 0
                await asyncio.sleep(0.1)
    except TimeoutError:
        return await books.counts(), left


async def _cancelled(task: "asyncio.Future[Outcome]") -> None:
    task.cancel()
    await asyncio.wait([task])


async def _stopped(supervisor: Supervisor, node: "asyncio.Future[None]") -> None:
    supervisor.stop()
    await node
