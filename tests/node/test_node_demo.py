"""`posdata demo`: the whole product on one machine, ending in a balance."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

pytestmark = [pytest.mark.node, pytest.mark.asyncio(loop_scope="module")]

SECONDS, RATE = 4, 200
DEMO = (sys.executable, "-P", "-m", "engine.bootstrap", "demo")
TRAFFIC = ("--seconds", str(SECONDS), "--rate", str(RATE), "--seed", "7")


@dataclass
class Run:
    """One demo that has ended: where it ran, what it listened on at most, what was left of its session."""

    code: int
    out: str
    err: str
    directory: Path
    listened: int
    left: list[str]

    @property
    def document(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Run]]:
    """Two demos with the same seed at the same time: one as JSON, one for a log."""
    quiet, for_a_log = tmp_path_factory.mktemp("demo"), tmp_path_factory.mktemp("demo")
    yield list(await asyncio.gather(_run(quiet, "--json", "--no-http"), _run(for_a_log)))


async def _run(directory: Path, *options: str) -> Run:
    process = await asyncio.create_subprocess_exec(
        *DEMO,
        *TRAFFIC,
        *options,
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    ended = asyncio.ensure_future(process.communicate())
    listened = 0
    async with asyncio.timeout(60):
        while not ended.done():
            listened = max(listened, _listeners(process.pid))
            await asyncio.wait([ended], timeout=0.2)
    out, err = ended.result()
    return Run(
        process.returncode or 0, out.decode(), err.decode(), directory, listened, _members(process.pid)
    )


def _listeners(pid: int) -> int:
    """Return how many TCP ports a process listens on; a demo's first process holds them all."""
    try:
        return sum(each.status == psutil.CONN_LISTEN for each in psutil.Process(pid).net_connections("tcp"))
    except psutil.NoSuchProcess:
        return 0


def _members(session: int) -> list[str]:
    """Return the names of the processes of a process session."""
    names = []
    for each in psutil.process_iter():
        try:
            if os.getsid(each.pid) == session:
                names.append(each.name())
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
    return names


async def test_the_demo_balances_to_the_unit(runs: list[Run]) -> None:
    """Exit 0, and the document of the contract with sums that agree."""
    run = runs[0]
    assert (run.code, run.err) == (0, "")
    found = run.document
    assert set(found) == {
        *("balanced", "notifications", "inserted", "smsc_counted", "ledger_counted"),
        *("campaigns", "pass_through", "seconds", "p50_ms", "p99_ms", "missed_calls"),
    }
    assert found["balanced"] is True
    assert found["smsc_counted"] == found["ledger_counted"] > 0
    assert found["notifications"] == found["inserted"] + sum(found["pass_through"].values())
    assert found["notifications"] >= SECONDS * RATE
    assert found["inserted"] > found["notifications"] / 3
    assert 0 < found["p50_ms"] <= found["p99_ms"]
    for each in found["campaigns"]:
        assert each["accepted"] == each["smsc_counted"]
        assert each["quantity"] is None or each["accepted"] <= each["quantity"]


async def test_a_demo_for_a_log_says_that_the_books_balance(runs: list[Run]) -> None:
    """Without a terminal: plain lines, the balance last; beside another demo on the same machine."""
    run = runs[1]
    assert (run.code, run.err) == (0, "")
    assert "\x1b" not in run.out
    last = run.out.rstrip().splitlines()[-1]
    assert last.startswith("The books balance: the SMSC accepted ")


async def test_the_same_seed_books_the_same_campaigns(runs: list[Run]) -> None:
    """Names and quantities of the campaigns do not depend on the run."""
    lines = {line.split("  ")[0]: line for line in runs[1].out.splitlines()}
    for each in runs[0].document["campaigns"]:
        quantity = "" if each["quantity"] is None else f"{each['quantity']:,}"
        assert quantity in lines[each["name"]]


async def test_a_demo_leaves_nothing_behind(runs: list[Run]) -> None:
    """No process of it lives on, nothing is written where it was started."""
    assert [run.left for run in runs] == [[], []]
    assert [list(run.directory.iterdir()) for run in runs] == [[], []]


async def test_no_http_listens_on_one_port_less(runs: list[Run]) -> None:
    """The relay and the simulated SMSC listen; HTTP only when it is wanted."""
    assert [run.listened for run in runs] == [2, 3]
