"""What was sent, what the SMSC saw of it and what was answered, by sequence number: the judge's own books."""

from collections import Counter
from dataclasses import dataclass, field

from adapters.simulator.notification import Notification
from adapters.simulator.pdu import ESME_RINVMSGLEN, ESME_RSUBMITFAIL, Submit
from adapters.simulator.smsc import SimulatedSmsc
from adapters.simulator.smsc_session import Reply, SmscSession

# `relay.retry_bare_on`: after these the original may follow its refused ad, once.
RETRIED = frozenset({ESME_RINVMSGLEN, ESME_RSUBMITFAIL})


@dataclass(slots=True)
class Sent:
    """One submit of a platform; a re-send is another one."""

    item: Notification
    seen: list[str | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    answer: int | None = None

    @property
    def owed(self) -> bool:
        """Tell whether the SMSC has it and has not answered it."""
        return len(self.seen) > len(self.statuses)


class Ledger:
    """Everything since the books were last found in order, and sums since the beginning.

    Every platform numbers its submits in a range of its own, so that a sequence number names one submit.
    """

    def __init__(self) -> None:
        self.sent: dict[int, Sent] = {}
        self.faults: list[str] = []
        self.submits = 0
        self.arrived = 0
        self.refused_ads = 0
        self.bare = 0

    def submitted(self, sequence: int, item: Notification) -> None:
        """Take note of a submit."""
        self.sent[sequence] = Sent(item)
        self.submits += 1

    def answered(self, sequence: int, status: int) -> None:
        """Take note of an answer at the platform."""
        self.sent[sequence].answer = status

    def saw(self, submit: Submit, ad: str | None, separator: str) -> None:
        """Take note of a submit at the SMSC; it must be the platform's, with an ad or without."""
        sent = self.sent.get(submit.sequence)
        if sent is None:
            self.faults.append(
                f"the SMSC got submit {submit.sequence}, which no platform sent or is long over"
            )
            return
        sent.seen.append(ad)
        self.arrived += len(sent.seen) == 1
        body = sent.item.body()
        if not (submit.body.startswith(body) if ad else submit.body == body):
            self.faults.append(
                f"submit {submit.sequence} came as {submit.body!r}, sent was {body!r} (ad {ad})"
            )
        if ad and len(submit.body) <= len(body) + len(separator):
            self.faults.append(f"submit {submit.sequence} lost part of its body to the ad: {submit.body!r}")

    def replied(self, sequence: int, status: int, ad: str | None) -> None:
        """Take note of an answer that left the SMSC."""
        self.refused_ads += ad is not None and status != 0
        if (sent := self.sent.get(sequence)) is not None:
            sent.statuses.append(status)

    def close(self) -> Counter[str]:
        """Judge each submit since the last closing, forget them, and return what was found of each kind."""
        found: Counter[str] = Counter()
        for sequence, sent in self.sent.items():
            again = sent.seen[1:]
            if again:
                bare = len(again) == 1 and sent.seen[0] is not None and again[0] is None
                if bare and sent.statuses[:1] and sent.statuses[0] in RETRIED:
                    self.bare += 1
                    found["bare"] += 1
                else:
                    self.faults.append(
                        f"duplicate: submit {sequence} at the SMSC {len(sent.seen)} times: {sent}"
                    )
            if sent.answer is not None and sent.answer not in sent.statuses[-1:]:
                self.faults.append(f"invented: submit {sequence} was answered {sent.answer}: {sent}")
            found["arrived"] += bool(sent.seen)
            found["answered"] += sent.answer is not None
        self.sent.clear()
        return found


class WatchedSmsc(SimulatedSmsc):
    """A simulated SMSC that tells the judge what it sees."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__()
        self._ledger = ledger

    def take(self, submit: Submit) -> tuple[str | None, str | None]:
        """Tell of a submit."""
        text, ad = super().take(submit)
        self._ledger.saw(submit, ad, self.tally.separator)
        return text, ad

    def answered_one(self, session: SmscSession, reply: Reply) -> None:
        """Tell of an answer."""
        super().answered_one(session, reply)
        if reply.submit is not None:
            self._ledger.replied(reply.submit.sequence, reply.status, reply.ad)
