"""One session beside a model, under any interleaving of requests, answers, waiting and journal faults."""

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from engine.journal import Kind
from tests.examples import tried
from tests.smpp_cases.pdus import DATA_SM_RESP, GENERIC_NACK, SUBMIT_SM_RESP, Submit, answer
from tests.smpp_cases.world import RETRY_ON, make_world

TIMEOUT_S = 60.0
sequences = st.integers(1, 5)
statuses = st.sampled_from([0, 1, 0x45, 8, 0x14, 0x58, 0x400])


@dataclass
class Model:
    """What must be true: open insertions by sequence number, late ones, and counts by outcome."""

    pending: dict[int, tuple[bytes, float]] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))

    def count(self, kind: Kind) -> None:
        """Add one."""
        self.counts[kind] += 1

    def open(self, sequence: int, original: bytes | None, now: float) -> None:
        """A notification went out, with an ad if `original` is given."""
        if self.pending.pop(sequence, None) is not None:
            self.count(Kind.UNKNOWN)
        self.late.discard(sequence)
        if original is not None:
            self.pending[sequence] = (original, now)
            self.count(Kind.INSERTED)


class Session(RuleBasedStateMachine):
    """The relay's session beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.world = make_world(units=12).bound()
        self.model = Model()

    @rule(sequence=sequences, advertised=st.booleans())
    def submit(self, sequence: int, advertised: bool) -> None:
        """A notification: with an ad while a unit is held and the journal takes it."""
        sent = Submit(sequence=sequence, esm_class=0 if advertised else 0x40)
        journal = self.world.journal
        gets_one = advertised and self.world.held > 0
        out = self.world.from_platform(sent.octets)
        if journal.refuse or journal.fault is not None:
            assert out == sent.octets
            self.model.open(sequence, None, 0)
        else:
            assert (out != sent.octets) == gets_one
            self.model.open(sequence, sent.octets if gets_one else None, self.world.now)

    @rule(sequence=sequences, status=statuses, command=st.sampled_from([SUBMIT_SM_RESP, DATA_SM_RESP]))
    def answered(self, sequence: int, status: int, command: int) -> None:
        """An answer passes, unless it refuses an ad: then the original leaves instead."""
        said = answer(sequence, status, command)
        out = self.world.from_smsc(said)
        again = self.world.to_smsc
        opened = self.model.pending.pop(sequence, None)
        if opened is not None and status in RETRY_ON:
            assert out == b""
            assert again.endswith(opened[0])
            self.model.count(Kind.REJECTED)
            return
        assert out == said
        if opened is not None:
            self.model.count(Kind.ACCEPTED if status == 0 else Kind.REJECTED)
        elif sequence in self.model.late:
            self.model.late.discard(sequence)
            self.model.count(Kind.LATE_ACCEPTED if status == 0 else Kind.LATE_REJECTED)

    @rule(sequence=sequences)
    def nacked(self, sequence: int) -> None:
        """A generic_nack passes and rejects."""
        said = answer(sequence, 3, GENERIC_NACK)
        assert self.world.from_smsc(said) == said
        if self.model.pending.pop(sequence, None) is not None:
            self.model.count(Kind.REJECTED)
        elif sequence in self.model.late:
            self.model.late.discard(sequence)
            self.model.count(Kind.LATE_REJECTED)

    @rule(seconds=st.sampled_from([1.0, 59.0, 61.0]))
    def wait(self, seconds: float) -> None:
        """What has waited longer than the timeout becomes unknown; its answer is then late."""
        self.world.now += seconds
        limit = self.world.now - TIMEOUT_S
        self.world.session.expire(limit)
        self.world.recorder.commit()
        for sequence, (_, sent_at) in list(self.model.pending.items()):
            if sent_at < limit:
                del self.model.pending[sequence]
                self.model.late.add(sequence)
                self.model.count(Kind.UNKNOWN)

    @rule(state=st.sampled_from(["well", "well", "refuses", "raises"]))
    def journal_turns(self, state: str) -> None:
        """The journal fails or recovers."""
        self.world.journal.refuse = state == "refuses"
        self.world.journal.fault = OSError("disk") if state == "raises" else None

    @invariant()
    def the_pending_tables_agree(self) -> None:
        """The same sequence numbers wait; the units that wait are neither held nor spent."""
        assert list(self.world.session._open.pending) == list(self.model.pending)
        assert set(self.world.session._open.late) == self.model.late
        spent = self.model.counts[Kind.ACCEPTED] + self.model.counts[Kind.UNKNOWN]
        assert self.world.held + len(self.model.pending) + spent == 12

    @invariant()
    def the_journal_agrees_once_it_is_written(self) -> None:
        """Nothing that a failing journal refused is lost or doubled."""
        if self.world.journal.refuse or self.world.journal.fault is not None:
            return
        self.world.recorder.commit()
        books = self.world.assert_balanced()
        assert books.inserted == self.model.counts[Kind.INSERTED]
        for kind in (Kind.ACCEPTED, Kind.REJECTED, Kind.UNKNOWN, Kind.LATE_ACCEPTED, Kind.LATE_REJECTED):
            assert books.outcome(kind) == self.model.counts[kind]

    def teardown(self) -> None:
        """Whatever happened, the end leaves nothing open."""
        self.world.journal.refuse = False
        self.world.journal.fault = None
        self.world.close()
        self.world.assert_balanced()
        assert not self.world.session._open.pending


Session.TestCase.settings = tried(25, stateful_step_count=25)
TestSession = Session.TestCase
