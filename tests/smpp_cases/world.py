"""A small world for one session: real numbering, a hand-made plan, a journal in memory, its books."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from adapters.files.reference_data import load_numbering
from adapters.smpp.route_receipts import ReceiptProfile, RouteReceipts
from adapters.smpp.route_words import RouteWords
from adapters.smpp.session import Session
from engine.audience import AudienceRule
from engine.composition import DefaultAlphabet
from engine.decision import Decision, Offer
from engine.inserter import Inserter
from engine.journal import Cause, Entry, Kind, pack_frame, read_frames
from engine.leasebook import LeaseBook
from engine.predicate import Predicate
from engine.reasons import Reason
from engine.receipts import Form, RouteHash
from engine.recorder import Recorder
from engine.responses import Responses
from inventory.plan import (
    ROOM_CLASSES,
    Plan,
    PlannedCampaign,
    PlannedCreative,
    catalogue_digest,
    catalogue_octets,
)
from segments.clock import LocalClock
from segments.numbering import Numbering
from tests.smpp_cases.pdus import BIND_TRANSCEIVER, bind, bind_answer

RANGES = Path(__file__).parents[2] / "fixtures" / "numbering" / "ranges.csv"
CREATIVE = "Tienda sol, $40 en mi.tienda/abc o a@sol.mx"
SEPARATOR = " "
KEY = bytes(range(32))
ROUTE = "default"
CAMPAIGN = 11
VERSION = 301
NOW = 1_795_000_000.0
HOUR = int(NOW // 3600)
RETRY_ON = frozenset((0x01, 0x45))


@cache
def numbering() -> Numbering:
    """Return the numbering plan with the fixture ranges, read once."""
    return load_numbering(RANGES)


class MemoryJournal:
    """Frames in memory; `refuse` makes appends fail, `fault` makes them raise."""

    def __init__(self) -> None:
        self.octets = b""
        self.sequence = 0
        self.refuse = False
        self.fault: Exception | None = None

    def append(self, entries: bytes) -> bool:
        """Write one frame, as JournalPort says."""
        if self.fault is not None:
            raise self.fault
        if self.refuse:
            return False
        self.sequence += 1
        self.octets += pack_frame(self.sequence, entries)
        return True

    @property
    def entries(self) -> list[Entry]:
        """Everything written, decoded; fails when a frame can't be read back."""
        frames = list(read_frames(self.octets))
        assert len(frames) == self.sequence
        return [entry for frame in frames for entry in frame.entries]


@dataclass(frozen=True, slots=True)
class Books:
    """What a journal says, added up."""

    notifications: int
    refused: int
    inserted: int
    outcomes: dict[tuple[str, str], int]
    passed: dict[str, int]
    consumed: int = 0

    def outcome(self, kind: Kind) -> int:
        """Return how many insertions ended so, whatever the cause."""
        return sum(count for (name, _), count in self.outcomes.items() if name == kind.name)


def books_of(entries: Sequence[Entry]) -> Books:
    """Add up journal entries."""
    tallies: Counter[Kind] = Counter()
    outcomes: Counter[tuple[str, str]] = Counter()
    passed: Counter[str] = Counter()
    for entry in entries:
        kind = Kind(entry.kind)
        if kind is Kind.PASS_THROUGH:
            passed[Reason(entry.cause).code] += entry.number
        elif kind >= Kind.NOTIFICATIONS:
            tallies[kind] += entry.number
        elif kind is Kind.INSERTED:
            tallies[kind] += 1
        else:
            outcomes[kind.name, Cause(entry.cause).code] += 1
    return Books(
        tallies[Kind.NOTIFICATIONS],
        tallies[Kind.REFUSED],
        tallies[Kind.INSERTED],
        dict(outcomes),
        dict(passed),
        tallies[Kind.CONSUMED],
    )


def plan_of(campaign: PlannedCampaign, places: int) -> Plan:
    """Return a plan that draws one campaign everywhere, whatever the room."""
    octets = catalogue_octets([campaign])
    return Plan(
        version=1,
        numbering=numbering().digest,
        catalogue_digest=catalogue_digest(octets),
        group_of_place=[0] * places,
        vacancy=[0] * ROOM_CLASSES,
        row_start=range(ROOM_CLASSES),
        row_end=range(1, ROOM_CLASSES + 1),
        row_share=[1.0] * ROOM_CLASSES,
        row_slot=[0] * ROOM_CLASSES,
        lag_start=[0] * (ROOM_CLASSES + 1),
        lag_slot=[],
        catalogue_octets=octets,
    )


