"""The harm breaker's other half: stops a text that handsets don't get where they get bare notifications.

The formula is engine.breaker's, with failed receipts of all final ones in place of refusals; the bare side
holds receipts that belong to no insertion. Without MIN_ANSWERS of those there is no verdict: a platform
that asks for none, or for failures only, gives nothing to compare with.
"""

from collections.abc import Iterator

from engine.breaker import MIN_ANSWERS, WINDOW, is_harmful
from engine.verdict import Verdict
from inventory.receipts import Delivery, Matching


class _Window:
    """One version's receipts, and where the bare side stood when they began."""

    __slots__ = ("bare_failed_from", "bare_from", "campaign", "failed", "receipts")

    def __init__(self, campaign: int, bare: int, bare_failed: int) -> None:
        self.campaign = campaign
        self.receipts = 0
        self.failed = 0
        self.bare_from = bare
        self.bare_failed_from = bare_failed


class ReceiptBreaker:
    """One matcher's breaker, over what it has matched itself."""

    def __init__(self) -> None:
        self._windows: dict[int, _Window] = {}
        self._bare = 0
        self._bare_failed = 0

    def judge(self, found: Matching) -> Iterator[Verdict]:
        """Take in what was matched, and yield the versions found harmful."""
        for each in found.unmatched:
            self._bare += each.receipts
            self._bare_failed += each.failed
        for key, outcome, _, insertions in found.matched:
            window = self._windows.get(key.creative_version)
            if window is None:
                window = _Window(key.campaign, self._bare, self._bare_failed)
                self._windows[key.creative_version] = window
            window.receipts += insertions
            if outcome is Delivery.FAILED:
                window.failed += insertions
        for version, window in list(self._windows.items()):
            bare = self._bare - window.bare_from
            bare_failed = self._bare_failed - window.bare_failed_from
            if bare < MIN_ANSWERS:
                continue
            if is_harmful(window.receipts, window.failed, bare, bare_failed):
                yield Verdict(window.campaign, version, window.receipts, window.failed, bare, bare_failed)
            elif window.receipts < WINDOW:
                continue
            del self._windows[version]
