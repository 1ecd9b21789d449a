"""Control's side of what the HTTP process asks: how the node is, its metrics, a message to the SMSC."""

from collections.abc import Callable
from typing import assert_never

from adapters.http.health import Readiness
from adapters.metrics.observation import Observation
from adapters.processes.messages import Message
from adapters.processes.questions import (
    AskMetrics,
    AskView,
    Metrics,
    Question,
    Submit,
    Submitted,
    View,
    WorkerView,
)
from adapters.smpp.esme import EsmeSession, NoAnswerError, NotBoundError
from adapters.smpp.esme_core import Outgoing


class QuestionDesk:
    """Answers questions; `esme` is control's own session at the SMSC, None where it has none."""

    def __init__(
        self, readiness: Callable[[], Readiness], observation: Observation, esme: EsmeSession | None
    ) -> None:
        self._readiness = readiness
        self._observation = observation
        self._esme = esme

    async def answer(self, question: Question) -> Message:
        """Return the answer."""
        match question:
            case AskView():
                return self._view()
            case AskMetrics():
                return Metrics(text=self._observation.metrics().decode())
            case Submit():
                return await self._submitted(question)
            case _:
                assert_never(question)

    def _view(self) -> View:
        now = self._readiness()
        workers = tuple(
            WorkerView(
                worker=each.worker,
                epoch=each.epoch,
                figures=each.figures,
                heard_at=each.heard_at,
                lives=each.lives,
                applied=each.applied,
                behind_since=each.behind_since,
            )
            for each in self._observation.workers()
        )
        return View(relay=now.relay, database=now.database, ads=now.ads, workers=workers)

    async def _submitted(self, asked: Submit) -> Submitted:
        if self._esme is None:
            return Submitted(outcome="not_bound")
        message = Outgoing(asked.source, asked.destination, asked.body, asked.data_coding)
        try:
            answered = await self._esme.submit(message)
        except NotBoundError:
            return Submitted(outcome="not_bound")
        except NoAnswerError:
            return Submitted(outcome="no_answer")
        return Submitted(outcome="answered", status=answered.status, message_id=answered.message_id)
