"""What becomes of an insertion: answers, refusals and the bare retry, reuse, timeouts, lost links."""

import pytest

from adapters.smpp import open_insertions
from adapters.smpp.session import NAME_OCTETS
from engine.journal import Kind
from tests.smpp_cases.pdus import (
    DATA_SM_RESP,
    GENERIC_NACK,
    OK,
    RINVMSGLEN,
    RSUBMITFAIL,
    RSYSERR,
    RTHROTTLED,
    SUBMIT_SM_RESP,
    VENDOR_STATUS,
    Submit,
    answer,
    bind,
    pdu,
)
from tests.smpp_cases.world import CAMPAIGN, HOUR, VERSION, World, make_world

FIRST = Submit(sequence=7)


@pytest.fixture
def world() -> World:
    """Return a bound session with one advertised notification on its way."""
    world = make_world(units=5).bound()
    assert world.from_platform(FIRST.octets) != FIRST.octets
    return world


def test_an_insertion_takes_one_unit_and_says_what_where_and_when(world: World) -> None:
    """The journal names campaign, creative version, place and hour; the unit is in flight."""
    inserted = next(entry for entry in world.journal.entries if entry.kind == Kind.INSERTED)
    place = world.inserter._numbering.locate(FIRST.destination)
    assert place is not None
    assert (inserted.campaign, inserted.creative_version, inserted.hour) == (CAMPAIGN, VERSION, HOUR)
    assert inserted.place == place.place.code
    assert world.held == 4
    assert world.session.unanswered == 1


@pytest.mark.parametrize("command", [SUBMIT_SM_RESP, DATA_SM_RESP])
def test_esme_rok_accepts(world: World, command: int) -> None:
    """The unit stays spent, and the answer passes as it came."""
    said = answer(7, OK, command)
    assert world.from_smsc(said) == said
    assert world.assert_balanced().outcomes == {("ACCEPTED", ""): 1}
    assert world.held == 4
    assert world.session.unanswered == 0


@pytest.mark.parametrize("status", [RSYSERR, RTHROTTLED, 0x14, 0x0B, VENDOR_STATUS, 0xFFFFFFFF])
def test_any_other_status_rejects_and_passes(world: World, status: int) -> None:
    """A throttled or refused notification costs no unit, and nothing is sent again by the engine."""
    said = answer(7, status)
    assert world.from_smsc(said) == said
    assert world.to_smsc.count(FIRST.octets[16:]) == 0
    assert world.assert_balanced().outcomes == {("REJECTED", "status"): 1}
    assert world.held == 5


def test_generic_nack_rejects_and_passes(world: World) -> None:
    """generic_nack is a refusal, never a reason for a bare retry."""
    said = answer(7, RINVMSGLEN, GENERIC_NACK)
    assert world.from_smsc(said) == said
    assert world.assert_balanced().outcomes == {("REJECTED", "generic_nack"): 1}
    assert world.held == 5


@pytest.mark.parametrize("status", [RINVMSGLEN, RSUBMITFAIL])
def test_a_refusal_of_the_ad_sends_the_original_once(world: World, status: int) -> None:
    """The answer is withheld, the original leaves under the same sequence number, its answer passes."""
    assert world.from_smsc(answer(7, status)) == b""
    assert world.to_smsc.endswith(FIRST.octets)
    assert world.session.unanswered == 1
    sent = len(world.to_smsc)
    second = answer(7, status)
    assert world.from_smsc(second) == second
    assert len(world.to_smsc) == sent
    books = world.assert_balanced()
    assert (books.notifications, books.inserted, books.passed) == (1, 1, {})
    assert books.outcomes == {("REJECTED", "ad_refused_by_smsc"): 1}
    assert world.held == 5
    assert world.session.unanswered == 0


def test_the_bare_retry_leaves_the_neighbours_answers_in_order(world: World) -> None:
    """Only the refusal is taken out of what the SMSC said."""
    before, after = answer(99, VENDOR_STATUS), pdu(0x15, 3)
    assert world.from_smsc(before + answer(7, RINVMSGLEN) + after) == before + after


def test_a_refusal_without_an_ad_passes(world: World) -> None:
    """A notification that carried no ad is never sent again."""
    bare = Submit(sequence=8, esm_class=0x40)
    world.from_platform(bare.octets)
    said = answer(8, RINVMSGLEN)
    sent = world.to_smsc
    assert world.from_smsc(said) == said
    assert world.to_smsc == sent


def test_retrying_may_be_switched_off() -> None:
    """With an empty `retry_bare_on` every refusal passes, and no original is kept."""
    world = make_world(retry_bare_on=frozenset()).bound()
    world.from_platform(FIRST.octets)
    assert world.session._open.pending[7].original == b""
    said = answer(7, RINVMSGLEN)
    assert world.from_smsc(said) == said
    assert world.assert_balanced().outcomes == {("REJECTED", "status"): 1}


def test_a_vendors_status_may_ask_for_a_retry() -> None:
    """The carrier lists what its SMSC says of a text it does not like."""
    world = make_world(retry_bare_on=frozenset((VENDOR_STATUS,))).bound()
    world.from_platform(FIRST.octets)
    assert world.from_smsc(answer(7, VENDOR_STATUS)) == b""
    assert world.to_smsc.endswith(FIRST.octets)


def test_a_refusal_passes_when_nothing_can_be_sent_any_more(world: World) -> None:
    """While the link ends, the platform is told, so that it may send the notification again."""
    world.session.ending = True
    said = answer(7, RINVMSGLEN)
    sent = world.to_smsc
    assert world.from_smsc(said) == said
    assert world.to_smsc == sent
    assert world.held == 5


