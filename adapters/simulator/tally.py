"""Which known ad a text ends with, and how often each was received and accepted: an independent count."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

LONGEST_KEY: Final = 12  # characters of a text's end that choose the candidates


@dataclass(slots=True)
class AdCount:
    """One ad's counts: submits that carried it, by answer, and its receipts."""

    received: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    delivered: int = 0
    failed: int = 0

    @property
    def accepted(self) -> int:
        """Submits answered ESME_ROK."""
        return self.answered[0]


class AdTally:
    """Counts by ad text; an ad is what follows the separator at a text's end, the longest known one."""

    def __init__(self, separator: str = " ", texts: Iterable[str] = ()) -> None:
        self.separator = separator
        self.counts: dict[str, AdCount] = {}
        self._by_end: dict[str, list[tuple[str, str]]] = {}
        self._key = LONGEST_KEY
        self.register(*texts)

    def register(self, *texts: str) -> None:
        """Make ads known; counts of those known before stay."""
        for text in texts:
            self.counts.setdefault(text, AdCount())
        endings = sorted(
            ((self.separator + text, text) for text in self.counts), key=lambda pair: -len(pair[0])
        )
        self._key = min([LONGEST_KEY, *(len(ending) for ending, _ in endings)])
        self._by_end = {}
        for ending, text in endings:
            self._by_end.setdefault(ending[-self._key :], []).append((ending, text))

    def find(self, text: str) -> str | None:
        """Return the longest known ad that the text ends with, None when there is none."""
        for ending, ad in self._by_end.get(text[-self._key :], ()):
            if text.endswith(ending):
                return ad
        return None

    @property
    def received(self) -> int:
        """Submits that carried any known ad."""
        return sum(count.received for count in self.counts.values())

    @property
    def accepted(self) -> int:
        """Submits with any known ad that were answered ESME_ROK."""
        return sum(count.accepted for count in self.counts.values())
