"""A read's words from a store of several nodes, with a store in memory that answers as it is told to."""

from engine.cap_batch import GRACE_MINUTES, MOST_OCTETS, RETURNS_A_READ, CapBatch
from engine.caps import FIRST_MINUTE, Counter
from engine.reasons import Reason
from tests.contract.cap_cases import DAY, HOUR, KEY, NOON, WHO, Asked, MemoryStore, campaign

ONE_A_DAY = campaign(1, caps=((1, "day", "campaign"),))
FREE = campaign(2)


def test_a_store_without_an_answer_means_no_capped_ad() -> None:
    """`cap_busy`, and what the link says is wrong is told; campaigns that nobody counts are not concerned."""
    store = MemoryStore()
    asked = Asked(CapBatch(store), ONE_A_DAY, FREE)
    store.silent = True
    assert asked.show(1) is Reason.CAP_BUSY
    assert asked.store.trouble == "slow"
    assert 2 not in asked.book.rules
    store.silent = False
    assert asked.show(1) is None


def test_a_read_asks_once_for_all_and_each_only_once() -> None:
    """Subscribers of several notifications are named once."""
    store = MemoryStore()
    asked = Asked(CapBatch(store), ONE_A_DAY)
    asked.caps.at(NOON)
    asked.caps.ahead([WHO, WHO + 1, WHO])
    assert store.asked == [[KEY.of(WHO), KEY.of(WHO + 1)]]
    rules = asked.book.rules[1]
    shown = []
    for who in (WHO, WHO + 1, WHO):
        assert asked.caps.admit(who, 0) is None
        shown.append(asked.caps.refuses(rules.limits) or asked.caps.take(rules.counters))
    assert shown == [None, None, Reason.FREQUENCY_CAP]
    assert len(store.asked) == 1


def test_refused_ads_of_somebody_who_is_claimed_wait_for_their_turn() -> None:
    """They are given back in the end, and at most so many with one read."""
    store = MemoryStore()
    asked = Asked(CapBatch(store), campaign(1, caps=((200, "day", "campaign"),)))
    claims = []
    for who in range(WHO, WHO + RETURNS_A_READ + 1):
        assert asked.show(1, who=who) is None
        claims.append(asked.caps.claim)
    for claim in claims:
        assert claim is not None
        claim.give_back()
    store.busy = {KEY.of(WHO)}
    for expected in (RETURNS_A_READ, 2, 1):
        asked.store.tidy()
        assert len(store.asked[-1]) == expected
    store.busy.clear()
    asked.store.tidy()
    assert {words[0] for words in store.words.values()} == {0}
    questions = len(store.asked)
    asked.store.tidy()
    assert len(store.asked) == questions


def test_somebody_with_too_many_counters_gets_no_ad() -> None:
    """`cap_full` with its alarm, and nothing of that ad stays counted; what is over makes room."""
    store = MemoryStore()
    asked = Asked(CapBatch(store), ONE_A_DAY)
    many = [Counter(salt, 1) for salt in range(MOST_OCTETS // 8 + 1)]
    asked.caps.at(NOON)
    asked.caps.ahead([WHO])
    assert asked.caps.admit(WHO, 0) is None
    assert asked.caps.take(many) is Reason.CAP_FULL
    assert asked.store.trouble == "full"
    asked.store.close()
    words = store.words[KEY.of(WHO)]
    assert len(words) == MOST_OCTETS
    assert {words[at] for at in range(0, len(words), 8)} == {0}
    assert asked.show(1, NOON + DAY) is None
    assert len(store.words[KEY.of(WHO)]) == 8


def test_words_outlast_their_window_by_the_grace_of_clocks() -> None:
    """The store is told when the last of them goes."""
    store = MemoryStore()
    assert Asked(CapBatch(store), campaign(1, caps=((1, "hour", "campaign"),))).show(1) is None
    assert store.lasts == {KEY.of(WHO): int((NOON + HOUR) // 60) - FIRST_MINUTE + GRACE_MINUTES}