def test_a_reused_sequence_number_closes_the_older_as_unknown(world: World) -> None:
    """Which of the two an answer belongs to can't be known: the older one's unit stays spent."""
    world.from_platform(FIRST.octets)
    world.from_smsc(answer(7))
    books = world.assert_balanced()
    assert books.outcomes == {("UNKNOWN", "sequence_reused"): 1, ("ACCEPTED", ""): 1}
    assert world.held == 3


def test_a_sequence_number_reused_without_an_ad_closes_the_older_too(world: World) -> None:
    """The answer to the second one says nothing of the first."""
    bare = Submit(sequence=7, esm_class=0x40)
    world.from_platform(bare.octets)
    refused = answer(7, RINVMSGLEN)
    assert world.from_smsc(refused) == refused
    assert world.assert_balanced().outcomes == {("UNKNOWN", "sequence_reused"): 1}


def test_no_answer_in_time_is_unknown(world: World) -> None:
    """The unit stays spent and the pending table is empty."""
    world.session.expire(world.now)
    assert world.session._open.pending
    world.session.expire(world.now + 0.001)
    world.recorder.commit()
    assert not world.session._open.pending
    assert world.assert_balanced().outcomes == {("UNKNOWN", "no_answer"): 1}
    assert world.held == 4


def test_only_what_waited_too_long_expires(world: World) -> None:
    """Younger insertions keep waiting."""
    world.now += 30
    world.from_platform(Submit(sequence=8).octets)
    world.session.expire(world.now)
    assert list(world.session._open.pending) == [8]


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (answer(7), "LATE_ACCEPTED"),
        (answer(7, RTHROTTLED), "LATE_REJECTED"),
        (answer(7, RINVMSGLEN), "LATE_REJECTED"),
        (answer(7, OK, GENERIC_NACK), "LATE_REJECTED"),
    ],
)
def test_a_late_answer_still_tells(world: World, said: bytes, kind: str) -> None:
    """Unknown becomes accepted or rejected once; the answer passes and nothing is sent again."""
    world.session.expire(world.now + 1)
    sent = world.to_smsc
    assert world.from_smsc(said) == said
    assert world.from_smsc(said) == said
    assert world.to_smsc == sent
    counts = {name: count for (name, _), count in world.assert_balanced().outcomes.items()}
    assert counts == {"UNKNOWN": 1, kind: 1}


def test_a_late_answer_is_not_taken_for_a_newer_notification(world: World) -> None:
    """Once the number is used again, an answer belongs to the newer one."""
    world.session.expire(world.now + 1)
    world.from_platform(Submit(sequence=7, esm_class=0x40).octets)
    world.from_smsc(answer(7))
    assert world.assert_balanced().outcomes == {("UNKNOWN", "no_answer"): 1}


def test_what_may_still_be_answered_late_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is forgotten first."""
    monkeypatch.setattr(open_insertions, "LATE_LIMIT", 2)
    for sequence in (8, 9):
        world.from_platform(Submit(sequence=sequence).octets)
    world.session.expire(world.now + 1)
    assert list(world.session._open.late) == [8, 9]


def test_what_waits_for_an_answer_is_bounded() -> None:
    """Notifications go on without ads while too many wait, and with them once answers have come."""
    limit = open_insertions.UNANSWERED_LIMIT
    world = make_world().bound()
    for sequence in range(limit + 3):
        world.from_platform(Submit(sequence=sequence).octets)
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (limit, {"unanswered": 3})
    world.from_smsc(answer(0))
    world.from_platform(Submit(sequence=limit + 3).octets)
    assert world.assert_balanced().inserted == limit + 1


def test_a_name_that_cannot_be_is_not_kept_whole() -> None:
    """A system_id of thousands of octets passes, and takes no more room here than a name does."""
    world = make_world()
    assert world.from_platform(bind(system_id=b"A" * 3000)) == bind(system_id=b"A" * 3000)
    assert world.session.system_id == b"A" * NAME_OCTETS


def test_a_lost_link_leaves_everything_unknown(world: World) -> None:
    """What had no answer stays spent; nothing is pending."""
    world.close()
    assert world.assert_balanced().outcomes == {("UNKNOWN", "link_lost"): 1}
    assert world.session._open.pending == {}


def test_stray_answers_do_not_make_a_drain_end_too_early(world: World) -> None:
    """Answers to nothing are not taken for answers to what is on its way later."""
    for _ in range(3):
        world.from_smsc(answer(1000, 3, GENERIC_NACK))
    world.from_platform(Submit(sequence=8).octets)
    assert world.session.unanswered == 1


def test_a_lease_is_spent_to_its_last_unit_and_not_beyond() -> None:
    """Five units, seven notifications: five ads, and two pass with `no_lease`."""
    world = make_world(units=5).bound()
    for sequence in range(7):
        world.from_platform(Submit(sequence=sequence).octets)
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (5, {"no_lease": 2})
    assert world.held == 0


def test_more_open_insertions_than_a_frame_holds_are_journalled_whole() -> None:
    """A link lost with a huge window leaves frames that can all be read back."""
    count = 20_000
    world = make_world().bound()
    world.session._open.limit = count
    sent = b"".join(Submit(sequence=sequence, body=b"1").octets for sequence in range(count))
    world.from_platform(sent[: len(sent) // 2])
    world.from_platform(sent[len(sent) // 2 :])
    frames = world.journal.sequence
    world.close()
    assert world.journal.sequence > frames + 1
    assert world.assert_balanced().outcomes == {("UNKNOWN", "link_lost"): count}


def test_observe_mode_decides_and_changes_nothing() -> None:
    """Every notification passes; those that would have got an ad say so; no unit is spent."""
    world = make_world(observe=True, units=3).bound()
    assert world.from_platform(FIRST.octets) == FIRST.octets
    assert world.assert_balanced().passed == {"would_insert": 1}
    assert world.held == 3
