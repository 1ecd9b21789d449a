"""Which form the message_ids of receipts have, told from answers and receipts of the same subscribers."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Literal

from engine.receipts import FORMS, Form, normalised

Part = Literal["text", "tlv"]
PARTS: tuple[Part, ...] = ("text", "tlv")

MOST_KEPT = 100_000
"""Answers and receipts that are kept; what comes later is left out."""


@dataclass(frozen=True, slots=True)
class SeenReceipt:
    """A receipt's ids as they stand, empty where there is none, and whom it is from."""

    ids: dict[Part, bytes]
    subscriber: int


@dataclass(frozen=True, slots=True)
class Fit:
    """One part of receipts: how many had an id, for how many each form gave an answer's, the best form."""

    ids: int
    fits: dict[Form, int]
    best: Form | None


@dataclass(slots=True)
class FormsSeen:
    """What came by: answers' ids by subscriber, and receipts in whatever order."""

    answers: dict[int, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    receipts: list[SeenReceipt] = field(default_factory=list)
    answered: int = 0

    def answer(self, message_id: bytes, subscriber: int) -> None:
        """Take in an answer's message_id."""
        if message_id and self.answered < MOST_KEPT:
            self.answered += 1
            self.answers[subscriber].add(normalised(message_id))

    def receipt(self, text_id: bytes, tlv_id: bytes, subscriber: int) -> None:
        """Take in a receipt's ids."""
        if len(self.receipts) < MOST_KEPT:
            self.receipts.append(SeenReceipt({"text": text_id, "tlv": tlv_id}, subscriber))

    def fit(self, part: Part) -> Fit:
        """Return how the ids of one part fit; no form is best when none fits any."""
        fits: Counter[Form] = Counter()
        ids = 0
        for each in self.receipts:
            message_id = each.ids[part]
            if not message_id:
                continue
            ids += 1
            known = self.answers.get(each.subscriber, ())
            fits.update(form for form in FORMS if normalised(message_id, form) in known)
        best = max(FORMS, key=lambda form: fits[form])
        return Fit(ids, {form: fits[form] for form in FORMS}, best if fits[best] else None)
