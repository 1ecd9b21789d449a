"""A whole node with traffic and people, and headless Chromium in front of its console, once for all tests."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, StorageState, ViewportSize, async_playwright

from adapters.postgres.pool import open_pool
from adapters.postgres.server import join
from adapters.simulator.demo_people import DemoUser, demo_users, register
from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import Node, campaign, notification, running, settings_for

CHROMIUM = shutil.which("chromium")
RATE = 40
DESK, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)


@dataclass
class Stage:
    """The node, its SMSC, the browser, and who may log in."""

    node: Node
    smsc: SimulatedSmsc
    browser: Browser
    users: Mapping[str, DemoUser]
    faults: list[str] = field(default_factory=list)
    sessions: dict[str, StorageState] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The console's address."""
        return f"http://{self.node.http}"

    @asynccontextmanager
    async def as_role(self, role: str) -> AsyncIterator[Page]:
        """Yield the start page of somebody who is logged in; each role logs in once, by the form."""
        async with self.context(storage_state=self.sessions.get(role)) as context:
            page = await context.new_page()
            await page.goto(self.address)
            if role not in self.sessions:
                await page.fill("#email", self.users[role].email)
                await page.fill("#password", self.users[role].password)
                await page.click("button.main-act")
                await page.wait_for_selector(".nav")
                self.sessions[role] = await context.storage_state()
            yield page

    @asynccontextmanager
    async def context(self, **options: Any) -> AsyncIterator[BrowserContext]:
        """Yield a fresh browser profile; what its console says, and requests to elsewhere, are faults."""
        context = await self.browser.new_context(**{"locale": "es-MX", "viewport": DESK, **options})
        context.on("request", lambda request: self._watch(request.url))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        context.on("console", lambda said: self.faults.append(said.text) if said.type == "error" else None)
        try:
            yield context
        finally:
            await context.close()

    def _watch(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.faults.append(f"asked {url}")


@pytest.fixture
def faults(stage: Stage) -> list[str]:
    """Return what goes wrong in the browser from now on."""
    stage.faults.clear()
    return stage.faults


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Set everything up once."""
    if CHROMIUM is None:
        pytest.skip("no chromium: `make browser` installs it")
    async with AsyncExitStack() as stack:
        smsc = await stack.enter_async_context(SimulatedSmsc())
        directory: Path = tmp_path_factory.mktemp("stage")
        playwright = await stack.enter_async_context(async_playwright())
        launching = asyncio.ensure_future(
            playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        )
        node = await stack.enter_async_context(running(directory, settings_for(smsc.port)))
        browser = await launching
        stack.push_async_callback(browser.close)
        users = {user.role.value: user for user in demo_users()}
        await node.gate(None)
        await asyncio.gather(_people(directory, users), _campaigns(node))
        platform = RawPlatform(*node.relay)
        await platform.connect()
        traffic = (notification(number % 10_000) for number in count())
        sending = asyncio.ensure_future(platform.keep_submitting(traffic, SteadyPace(RATE), deadline_s=600))
        yield Stage(node, smsc, browser, users)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        platform.abort()


async def _people(directory: Path, users: Mapping[str, DemoUser]) -> None:
    dsn = await join(directory / "data")
    assert dsn is not None
    async with await open_pool(dsn, max_size=1) as pool:
        await register(pool, list(users.values()))


async def _campaigns(node: Node) -> None:
    """Book one campaign that goes well, one that will end short, and one that is late, without receipts."""
    late = {"class": "standard", "pacing": "even"}
    await node.book(
        campaign(
            "Al aire",
            "Buen Fin, mi.tienda/sol",
            5000,
            brand="tienda-sol",
            target={"include": [{"lada": "33"}]},
        ),
        campaign(
            "En riesgo",
            "Solo hoy, mi.tienda/sol",
            90_000_000,
            brand="tienda-sol",
            target={"include": [{"state": "MX-COL"}]},
            **late,
        ),
    )
