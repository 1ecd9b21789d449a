"""Ads off, on, one campaign stopped, one imported: each within a second, under steady traffic."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio
import yaml

from adapters.simulator.pace import SteadyPace
from adapters.simulator.raw_platform import RawPlatform
from adapters.simulator.smsc import SimulatedSmsc
from tests.node.harness import PATIENCE_S, Node, campaign, eventually, notification, running, settings_for

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

SOL, LUNA, MAR = "Compra en tienda sol", "Compra en tienda luna", "Compra en tienda mar"
RATE = 300
EFFECT_S = 1.0


class Watch:
    """A node under steady traffic, and when the SMSC saw each ad last and how often (wall clock)."""

    def __init__(self, node: Node, smsc: SimulatedSmsc) -> None:
        self.node = node
        self.last: dict[str, float] = {}
        self.seen: dict[str, int] = dict.fromkeys((SOL, LUNA, MAR), 0)
        smsc.script = self._note

    def _note(self, frame: bytes) -> None:
        for text in self.seen:
            if frame.endswith(text.encode()):
                self.last[text] = time.time()
                self.seen[text] += 1

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until a condition on what was seen holds."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                await asyncio.sleep(0.01)

    async def more(self, *texts: str) -> None:
        """Wait until each ad was seen 20 more times."""
        goals = {text: self.seen[text] + 20 for text in texts}
        await self.until(lambda: all(self.seen[text] >= goal for text, goal in goals.items()))

    async def ads(self, *arguments: str) -> tuple[int, str, str]:
        """Run `posdata ads`."""
        return await self.node.run("ads", *arguments, "-c", str(self.node.config))

    async def quiet(self) -> None:
        """Let the platform send some notifications, none of which gets an ad."""
        before = dict(self.seen)
        passed = (await self.node.books())["pass_through"].get("ads_off", 0)

        async def more_passed() -> bool:
            return bool((await self.node.books())["pass_through"].get("ads_off", 0) > passed + RATE / 5)

        await eventually(more_passed)
        assert self.seen == before


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watch(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watch]:
    """A node under steady traffic with one campaign; ads were off before it ever ran."""
    directory = tmp_path_factory.mktemp("switches")
    async with SimulatedSmsc() as smsc:
        settings = settings_for(smsc.port)
        idle = Node(directory, settings)
        idle.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        off = await idle.run("ads", "off", "-c", str(idle.config))
        assert (off[0], off[2]) == (0, "")
        assert "does not run" in off[1]
        async with running(directory, settings) as node:
            watch = Watch(node, smsc)
            platform = RawPlatform(*node.relay, keep_answers=False)
            traffic = (notification(number % 5000) for number in count())
            sending = asyncio.create_task(platform.keep_submitting(traffic, SteadyPace(RATE), deadline_s=600))
            yield watch
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
            platform.abort()
            assert await node.stop() == 0


async def test_a_switch_thrown_before_the_start_is_found_at_the_start(watch: Watch) -> None:
    """`ads off` on a node that does not run exits 0; when it runs, no ads until `ads on`."""
    await watch.node.gate("ads_off")
    await watch.node.book(campaign("sol", SOL, 1_000_000))
    await watch.quiet()
    code, out, err = await watch.ads("on")
    assert (code, err) == (0, "")
    assert "ads on: node relay-1 confirmed" in out
    await watch.more(SOL)


async def test_an_imported_campaign_is_served_within_a_second(watch: Watch) -> None:
    """From the end of `campaigns import` to its first ad at the SMSC."""
    await watch.node.import_campaigns(campaign("luna", LUNA, 1_000_000))
    imported = time.time()
    await watch.until(lambda: bool(watch.seen[LUNA]), timeout_s=EFFECT_S)
    assert watch.last[LUNA] - imported < EFFECT_S


async def test_off_takes_effect_within_a_second_and_outlives_a_restart(watch: Watch) -> None:
    """All workers confirm; nothing gets an ad any more, also after a restart, until `ads on`."""
    code, out, err = await watch.ads("off")
    assert (code, err) == (0, "")
    assert "ads off: node relay-1 confirmed" in out
    thrown = (watch.node.directory / "data" / "ads.off").stat().st_mtime
    await watch.quiet()
    assert max(watch.last.values()) - thrown < EFFECT_S
    assert await watch.node.stop() == 0
    await watch.node.restart()
    await watch.node.gate("ads_off")
    await watch.quiet()
    assert (await watch.ads("on"))[0] == 0
    await watch.more(SOL, LUNA)


async def test_off_needs_no_database(watch: Watch) -> None:
    """With every process of PostgreSQL frozen, ads stop within a second of the file; exit 3, one line."""
    [postmaster] = [each for each in watch.node.members() if each.name() == "postgres"]
    frozen = [postmaster, *postmaster.children(recursive=True)]
    assert len(frozen) > 3
    for each in frozen:
        each.suspend()
    try:
        command = asyncio.create_task(watch.ads("off"))
        file = watch.node.directory / "data" / "ads.off"
        await watch.until(file.exists)
        thrown = file.stat().st_mtime
        await watch.node.gate("ads_off", timeout_s=EFFECT_S + 1)
        before = dict(watch.seen)
        await asyncio.sleep(0.3)
        assert watch.seen == before
        assert max(watch.last.values()) - thrown < EFFECT_S
        code, out, err = await command
    finally:
        _resume(frozen)
    assert (code, err.count("\n")) == (3, 1), err
    assert "ads off: node relay-1 confirmed" in out
    assert "lets nobody in; see postgres.log; no other node was told that ads are off" in err
    assert (await watch.ads("on"))[0] == 0
    await watch.more(SOL, LUNA)


async def test_stop_ends_one_campaign_within_a_second_and_no_other(watch: Watch) -> None:
    """Its units come back, the rest go on."""
    await watch.node.book(campaign("mar", MAR, 1_000_000, external_id="mar-1"))
    await watch.more(SOL, LUNA, MAR)
    code, out, err = await watch.ads("stop", "mar-1")
    assert (code, err) == (0, "")
    assert "node relay-1: confirmed" in out
    [stopped] = await watch.node.fetch("SELECT stopped_at FROM campaigns WHERE external_id = 'mar-1'")
    await watch.more(SOL, LUNA)
    assert watch.last[MAR] - stopped["stopped_at"].timestamp() < EFFECT_S

    async def is_given_back() -> bool:
        return _ledger(await watch.node.books(), "mar")["leased"] == 0

    await eventually(is_given_back)
    ledger = _ledger(await watch.node.books(), "mar")
    assert ledger["free"] == 1_000_000 - ledger["settled"]
    assert ledger["settled"] == watch.seen[MAR]
    code, out, _ = await watch.node.run("campaigns", "list", "--json", "-c", str(watch.node.config))
    assert [each["serving"] for each in json.loads(out) if each["name"] == "mar"] == [False]


async def test_stopping_nobody_is_one_line_and_exit_2(watch: Watch) -> None:
    """The name is said, and where to look."""
    code, out, err = await watch.ads("stop", "nadie")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "'nadie'" in err
    assert "campaigns list" in err


async def test_a_node_that_does_not_confirm_is_named_and_exit_3(watch: Watch) -> None:
    """Control stands still: the workers have the file's word, the database has not the node's."""
    control = watch.node.child("control")
    control.suspend()
    try:
        code, out, err = await watch.ads("off")
    finally:
        control.resume()
    assert (code, err.count("\n")) == (3, 1)
    assert "ads off: node relay-1 confirmed" in out
    assert "node relay-1: DID NOT CONFIRM" in out


async def test_a_database_out_of_reach_is_exit_3(tmp_path: Path) -> None:
    """Said on stderr, with what to do and without the password."""
    node = Node(tmp_path, {"database": "postgresql://posdata:geheim@127.0.0.1:1/none"})
    node.config.write_text(yaml.safe_dump(node.settings), encoding="utf-8")
    switches = (("off",), ("on",), ("stop", "mar-1"))
    ends = [node.run("ads", *arguments, "-c", str(node.config)) for arguments in switches]
    for code, _, err in await asyncio.gather(*ends):
        assert code == 3
        assert "cannot be reached" in err
        assert "geheim" not in err
        assert "Traceback" not in err


async def test_no_settings_file_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """The file is named."""
    code, out, err = await Node(tmp_path, {}).run("ads", "off", "-c", str(tmp_path / "none.yaml"))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "none.yaml" in err


def _ledger(books: dict[str, Any], name: str) -> dict[str, int]:
    return next(each["ledger"] for each in books["campaigns"] if each["name"] == name)


def _resume(processes: list[psutil.Process]) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGCONT)
