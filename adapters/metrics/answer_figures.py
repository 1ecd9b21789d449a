"""What a node's answers to leads came to, as plain numbers for `/metrics`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from adapters.metrics.histogram import Histogram

OUTCOMES: Final[Sequence[str]] = ("answered", "failed", "unknown")
OPEN: Final[Sequence[str]] = ("due", "waiting", "sending")
STOCKS: Final[Sequence[str]] = ("low", "out")

_OUTCOME_OF: Final[Mapping[str, str]] = {
    "sent": "answered",
    "delivered": "answered",
    "failed": "failed",
    "unknown": "unknown",
}


class AnswerFigures:
    """Counts since the process began; `open` and `stocks` as last looked at, empty where others send."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        self.seconds = Histogram()
        self.open: Mapping[str, int] = {}
        self.stocks: Mapping[str, int] = {}

    def settled(self, state: str, waited_s: float) -> None:
        """Count what an answer came to; one that is due again is none yet."""
        outcome = _OUTCOME_OF.get(state)
        if outcome is not None:
            self.outcomes[outcome] += 1
        if outcome == "answered":
            self.seconds.observe(waited_s)