@dataclass
class World:
    """One session and everything behind it. `to_smsc` and `to_platform` gather what left, in order."""

    session: Session
    inserter: Inserter
    recorder: Recorder
    journal: MemoryJournal
    book: LeaseBook
    alarms: list[Exception]
    now: float = 100.0
    to_smsc: bytes = b""
    to_platform: bytes = b""
    outcomes_seen: int = field(default=0)

    def from_platform(self, data: bytes) -> bytes:
        """Feed the platform's octets; return what leaves for the SMSC because of them."""
        onward = self.session.from_platform(data, self.now)
        return self._left(onward, b"")[0]

    def from_smsc(self, data: bytes) -> bytes:
        """Feed the SMSC's octets; return what leaves for the platform because of them."""
        return self._left(b"", self.session.from_smsc(data))[1]

    def _left(self, to_smsc: bytes, to_platform: bytes) -> tuple[bytes, bytes]:
        to_smsc += self.session.to_smsc
        to_platform += self.session.to_platform
        self.session.to_smsc = self.session.to_platform = b""
        self.to_smsc += to_smsc
        self.to_platform += to_platform
        return to_smsc, to_platform

    def bound(self, kind: int = BIND_TRANSCEIVER, system_id: bytes = b"mcn") -> "World":
        """Bind, and forget what the binding sent."""
        self.from_platform(bind(kind, system_id))
        self.from_smsc(bind_answer(kind))
        self.to_smsc = self.to_platform = b""
        return self

    def close(self) -> None:
        """Lose the link."""
        self.session.close()
        self.recorder.commit()

    @property
    def held(self) -> int:
        """Lease units still held."""
        return self.book.lease(CAMPAIGN).held

    @property
    def books(self) -> Books:
        """What the journal says."""
        return books_of(self.journal.entries)

    def assert_balanced(self) -> Books:
        """Hold the books to their equations; return them."""
        books = self.books
        sent = books.inserted + sum(books.passed.values())
        assert books.notifications == sent + books.consumed + books.refused
        ended = sum(map(books.outcome, (Kind.ACCEPTED, Kind.REJECTED, Kind.UNKNOWN)))
        in_flight = books.inserted - ended
        assert in_flight == len(self.session._open.pending)
        spent = books.outcome(Kind.ACCEPTED) + books.outcome(Kind.UNKNOWN)
        assert self.held + in_flight + spent == self.book.lease(CAMPAIGN).granted
        totals = self.recorder.totals
        outcomes = {(kind.name, cause.code): n for (kind, cause), n in totals.outcomes.items() if n}
        assert (totals.inserted, totals.refused) == (books.inserted, books.refused)
        assert (totals.reasons, outcomes) == (books.passed, books.outcomes)
        if not self.journal.refuse and self.journal.fault is None:
            assert self.session.traffic.notifications == books.notifications
            assert self.session.traffic.ads == books.inserted
        return books


def campaign_of(*texts: str) -> PlannedCampaign:
    """Return a campaign that serves at any time."""
    creatives = tuple(PlannedCreative(VERSION + index, text, 1) for index, text in enumerate(texts))
    return PlannedCampaign(CAMPAIGN, NOW - 1e6, NOW + 1e6, (), creatives)


def make_world(
    *,
    alphabet: DefaultAlphabet = "gsm7",
    texts: Sequence[str] = (CREATIVE,),
    units: int = 1_000_000,
    audience: Sequence[AudienceRule] = (),
    retry_bare_on: frozenset[int] = RETRY_ON,
    system_ids: frozenset[bytes] = frozenset((b"*",)),
    service_types: Sequence[str] = ("*",),
    replaceable: str = "pass",
    max_pdu_octets: int = 65536,
    random: Callable[[], float] = lambda: 0.5,
    raw: bool = False,
    observe: bool = False,
    profile: ReceiptProfile | None = None,
    responses: Responses | None = None,
    id_form: Form = "as-is",
    words: RouteWords | None = None,
) -> World:
    """Return a world in which an ad is available for every notification that has room for it."""
    book = LeaseBook(30)
    lease = book.lease(CAMPAIGN)
    lease.hear(units, 0)
    planned = campaign_of(*texts)
    inserter = Inserter(
        numbering(),
        Predicate(service_types, replaceable),
        audience,
        LocalClock(numbering().timezones),
        alphabet,
        SEPARATOR,
        observe=observe,
    )
    plan = plan_of(planned, len(numbering().places))
    inserter.decision = Decision(plan, [Offer(planned, lease, SEPARATOR)], numbering().zone_of, random)
    inserter.gate = None
    inserter.at(NOW)
    journal = MemoryJournal()
    recorder = Recorder(journal)
    recorder.hour = HOUR
    alarms: list[Exception] = []
    session = Session(
        inserter,
        recorder,
        alarms.append,
        max_pdu_octets=max_pdu_octets,
        retry_bare_on=retry_bare_on,
        system_ids=system_ids,
        raw=raw,
        receipts=RouteReceipts(
            RouteHash(KEY, ROUTE),
            recorder,
            profile or ReceiptProfile(requests=False, failures=False),
            alarms.append,
            id_form,
            id_form,
        ),
        responses=responses,
        words=words,
    )
    return World(session, inserter, recorder, journal, book, alarms)
