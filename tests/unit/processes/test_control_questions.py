"""Tests of the HTTP process's questions to control, over a Unix socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.http.health import Readiness
from adapters.metrics.node_figures import WorkerMemory
from adapters.processes import control_questions
from adapters.processes.control_questions import ControlQuestions
from adapters.processes.messages import Figures
from adapters.processes.question_desk import QuestionDesk
from adapters.processes.worker_lines import WorkerLines
from adapters.smpp.esme import NoAnswerError, NotBoundError
from adapters.smpp.esme_core import Answered, Outgoing

FIGURES = Figures(
    routes={}, inserted=7, outcomes=(), passed={}, refused=0, faults=0, gate=None, bypass=False, frames=3,
    journal_octets=0, journal_full=False, plan_age_s=None, lease_age_s=None,
)  # fmt: skip
MEMORY = WorkerMemory(2, 5, FIGURES, 10.5, 3, 1, 9.0)
MESSAGE = Outgoing("99", "525501234567", b"\x00\xff", 8)


class Observed:
    """What control sees."""

    def metrics(self) -> bytes:
        """Return metrics."""
        return "posdata_\u00f1 1\n".encode()

    def workers(self) -> list[WorkerMemory]:
        """Return one worker."""
        return [MEMORY]


class Session:
    """Control's session: answers once, then is unbound, then hears nothing."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []

    async def submit(self, message: Outgoing) -> Answered:
        """Send a message."""
        self.sent.append(message)
        if len(self.sent) == 2:
            raise NotBoundError
        if len(self.sent) == 3:
            raise NoAnswerError
        return Answered(1, 0, "m1")


@asynccontextmanager
async def control(path: Path, esme: Session | None = None) -> AsyncIterator[None]:
    """Answer on a socket as control does."""
    ready = Readiness(relay=True, database=True, ads=False)
    desk = QuestionDesk(lambda: ready, cast("Any", Observed()), cast("Any", esme))
    lines: Any = WorkerLines("relay-1", *cast("Any", (None,) * 5), desk.answer)
    server = await asyncio.start_unix_server(lines._opened, str(path))
    try:
        yield
    finally:
        server.close()
        await lines.close()


async def test_the_node_is_shown_as_control_sees_it(tmp_path: Path) -> None:
    """Readiness, workers and metrics come over the socket unchanged; a good word opens the database."""
    asking = ControlQuestions(str(tmp_path / "socket"))
    assert not asking.workers()
    async with control(tmp_path / "socket"):
        assert await asking.readiness() == Readiness(relay=True, database=True, ads=False)
        assert asking.migrated.is_set()
        assert asking.workers() == (MEMORY,)
        assert await asking.metrics() == Observed().metrics()


async def test_a_question_waits_for_the_next_control(tmp_path: Path) -> None:
    """Who asks while control is being replaced is answered by the next one."""
    asking = ControlQuestions(str(tmp_path / "socket"))
    waiting = asyncio.create_task(asking.metrics())
    await asyncio.sleep(0)
    async with control(tmp_path / "socket"):
        assert await waiting == Observed().metrics()


async def test_without_control_the_node_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At first it is what it was, so that a balancer leaves a node whose control is being replaced alone."""
    monkeypatch.setattr(control_questions, "PATIENCE_S", 0.2)
    asking = ControlQuestions(str(tmp_path / "socket"))
    async with control(tmp_path / "socket"):
        await asking.readiness()
    monkeypatch.setattr(control_questions, "QUICK_S", 0)
    assert (await asking.readiness()).relay
    monkeypatch.setattr(control_questions, "QUICK_S", 60)
    assert await asking.readiness() == Readiness(relay=False, database=False, ads=False)
    assert not asking.workers()


async def test_a_sample_goes_through_controls_session(tmp_path: Path) -> None:
    """Sent once, whatever becomes of it; what the SMSC said comes back, and why it said nothing."""
    session, asking = Session(), ControlQuestions(str(tmp_path / "socket"))
    async with control(tmp_path / "socket", session):
        assert await asking.submit(MESSAGE) == Answered(0, 0, "m1")
        with pytest.raises(NotBoundError):
            await asking.submit(MESSAGE)
        with pytest.raises(NoAnswerError):
            await asking.submit(MESSAGE)
    assert session.sent == [MESSAGE] * 3
