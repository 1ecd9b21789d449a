"""The worker's side of leases: units, totals, rates, requests."""

from engine.leasebook import ASK_S, RATE_WINDOW_S, Lease, LeaseBook
from inventory.books import LeaseRequest, LeaseTotals


def granted(units: int, returned: int = 0) -> LeaseTotals:
    """Return totals as control tells them."""
    return LeaseTotals(units, returned, 0)


def spend(lease: Lease, units: int) -> None:
    """Take units one by one."""
    for _ in range(units):
        lease.take()


def test_the_same_word_twice_or_an_older_one_changes_nothing() -> None:
    """Totals say where things stand, so repeating or reordering them grants nothing."""
    lease = Lease(7)
    for word in (100, 100, 40, 150, 100):
        lease.hear(word, 0)
    assert (lease.granted, lease.held) == (150, 150)
    spend(lease, 30)
    lease.hear(150, 0)
    assert lease.held == 120


def test_a_refused_insertion_gives_its_unit_back() -> None:
    """What came back is spent again."""
    lease = Lease(7)
    lease.hear(1, 0)
    lease.take()
    lease.put_back()
    assert lease.held == 1


def test_letting_go_is_told_as_a_total() -> None:
    """Each time the new sum is told; with nothing held it is the old one."""
    lease = Lease(7)
    lease.hear(100, 0)
    spend(lease, 60)
    assert lease.give_back() == 40
    lease.put_back()
    assert lease.give_back() == 41
    assert lease.give_back() == 41
    assert lease.held == 0


def test_an_older_returned_total_is_no_news() -> None:
    """The books may not yet have what this worker has let go of."""
    lease = Lease(7)
    lease.hear(100, 0)
    lease.give_back()
    lease.hear(150, 0)
    assert (lease.held, lease.returned) == (50, 100)


def test_a_worker_asks_for_what_it_never_had() -> None:
    """A campaign that serves and was never leased is asked for, one that does not serve is not."""
    book = LeaseBook(30)
    assert book.requests(frozenset()) == []
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 0, 0.0)]
    book.hear(3, granted(1000))
    assert book.requests(frozenset({3})) == []


def test_a_worker_asks_when_it_holds_less_than_its_horizon() -> None:
    """The horizon is counted in its busiest second."""
    book = LeaseBook(30)
    book.hear(3, granted(1000))
    spend(book.lease(3), 20)
    book.close_second(0.0)
    assert book.requests(frozenset({3})) == []  # holds 980, 600 would do
    spend(book.lease(3), 20)
    book.close_second(1.0)
    spend(book.lease(3), 360)
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 600, 360.0)]


def test_the_current_second_counts_already() -> None:
    """A burst is seen before its second is over."""
    book = LeaseBook(30)
    book.hear(3, granted(1000))
    spend(book.lease(3), 33)
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 967, 33.0)]


def test_a_miss_is_asked_for_until_a_unit_is_granted() -> None:
    """An ad that was not chosen for want of a unit brings requests while others are recalled."""
    book = LeaseBook(30)
    book.hear(3, granted(5))
    lease = book.lease(3)
    spend(lease, 5)
    book.close_second(0.0)
    for second in range(1, 2 * RATE_WINDOW_S + 2):
        book.close_second(float(second))
    assert book.requests(frozenset({3})) == []
    lease.missed = True
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 0, 0.0)]
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 0, 0.0)]
    book.hear(3, granted(101))
    assert not lease.missed


def test_a_unit_that_does_not_come_is_asked_for_a_few_seconds() -> None:
    """What nobody can give (the last ones are on their way to the SMSC) is not asked for without end."""
    book = LeaseBook(30)
    book.hear(3, granted(1))
    lease = book.lease(3)
    lease.held = 0
    lease.missed = True
    asked = 0
    for second in range(10):
        asked += bool(book.requests(frozenset({3})))
        book.close_second(float(second))
    assert asked == ASK_S + 1


def test_nothing_is_asked_for_a_stopped_campaign() -> None:
    """Neither a first lease nor more; a miss while stopped is asked for once it goes on."""
    book = LeaseBook(30)
    lease = book.lease(3)
    lease.stopped = lease.missed = True
    assert book.requests(frozenset({3})) == []
    lease.stopped = False
    assert book.requests(frozenset({3})) == [LeaseRequest(3, 0, 0.0)]


def test_the_busiest_second_is_remembered_for_a_window_and_forgotten_after_two() -> None:
    """The highest one-second rate lasts at least 60 s and at most 120 s."""
    lease = Lease(3)
    lease.held = 100
    lease.peak_rate(0.0)
    spend(lease, 9)
    assert lease.peak_rate(1.0) == 9
    rates = {second: lease.peak_rate(float(second)) for second in range(2, 200)}
    assert all(rates[second] == 9 for second in range(2, 2 + RATE_WINDOW_S))
    assert all(rates[second] == 0 for second in range(2 + 2 * RATE_WINDOW_S, 200))


def test_units_of_what_no_longer_serves_are_let_go() -> None:
    """Campaigns off the plan and stopped ones are surrendered, the rest is kept."""
    book = LeaseBook(30)
    for campaign in (1, 2, 3):
        book.hear(campaign, granted(100))
    book.lease(2).stopped = True
    assert book.surrender(frozenset({1, 2})) == {2: 100, 3: 100}
    assert book.surrender(frozenset({1, 2})) == {}
    assert [lease.held for lease in book] == [100, 0, 0]
    book.lease(3).put_back()
    assert book.surrender(frozenset({1, 2})) == {3: 101}


def test_a_recall_leaves_one_second() -> None:
    """What the next second needs stays; the rest goes back, once."""
    book = LeaseBook(30)
    book.hear(3, granted(1000))
    spend(book.lease(3), 12)
    book.close_second(0.0)
    assert book.recall(3) == {3: 976}
    assert book.lease(3).held == 12
    assert book.recall(3) == {}
    assert book.recall(9) == {}
