"""What the processes of a node tell each other: a JSON document a line (control) or datagram (supervisor)."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from adapters.trace.record import Captured, Ends
from engine.responses import LiveNumber
from engine.verdict import Verdict
from inventory.books import LeaseRequest, LeaseTotals


class Message(BaseModel):
    """What all messages share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def encoded(self) -> bytes:
        """Return the message as one line."""
        return self.model_dump_json().encode() + b"\n"


# -- worker → control -----------------------------------------------------------------------------


class Hello(Message):
    """A worker introduces itself, with what it has let go of in this epoch."""

    kind: Literal["hello"] = "hello"
    worker: int
    epoch: int
    returned: dict[int, int]


class Want(Message):
    """A worker asks for lease units, at a monotonic second (stale requests are dropped)."""

    kind: Literal["want"] = "want"
    at: float
    requests: tuple[LeaseRequest, ...]


class Returned(Message):
    """A worker has let go of units: running totals by campaign."""

    kind: Literal["returned"] = "returned"
    totals: dict[int, int]


class Harmful(Message):
    """A worker has stopped a creative version that does harm (told until the switches name it)."""

    kind: Literal["harmful"] = "harmful"
    verdict: Verdict


class Confirm(Message):
    """A worker acts on the switches of this version."""

    kind: Literal["confirm"] = "confirm"
    version: int


class Registered(Message):
    """A worker acts on the register as of these numbers: choices, imported lists."""

    kind: Literal["registered"] = "registered"
    version: int
    lists: int


class AsksMore(Message):
    """A submit asked for more receipts than `receipts.platform_expects` says."""

    kind: Literal["asks_more"] = "asks_more"


# -- observation: lines of their own, so that no slow database holds them up ----------------------


class Watch(Message):
    """A worker opens its observation line."""

    kind: Literal["watch"] = "watch"
    worker: int
    epoch: int


class Seconds(BaseModel):
    """A histogram: counts by bucket (adapters.metrics.histogram.BOUNDS_S, then no bound), and their sum."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    buckets: tuple[int, ...]
    total_s: float


class RouteFigures(BaseModel):
    """One route on one worker; `pdus` are (sender, command, status, count), `receipts` (state, count)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sessions: int
    pdus: tuple[tuple[str, int, int, int], ...]
    ours: Seconds
    answer: Seconds
    receipts: tuple[tuple[str, int], ...] = ()
    swallowed: int = 0
    consumed: int = 0


class Figures(Message):
    """What a worker has done since it began, and how it is; `outcomes` are (outcome, cause, count)."""

    kind: Literal["figures"] = "figures"
    routes: dict[str, RouteFigures]
    inserted: int
    outcomes: tuple[tuple[str, str, int], ...]
    passed: dict[str, int]
    refused: int
    faults: int
    gate: str | None
    bypass: bool
    frames: int
    journal_octets: int
    journal_full: bool
    plan_age_s: float | None
    lease_age_s: float | None
    overasked: int = 0


class LiveSession(BaseModel):
    """One relayed session as it is now; `since` in UTC seconds, octets as received from each side."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    worker: int
    route: str
    peer: str
    system_id: str
    bind: str | None
    since: float
    notifications: int
    ads: int
    unanswered: int
    platform_octets: int
    smsc_octets: int


class AskSessions(Message):
    """Whoever connects asks control for all live sessions; control asks each worker for its own."""

    kind: Literal["ask_sessions"] = "ask_sessions"


class LiveSessions(Message):
    """The answer: sessions, and the workers that did not answer."""

    kind: Literal["live_sessions"] = "live_sessions"
    sessions: tuple[LiveSession, ...]
    silent: tuple[int, ...] = ()


# -- traces: asked by whoever connects, captured by the workers, masked by control -------------------


class AskTrace(Message):
    """Whoever connects asks control for the PDUs of a system_id's sessions, for so many seconds."""

    kind: Literal["ask_trace"] = "ask_trace"
    system_id: str
    seconds: float = Field(gt=0)
    clear: bool


class StartTrace(Message):
    """Control asks a worker to capture from now on, for so many seconds."""

    kind: Literal["start_trace"] = "start_trace"
    system_id: str
    seconds: float


class StopTrace(Message):
    """Nobody wants the trace any more."""

    kind: Literal["stop_trace"] = "stop_trace"


class TracedLeg(BaseModel):
    """Where a leg of a captured session runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    session: str
    platform: bool
    ends: Ends


class Traced(Message):
    """What was captured since the last one; `dropped` PDUs there was no room for; `last` ends it."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    kind: Literal["traced"] = "traced"
    legs: tuple[TracedLeg, ...] = ()
    pdus: tuple[Captured, ...] = ()
    dropped: int = 0
    last: bool = False


