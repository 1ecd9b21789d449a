"""The HTTP process's side of what it asks control: again while control is being replaced."""

import asyncio

from adapters.http.health import Readiness
from adapters.metrics.node_figures import WorkerMemory
from adapters.processes.control_client import LINE_LIMIT
from adapters.processes.messages import AskSessions, LiveSessions, Message, live_sessions
from adapters.processes.questions import AskMetrics, AskView, Metrics, Submit, Submitted, View
from adapters.smpp.esme import NoAnswerError, NotBoundError
from adapters.smpp.esme_core import Answered, Outgoing

# Control is replaced within a second; after so long without a word it is taken for gone.
PATIENCE_S = 5.0
# Who asks whether the node is ready is told what was known last after this: a balancer does not wait.
QUICK_S = 0.25
RETRY_S = 0.2
LOOK_S = 1.0
# An SMSC that is slow to answer a sample is waited for by control.
SUBMIT_S = 60.0

NOWHERE = View(relay=False, database=False, ads=False, workers=())


class ControlQuestions:
    """Asks control over its socket; `workers` and `database` are what it said last, within LOOK_S."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._view = NOWHERE
        self._asking: asyncio.Task[None] | None = None
        self.migrated = asyncio.Event()

    async def look(self) -> None:
        """Ask how the node is each LOOK_S, until cancelled."""
        while True:
            await self.readiness()
            await asyncio.sleep(LOOK_S)

    async def readiness(self) -> Readiness:
        """Ask whether the node is ready; it is not when control has not answered for PATIENCE_S."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._renew())
        done, _ = await asyncio.wait({self._asking}, timeout=QUICK_S)
        for asked in done:
            asked.result()
        return Readiness(relay=self._view.relay, database=self._view.database, ads=self._view.ads)

    async def _renew(self) -> None:
        try:
            self._view = View.model_validate_json(await self._ask(AskView()))
        except TimeoutError:
            self._view = NOWHERE
        if self._view.database:
            self.migrated.set()

    async def metrics(self) -> bytes:
        """Ask for the text of `/metrics`. Raises `TimeoutError`."""
        return Metrics.model_validate_json(await self._ask(AskMetrics())).text.encode()

    def workers(self) -> tuple[WorkerMemory, ...]:
        """Return what each worker told last."""
        return tuple(
            WorkerMemory(
                each.worker,
                each.epoch,
                each.figures,
                each.heard_at,
                each.lives,
                each.applied,
                each.behind_since,
            )
            for each in self._view.workers
        )

    async def sessions(self) -> LiveSessions:
        """Ask for the live sessions. Raises `TimeoutError`."""
        return live_sessions.validate_json(await self._ask(AskSessions()))

    async def submit(self, message: Outgoing) -> Answered:
        """Send a message through control's session. Raises `NotBoundError`, `NoAnswerError`."""
        asked = Submit(
            source=message.source,
            destination=message.destination,
            body=message.body,
            data_coding=message.data_coding,
        )
        try:
            async with asyncio.timeout(SUBMIT_S):
                answer = await self._once(asked)
        except OSError:  # TimeoutError is one
            answer = b""
        if not answer:
            raise NoAnswerError("control ended meanwhile")
        found = Submitted.model_validate_json(answer)
        if found.outcome == "not_bound":
            raise NotBoundError("there is no session now")
        if found.outcome == "no_answer":
            raise NoAnswerError("no answer in time")
        return Answered(0, found.status, found.message_id)

    async def _ask(self, question: Message) -> bytes:
        """Return control's answer, asked again while it is being replaced. Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    if answer := await self._once(question):
                        return answer
                except OSError:
                    pass  # its socket is the supervisor's: who connects early is heard by the next control
                await asyncio.sleep(RETRY_S)

    async def _once(self, question: Message) -> bytes:
        """Return the answer, empty when control ended before it gave one. Raises `OSError`."""
        reader, writer = await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)
        try:
            writer.write(question.encoded())
            return await reader.readline()
        finally:
            writer.close()
