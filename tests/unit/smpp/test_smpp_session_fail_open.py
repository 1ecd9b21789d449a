"""The notification is sacred: a fault in any stage costs the ad, never the notification or its answer."""

from collections.abc import Callable

import pytest

import adapters.smpp.ad_path as ad_path_module
import engine.inserter as inserter_module
from engine.breaker import Breaker
from engine.decision import Creative
from engine.journal import Kind
from engine.reasons import Reason
from engine.recorder import Recorder
from tests.smpp_cases.pdus import RINVMSGLEN, Submit, answer, pdu
from tests.smpp_cases.world import CAMPAIGN, World, make_world

FIRST, SECOND = Submit(sequence=7), Submit(sequence=8)


class ForcedError(Exception):
    """The fault that these tests force."""


def fail(*_: object, **__: object) -> None:
    """Raise, whatever is asked."""
    raise ForcedError


class Attribute:
    """An object whose every attribute fails when it is called."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return fail


def break_predicate(world: World, _: pytest.MonkeyPatch) -> None:
    """The predicate raises."""
    world.inserter._predicate = Attribute()  # type: ignore[assignment]


def break_national(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reading of the destination raises."""
    monkeypatch.setattr(inserter_module, "national", fail)


def break_place_of(world: World, _: pytest.MonkeyPatch) -> None:
    """The look-up of the place raises."""
    world.inserter._numbering = Attribute()  # type: ignore[assignment]


def break_audience(world: World, _: pytest.MonkeyPatch) -> None:
    """A rule about subscribers raises."""
    world.inserter._audience = (Attribute(),)  # type: ignore[assignment]


def break_measure(world: World, _: pytest.MonkeyPatch) -> None:
    """The measuring of the body raises."""
    world.inserter._codings = []


def break_choose(world: World, _: pytest.MonkeyPatch) -> None:
    """The decision raises."""
    decision = Attribute()
    world.inserter.decision = decision  # type: ignore[assignment]


def break_plan(world: World, _: pytest.MonkeyPatch) -> None:
    """The plan's table is too short."""
    assert world.inserter.decision is not None
    world.inserter.decision._offers = ()