class TraceRefused(Message):
    """The answer when another trace runs: whose, and for how long."""

    kind: Literal["trace_refused"] = "trace_refused"
    user: str
    seconds: float


class TraceEnded(Message):
    """The trace is over; `dropped` PDUs of those captured are not in it."""

    kind: Literal["trace_ended"] = "trace_ended"
    dropped: int


# -- control → worker -----------------------------------------------------------------------------


class Leases(Message):
    """Running totals by campaign, as the books have them."""

    kind: Literal["leases"] = "leases"
    totals: dict[int, LeaseTotals]


class NewRegister(Message):
    """A register file to map; what had changed since the former one holds until `Changed` replaces it."""

    kind: Literal["new_register"] = "new_register"
    path: str


class Changed(Message):
    """What holds for sealed numbers about which something was said after the register file was made.

    Each is (number, suppressed, consented scopes, withdrawn scopes). Of several messages the last one has
    `ends`: then the worker is up to date, and if they have `replaces`, what it was told before is forgotten.
    """

    kind: Literal["changed"] = "changed"
    entries: tuple[tuple[int, bool, tuple[str, ...], tuple[str, ...]], ...]
    replaces: bool
    ends: bool
    version: int
    lists: int


class NewPlan(Message):
    """A new plan file lies there."""

    kind: Literal["plan"] = "plan"
    path: str


class SetSwitches(Message):
    """The switches as of a version; `stopped` holds campaign numbers, `harmful` creative versions."""

    kind: Literal["switches"] = "switches"
    version: int
    ads_on: bool
    stopped: frozenset[int]
    harmful: frozenset[int] = frozenset()


class Recall(Message):
    """Others ask for units of this campaign in vain: let go of what is not needed soon."""

    kind: Literal["recall"] = "recall"
    campaign: int


class StopRequesting(Message):
    """A worker was asked for more receipts than the profile says: ask for none, and swallow none."""

    kind: Literal["stop_requesting"] = "stop_requesting"


class Numbers(Message):
    """All response numbers that are assigned, now or later."""

    kind: Literal["numbers"] = "numbers"
    numbers: tuple[LiveNumber, ...]


class Ping(Message):
    """Control is there."""

    kind: Literal["ping"] = "ping"


# -- supervisor ↔ children ------------------------------------------------------------------------


class Connection(Message):
    """A platform's connection; its descriptor rides along."""

    kind: Literal["connection"] = "connection"
    route: str
    peer: str


class Draining(Message):
    """The node has begun to stop: it is not ready any more."""

    kind: Literal["draining"] = "draining"


class Drain(Message):
    """Take nothing more, bring answers home, settle, exit.

    A worker's sessions are those after the first `before` of the node's `total`.
    """

    kind: Literal["drain"] = "drain"
    before: int = 0
    total: int = 0


class Database(Message):
    """Where the database is."""

    kind: Literal["database"] = "database"
    dsn: str


class Reload(Message):
    """Settings to take over now; they ride along behind a descriptor."""

    kind: Literal["reload"] = "reload"


class Alive(Message):
    """A child's beat; a worker adds how many connections it had that are gone, and why it inserts no ads."""

    kind: Literal["alive"] = "alive"
    ended: int = 0
    gate: str | None = None


FromWorker = Annotated[
    Hello | Want | Returned | Harmful | Confirm | Registered | AsksMore, Field(discriminator="kind")
]
FromWatch = Annotated[Figures | LiveSessions | Traced, Field(discriminator="kind")]
FromControl = Annotated[
    Leases
    | NewPlan
    | NewRegister
    | Changed
    | SetSwitches
    | Recall
    | StopRequesting
    | Numbers
    | Ping
    | AskSessions
    | StartTrace
    | StopTrace,
    Field(discriminator="kind"),
]
TraceAnswer = Annotated[Traced | TraceRefused | TraceEnded, Field(discriminator="kind")]
ToChild = Annotated[Connection | Draining | Drain | Database | Reload, Field(discriminator="kind")]

from_worker: TypeAdapter[FromWorker] = TypeAdapter(FromWorker)
from_watch: TypeAdapter[FromWatch] = TypeAdapter(FromWatch)
trace_answer: TypeAdapter[TraceAnswer] = TypeAdapter(TraceAnswer)
live_sessions: TypeAdapter[LiveSessions] = TypeAdapter(LiveSessions)
from_control: TypeAdapter[FromControl] = TypeAdapter(FromControl)
to_child: TypeAdapter[ToChild] = TypeAdapter(ToChild)
from_child: TypeAdapter[Alive] = TypeAdapter(Alive)
