"""A text whose receipts fail where bare ones arrive is stopped; without bare ones nobody is judged."""

from engine.receipt_breaker import ReceiptBreaker
from inventory.books import CountKey
from inventory.receipts import Delivery, Matched, Matching, Unmatched


def found(delivered: int, failed: int, bare: int = 0, bare_failed: int = 0, version: int = 301) -> Matching:
    """Return one look's finds."""
    key = CountKey(11, version, 55, 7)
    matched = [
        Matched(key, Delivery.DELIVERED, "", delivered),
        Matched(key, Delivery.FAILED, "expired", failed),
    ]
    return Matching(matched, [Unmatched(1, bare, bare_failed, 0)], more=False)


def test_a_text_that_fails_more_often_is_harmful() -> None:
    """Told once, with the figures of both sides since its window began."""
    breaker = ReceiptBreaker()
    assert list(breaker.judge(found(5, 5))) == []
    [verdict] = breaker.judge(found(15, 25, bare=100, bare_failed=2))
    assert (verdict.campaign, verdict.creative_version) == (11, 301)
    assert (verdict.answered, verdict.refused, verdict.bare, verdict.bare_refused) == (50, 30, 100, 2)
    assert list(breaker.judge(found(0, 0, bare=100))) == []


def test_the_same_rate_is_no_harm() -> None:
    """Handsets that are off are off with and without an ad."""
    breaker = ReceiptBreaker()
    for _ in range(60):
        assert list(breaker.judge(found(15, 5, bare=20, bare_failed=5))) == []


def test_without_bare_receipts_there_is_no_verdict() -> None:
    """Nothing to compare with, however many fail."""
    assert list(ReceiptBreaker().judge(found(0, 5000, bare=29))) == []


def test_bare_failures_only_accuse_nobody() -> None:
    """A platform that asks for failures only sends no others."""
    assert list(ReceiptBreaker().judge(found(100, 60, bare=500, bare_failed=500))) == []
