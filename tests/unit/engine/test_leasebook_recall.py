"""What a worker does with units that others need more."""

from engine.leasebook import LeaseBook
from inventory.books import LeaseTotals


def test_an_idle_worker_lets_go_of_everything_and_asks_when_it_is_needed() -> None:
    """A busy second of a minute ago holds nothing back, and units do not go to and fro between workers."""
    book = LeaseBook(30)
    book.hear(3, LeaseTotals(granted=100, returned=0, spent=0))
    lease = book.lease(3)
    for _ in range(40):
        lease.take()
    book.close_second(0.0)
    book.close_second(1.0)
    assert book.recall(3) == {3: 60}
    assert lease.held == 0
    assert book.requests(frozenset({3})) == []
    lease.missed = True
    [request] = book.requests(frozenset({3}))
    assert (request.campaign, request.held, request.rate) == (3, 0, 40.0)
    assert [each.campaign for each in book.requests(frozenset({3}))] == [3]


def test_what_was_returned_is_told_again_when_the_books_do_not_have_it() -> None:
    """A return that got lost (the database was away) is heard of with the next totals; others are not."""
    book = LeaseBook(30)
    for campaign in (1, 2):
        book.hear(campaign, LeaseTotals(granted=100, returned=0, spent=0))
    assert book.surrender(frozenset({2})) == {1: 100}
    before = {n: LeaseTotals(granted=100, returned=0, spent=0) for n in (1, 2, 3)}
    assert book.untold(before) == {1: 100}
    assert book.untold({1: LeaseTotals(granted=100, returned=100, spent=0)}) == {}
