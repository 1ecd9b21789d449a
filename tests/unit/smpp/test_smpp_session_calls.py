"""Calls to response numbers in a session: answered once their leads are kept, else forwarded as they came."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal import pack_frame, read_frames
from engine.responses import LiveNumber, Responses, calls_of, written_forms
from tests.smpp_cases.pdus import (
    DATA_SM_RESP,
    SUBMIT_SM_RESP,
    Submit,
    answer,
    bind,
    pdu,
)
from tests.smpp_cases.world import NOW, World, make_world

VOTE = b"5500000001"
ENDED = b"5500000002"
ASSIGNMENT = 41


class Numbers:
    """A lead journal in memory, and the numbers that are told: one live, one whose time is over."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.refuse = False
        self.responses = Responses(self, self, "a.")
        self.responses.now = NOW
        self.responses.hear(
            [
                LiveNumber(VOTE.decode(), ASSIGNMENT, NOW - 10, NOW + 10),
                LiveNumber(ENDED.decode(), 42, NOW - 20, NOW),
            ]
        )

    def of(self, number: int) -> int:
        """Stand in for a seal."""
        return ~number & (1 << 34) - 1

    def append(self, entries: bytes) -> bool:
        """Write one frame."""
        if not self.refuse:
            self.frames.append(pack_frame(1, entries))
        return not self.refuse

    @property
    def callers(self) -> list[tuple[int, int]]:
        """Return the assignment and caller of each lead kept."""
        return [
            (call.assignment, self.of(call.caller))
            for octets in self.frames
            for frame in read_frames(octets)
            for call in calls_of(frame)
        ]


def settle(world: World, *, kept: bool) -> None:
    """Let the session's calls be known to be on the disk, or not."""
    calls, world.session.calls = world.session.calls, []
    world.session.settle_calls(calls, kept=kept)
    world._left(b"", b"")


def make(**kinds: object) -> tuple[Numbers, World]:
    """Return a bound session that knows response numbers."""
    numbers = Numbers()
    return numbers, make_world(responses=numbers.responses, **kinds).bound()  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [False, True])
def test_a_call_is_answered_when_its_lead_is_kept(*, data: bool) -> None:
    """Nothing goes to the SMSC; the platform gets ESME_ROK under its own number with an id of ours."""
    numbers, world = make()
    body = {"payload": b"Llamada perdida"} if data else {}
    call = Submit(9, destination=VOTE, source=b"5501234567", data=data, **body)  # type: ignore[arg-type]
    assert world.from_platform(call.octets) == b""
    assert (world.to_platform, numbers.callers) == (b"", [(ASSIGNMENT, 5501234567)])
    settle(world, kept=True)
    assert world.to_platform == pdu(DATA_SM_RESP if data else SUBMIT_SM_RESP, 9, b"a.1\0")
    assert world.to_smsc == b""
    assert world.assert_balanced().consumed == 1
    assert world.session.traffic.route.consumed == 1
    assert world.session.unanswered == 0


def test_a_call_goes_on_unchanged_when_its_lead_is_not_kept() -> None:
    """Late or failed: the SMSC gets the octets as they came, and its answer goes back."""
    _, world = make()
    call = Submit(9, destination=VOTE).octets
    world.from_platform(call)
    settle(world, kept=False)
    assert world.to_smsc == call
    assert world.from_smsc(answer(9)) == answer(9)
    assert world.assert_balanced().passed == {"lead_failed": 1}


def test_a_full_lead_journal_forwards_at_once() -> None:
    """What can't be written is forwarded within the same read."""
    numbers, world = make()
    numbers.refuse = True
    before, call, after = (Submit(n, destination=VOTE if n == 2 else b"3301234567").octets for n in (1, 2, 3))
    out = world.from_platform(before + call + after)
    assert call in out
    assert out.replace(call, b"").startswith(before[4:8]) is False
    assert world.session.calls == []
    assert world.assert_balanced().passed == {"lead_failed": 1}


def test_a_journal_that_fails_keeps_calls_out_of_what_goes_bare() -> None:
    """Insertions that can't be written go bare; a held call is not sent with them."""
    _, world = make()
    world.journal.refuse = True
    bare = [Submit(n).octets for n in (1, 3)]
    out = world.from_platform(bare[0] + Submit(2, destination=VOTE).octets + bare[1])
    assert out == b"".join(bare)
    world.journal.refuse = False
    settle(world, kept=True)
    books = world.books
    assert (books.consumed, books.passed) == (1, {"journal_failed": 2})


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (Submit(destination=VOTE, source=b"MiBanco"), "no_caller"),
        (Submit(destination=VOTE, source=b""), "no_caller"),
        (Submit(destination=VOTE, source=b"+14150001234"), "no_caller"),
        (Submit(destination=VOTE, esm_class=0x40), "udh"),
        (Submit(destination=VOTE, tlvs=b"\0\1"), "unparsed"),
    ],
)
def test_what_is_no_call_of_anybody_is_forwarded(call: Submit, reason: str) -> None:
    """No number, or not a whole notification: unchanged, with its reason."""
    numbers, world = make()
    assert world.from_platform(call.octets) == call.octets
    assert numbers.frames == []
    assert world.assert_balanced().passed == {reason: 1}


def test_a_number_whose_time_is_over_is_a_subscriber_like_any_other() -> None:
    """Windows are half open, and end without a word from control."""
    numbers, world = make()
    world.from_platform(Submit(1, destination=ENDED).octets)
    numbers.responses.now = NOW + 10
    world.from_platform(Submit(2, destination=VOTE).octets)
    assert numbers.frames == []
    assert world.assert_balanced().inserted == 2


def test_nothing_is_answered_before_the_bind_is() -> None:
    """A call between a bind and its answer passes."""
    numbers = Numbers()
    world = make_world(responses=numbers.responses)
    world.from_platform(bind())
    call = Submit(2, destination=VOTE).octets
    assert world.from_platform(call) == call
    assert world.assert_balanced().passed == {"not_bound": 1}


def test_replaceable_calls_count() -> None:
    """Coalesced alerts are calls, whatever the settings say of ads for them."""
    numbers, world = make()
    world.from_platform(Submit(2, destination=VOTE, replace=1).octets)
    assert len(numbers.callers) == 1


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=12),
    st.data(),
)
def test_calls_leave_no_trace_in_the_stream(plan: list[tuple[bool, bool]], data: st.DataObject) -> None:
    """However the octets come, every other PDU leaves once and in order, every call is settled once."""
    numbers, world = make(texts=())
    submits = [Submit(n, destination=VOTE if call else b"3301234567") for n, (call, _) in enumerate(plan, 1)]
    stream = b"".join(submit.octets for submit in submits)
    cuts = sorted({0, len(stream), *data.draw(st.lists(st.integers(0, len(stream)), max_size=6))})
    for begin, end in pairwise(cuts):
        world.from_platform(stream[begin:end])
    assert world.to_smsc == b"".join(s.octets for s, (call, _) in zip(submits, plan, strict=True) if not call)
    settle(world, kept=True)
    calls = sum(call for call, _ in plan)
    assert (len(numbers.callers), world.books.consumed) == (calls, calls)
    world.assert_balanced()


def test_a_number_is_known_by_every_form() -> None:
    """All that may stand before ten digits; a short number as it is."""
    assert {b"5500000001", b"525500000001", b"+5215500000001", b"0455500000001"} < set(
        written_forms("5500000001")
    )
    assert written_forms("8000") == [b"8000", b"+8000"]