def break_locate(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for the fields raises."""
    monkeypatch.setattr(ad_path_module, "locate", fail)


def break_splice(_: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cutting in raises."""
    monkeypatch.setattr(ad_path_module, "splice", fail)


BREAKS = [
    break_predicate,
    break_national,
    break_place_of,
    break_audience,
    break_measure,
    break_choose,
    break_plan,
    break_locate,
    break_splice,
]


def test_each_stage_works_unbroken() -> None:
    """Without a fault this notification gets an ad: so the tests below break what matters."""
    world = make_world().bound()
    assert world.from_platform(FIRST.octets) != FIRST.octets


@pytest.mark.interpreted
@pytest.mark.parametrize("break_stage", BREAKS, ids=lambda each: each.__name__)
def test_a_fault_in_a_stage_leaves_the_notification_bare(
    break_stage: Callable[[World, pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves once, unchanged, counted once as `internal_error`; the alarm is heard; no unit is lost."""
    world = make_world(units=5).bound()
    break_stage(world, monkeypatch)
    neighbour = pdu(0x15, 3)
    stream = neighbour + FIRST.octets + neighbour
    assert world.from_platform(stream) == stream
    assert world.assert_balanced().passed == {"internal_error": 1}
    assert len(world.alarms) == 1
    assert world.session._open.pending == {}
    assert world.held == 5
    assert world.from_smsc(answer(7)) == answer(7)


@pytest.mark.interpreted
def test_a_fault_while_taking_a_unit_leaves_the_notification_bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease book raises: the notification leaves bare and nothing was inserted."""
    world = make_world(units=5).bound()
    monkeypatch.setattr("engine.leasebook.Lease.take", fail)
    assert world.from_platform(FIRST.octets) == FIRST.octets
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (0, {"internal_error": 1})
    assert len(world.alarms) == 1


@pytest.mark.interpreted
def test_one_notification_of_a_read_fails_alone() -> None:
    """The others of the same read get their ads."""
    world = make_world().bound()
    decision = world.inserter.decision
    assert decision is not None
    calls: list[int] = []

    class OnceBroken:
        """Raises the first time."""

        testers = None

        def choose(self, *args: object) -> Creative | Reason:
            calls.append(1)
            if len(calls) == 1:
                raise ForcedError
            return decision.choose(*args)  # type: ignore[arg-type]

    world.inserter.decision = OnceBroken()  # type: ignore[assignment]
    out = world.from_platform(FIRST.octets + SECOND.octets)
    assert out.startswith(FIRST.octets)
    assert len(out) > len(FIRST.octets + SECOND.octets)
    books = world.assert_balanced()
    assert (books.inserted, books.passed) == (1, {"internal_error": 1})


@pytest.fixture(params=["refuses", "raises"])
def failing(request: pytest.FixtureRequest) -> World:
    """Return a bound session whose journal fails, in either way."""
    world = make_world(units=5).bound()
    if request.param == "refuses":
        world.journal.refuse = True
    else:
        world.journal.fault = OSError(28, "No space left on device")
    return world


def mend(world: World) -> None:
    """Let the journal work again, and write what is owed."""
    world.journal.refuse = False
    world.journal.fault = None
    assert world.recorder.commit()


def test_what_cannot_be_journalled_leaves_bare(failing: World) -> None:
    """The whole read's originals leave, units are back, the reason is `journal_failed`, once each."""
    stream = FIRST.octets + pdu(0x15, 3) + SECOND.octets + Submit(sequence=9, esm_class=0x40).octets
    assert failing.from_platform(stream) == stream
    assert failing.session._open.pending == {}
    assert failing.held == 5
    mend(failing)
    books = failing.assert_balanced()
    assert (books.notifications, books.inserted) == (3, 0)
    assert books.passed == {"journal_failed": 2, "udh": 1}


def test_a_raising_journal_is_heard(failing: World) -> None:
    """The alarm gets what the journal raised; a journal that merely refuses raises nothing."""
    failing.from_platform(FIRST.octets)
    assert failing.alarms == ([failing.journal.fault] if failing.journal.fault else [])


def test_a_journal_that_works_again_is_used_again(failing: World) -> None:
    """The next notification gets an ad, and both are in the books."""
    failing.from_platform(FIRST.octets)
    failing.journal.refuse = False
    failing.journal.fault = None
    assert failing.from_platform(SECOND.octets) != SECOND.octets
    books = failing.assert_balanced()
    assert (books.notifications, books.inserted, books.passed) == (2, 1, {"journal_failed": 1})


def test_answers_pass_and_outcomes_wait_while_the_journal_fails() -> None:
    """An outcome that can't be written goes with the next frame; the answer does not wait for it."""
    world = make_world(units=5).bound()
    world.from_platform(FIRST.octets)
    world.journal.fault = OSError(5, "Input/output error")
    assert world.from_smsc(answer(7)) == answer(7)
    assert len(world.alarms) == 1
    assert world.books.outcomes == {}
    mend(world)
    assert world.assert_balanced().outcomes == {("ACCEPTED", ""): 1}


def test_a_reused_number_in_a_failing_read_closes_the_journalled_one_only() -> None:
    """Insertions that never were have no outcome; the one in the journal gets its own."""
    world = make_world(units=5).bound()
    world.from_platform(FIRST.octets)
    world.journal.refuse = True
    assert world.from_platform(FIRST.octets * 3) == FIRST.octets * 3
    mend(world)
    books = world.assert_balanced()
    assert books.outcomes == {("UNKNOWN", "sequence_reused"): 1}
    assert (books.notifications, books.inserted, books.passed) == (4, 1, {"journal_failed": 3})


def test_the_bare_retry_needs_no_journal() -> None:
    """A refused ad's original leaves even if the refusal can't be written down yet."""
    world = make_world(units=5).bound()
    world.from_platform(FIRST.octets)
    world.journal.refuse = True
    assert world.from_smsc(answer(7, RINVMSGLEN)) == b""
    assert world.to_smsc.endswith(FIRST.octets)
    mend(world)
    assert world.assert_balanced().outcomes == {("REJECTED", "ad_refused_by_smsc"): 1}


@pytest.mark.interpreted
@pytest.mark.parametrize("status", [0, 8, RINVMSGLEN])
def test_a_fault_while_booking_an_outcome_keeps_no_answer_back(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer passes, or the original leaves; the insertion stays open for settlement to close."""
    world = make_world(units=5).bound()
    world.from_platform(FIRST.octets)
    monkeypatch.setattr(Recorder, "ended", fail)
    said = world.from_smsc(answer(7, status))
    assert (said, world.to_smsc.endswith(FIRST.octets)) == (
        (b"", True) if status == RINVMSGLEN else (answer(7, status), False)
    )
    assert len(world.alarms) == 1
    assert world.books.inserted == 1


@pytest.mark.interpreted
@pytest.mark.parametrize("status", [0, RINVMSGLEN])
def test_a_fault_of_the_breaker_keeps_no_answer_back(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    """The answer passes or the original goes out bare, the outcome is booked, the fault is heard."""
    world = make_world().bound()
    world.from_platform(FIRST.octets)
    with monkeypatch.context() as patch:
        patch.setattr(Breaker, "accepted", fail)
        patch.setattr(Breaker, "refused", fail)
        said = world.from_smsc(answer(7, status))
    assert (said, world.to_smsc.endswith(FIRST.octets)) == (
        (b"", True) if status == RINVMSGLEN else (answer(7, status), False)
    )
    assert len(world.alarms) == 1
    assert world.journal.entries[-1].kind == (Kind.REJECTED if status else Kind.ACCEPTED)


@pytest.mark.interpreted
def test_a_fault_while_closing_insertions_keeps_nothing_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each one alarms, none waits on, and the session works on."""
    world = make_world(units=5).bound()
    world.from_platform(FIRST.octets + SECOND.octets)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "ended", fail)
        world.session.expire(world.now + 1)
    assert len(world.alarms) == 2
    assert world.session._open.pending == {}
    assert world.from_platform(FIRST.octets) != FIRST.octets


def test_gates_pass_everything_with_their_reason() -> None:
    """While the worker's gate is shut, its reason is the notification's."""
    world = make_world(units=5).bound()
    for reason in (Reason.STARTING, Reason.ADS_OFF, Reason.DEAF, Reason.DRAINING):
        world.inserter.gate = reason
        assert world.from_platform(FIRST.octets) == FIRST.octets
    assert world.assert_balanced().passed == {"starting": 1, "ads_off": 1, "deaf": 1, "draining": 1}


def test_a_stopped_campaign_gets_nothing() -> None:
    """The stop-list is asked after the draw."""
    world = make_world(units=5).bound()
    world.book.lease(CAMPAIGN).stopped = True
    assert world.from_platform(FIRST.octets) == FIRST.octets
    assert world.assert_balanced().passed == {"stopped": 1}
    assert world.books.outcome(Kind.ACCEPTED) == 0
