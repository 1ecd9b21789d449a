"""Caps through a session: what is refused, what comes back with a refusal, what a broken part does."""

from pathlib import Path

from adapters.files.cap_file import make_cap_file, open_cap_file
from engine.cap_batch import CapBatch
from engine.cap_rules import CapBook, CapPolicy
from engine.caps import CapRules, Caps, CapStore
from engine.decision import Decision, Offer
from engine.people import WideHash
from engine.reasons import Reason
from inventory.frequency import FrequencyCap, Per, Scope
from segments.clock import LocalWindows
from tests.contract.cap_cases import MemoryStore
from tests.smpp_cases.pdus import RTHROTTLED, Submit, answer
from tests.smpp_cases.world import (
    CREATIVE,
    NOW,
    SEPARATOR,
    World,
    campaign_of,
    make_world,
    numbering,
    plan_of,
)

WIDE = WideHash(bytes(range(32)))
ONE_A_DAY = CapPolicy((FrequencyCap(1, Per.DAY, Scope.GLOBAL),))
FIRST, SECOND, THIRD = Submit(sequence=7), Submit(sequence=8), Submit(sequence=9)


def capped(folder: Path, policy: CapPolicy = ONE_A_DAY) -> World:
    """Return a bound session whose campaign is capped; its table lies in a folder."""
    make_cap_file(folder, 1, WIDE)
    return counting(open_cap_file(folder, WIDE), policy)


def counting(store: CapStore, policy: CapPolicy = ONE_A_DAY) -> World:
    """Return a bound session whose campaign is counted in a store."""
    world = make_world(units=50).bound()
    places, planned = numbering(), campaign_of(CREATIVE)
    book = CapBook([planned], policy)
    caps = Caps(store, WIDE, LocalWindows(places.timezones), places.zone_of)
    caps.limits = book.limits
    rules = book.rules.get(planned.number, CapRules((), ()))
    offer = Offer(planned, world.book.lease(planned.number), SEPARATOR, None, rules)
    world.inserter.decision = Decision(
        plan_of(planned, len(places.places)), [offer], places.zone_of, lambda: 0.5
    )
    world.inserter.caps = caps
    world.inserter.at(NOW)
    return world


def test_the_second_of_a_read_goes_bare(tmp_path: Path) -> None:
    """One ad a day: of two notifications to one subscriber in one read the first has it."""
    world = capped(tmp_path)
    out = world.from_platform(FIRST.octets + SECOND.octets)
    assert out.endswith(SECOND.octets)
    assert not out.startswith(FIRST.octets)
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (1, {"frequency_cap": 1})


def test_a_rejected_ad_comes_back(tmp_path: Path) -> None:
    """After a refusal, a late one too, the subscriber may have an ad again, and only one."""
    world = capped(tmp_path)
    world.from_platform(FIRST.octets)
    world.from_smsc(answer(FIRST.sequence, RTHROTTLED))
    world.from_platform(SECOND.octets + THIRD.octets)
    assert world.assert_balanced().inserted == 2
    world.session.expire(world.now + 1)
    world.from_smsc(answer(SECOND.sequence, RTHROTTLED))
    world.from_platform(Submit(sequence=10).octets + Submit(sequence=11).octets)
    books = world.books
    assert (books.inserted, books.passed) == (3, {"frequency_cap": 2})


def test_what_the_journal_did_not_take_comes_back(tmp_path: Path) -> None:
    """Without a journal notifications leave bare; what was counted for them is given back."""
    world = capped(tmp_path)
    world.journal.refuse = True
    assert world.from_platform(FIRST.octets) == FIRST.octets
    world.journal.refuse = False
    world.from_platform(SECOND.octets)
    assert world.assert_balanced().inserted == 1


def test_a_table_that_is_not_there_means_no_ad(tmp_path: Path) -> None:
    """A campaign that must be counted gets none, the notification goes on."""
    world = capped(tmp_path)
    world.inserter.caps = None
    assert world.from_platform(FIRST.octets) == FIRST.octets
    assert world.assert_balanced().passed == {"cap_busy": 1}


def test_the_lock_is_let_go_with_each_read(tmp_path: Path) -> None:
    """Another worker gets it right after; while that one has it, nobody of this read gets an ad."""
    world = capped(tmp_path)
    world.from_platform(FIRST.octets)
    other = open_cap_file(tmp_path, WIDE)
    assert other.open(1)
    assert world.from_platform(SECOND.octets) == SECOND.octets
    other.close()
    assert world.assert_balanced().passed == {"cap_busy": 1}


def test_a_store_of_several_nodes_is_asked_once_before_the_read() -> None:
    """For everybody in whole PDUs who could get an ad; without ads nothing is asked."""
    store = MemoryStore()
    world = counting(CapBatch(store))
    multipart = Submit(sequence=8, esm_class=0x40)
    rest = Submit(sequence=9, destination=b"5501234568").octets
    out = world.from_platform(FIRST.octets + multipart.octets + rest[:-1])
    assert store.asked == [[WIDE.of(int(FIRST.destination))]]
    assert out.endswith(multipart.octets)
    assert world.from_platform(rest[-1:]) != rest
    assert store.asked[1:] == [[WIDE.of(5501234568)]]
    assert world.assert_balanced().inserted == 2
    world.inserter.gate = Reason.ADS_OFF
    world.from_platform(THIRD.octets)
    assert len(store.asked) == 2


def test_a_store_that_does_not_answer_costs_no_notification() -> None:
    """They go on, in order and unchanged, as `cap_busy`; one that fails is alarmed."""
    store = MemoryStore()
    store.silent = True
    world = counting(CapBatch(store))
    assert world.from_platform(FIRST.octets + SECOND.octets) == FIRST.octets + SECOND.octets
    store.silent, store.fault = False, RuntimeError("a fault of ours")
    assert world.from_platform(THIRD.octets) == THIRD.octets
    assert world.alarms == [store.fault]
    assert world.assert_balanced().passed == {"cap_busy": 3}
