"""Print the first figures of the pure core on this machine, each beside its bar: run by `make figures`."""

import random
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from adapters.files.journal_writer import JournalWriter
from adapters.files.reference_data import load_geography, load_numbering
from adapters.files.rule_sets import default_rules
from adapters.smpp.constants import BIND_TRANSCEIVER, RESPONSE, SUBMIT_SM, SUBMIT_SM_RESP
from adapters.smpp.session import Session
from engine.audience import QuietHours
from engine.composition import Alphabet, septets_of
from engine.decision import Creative, Decision, Offer
from engine.inserter import Inserter
from engine.journal import ENTRY, Cause, Kind
from engine.leasebook import LeaseBook
from engine.people import PeopleHash
from engine.predicate import Predicate
from engine.reasons import Reason
from engine.recorder import Recorder
from inventory.books import ServingCampaign
from inventory.campaign import Campaign, CampaignClass, CreativeVersion, Pacing
from inventory.cells import Ground
from inventory.plan import Plan, decode_plan, encode_plan
from inventory.planner import Planner
from segments.clock import LocalClock, pinned_zone
from segments.numbers import national
from segments.targets import Target, compile_target
from validators.check import check

CAMPAIGNS = 300
REPEATS = 7
BATCH = 4000
WINDOWS = (1, 10, 100)
NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)
NOW = NOON.timestamp()
TEXT_OF_90 = "Buen Fin en tienda sol, hasta 40 de descuento en linea. Marca 5512345678 o mi.tienda/abcde"
AD = "Buen Fin en tienda sol, 40 de descuento. Marca 5512345678"
BODY = b"Tiene 1 llamada perdida de este numero hoy a las 10:42"
FULL_BODY = BODY.ljust(159, b".")
ENDLESS = 1 << 60

Spent = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure; `bar` is None where the next issue sets it."""

    name: str
    value: float
    bar: float | None = None
    unit: str = "µs"


def micros(times: int, repeat: Spent) -> float:
    """Return the median over the repeats, in µs of CPU for each of `times`; `repeat` gives its seconds."""
    repeat()
    return statistics.median(repeat() for _ in range(REPEATS)) / times * 1e6


def cpu(work: Callable[[], object]) -> float:
    """Return the process's CPU seconds that `work` takes, its system calls included."""
    began = time.process_time()
    work()
    return time.process_time() - began


def addresses(count: int) -> list[bytes]:
    """Return destination addresses of assigned LADAs: LADA + 0 + digits, which are nobody's."""
    chance = random.Random(1)
    ladas = sorted(load_geography().ladas)
    chosen = chance.choices(ladas, k=count)
    return [f"{lada}0{chance.randrange(10**7):07d}".encode()[:10].ljust(10, b"1") for lada in chosen]


# -- parts ----------------------------------------------------------------------------------------


def text_check() -> Figure:
    """Check a valid text of 90 characters."""
    rules = default_rules()
    if len(TEXT_OF_90) != 90 or not check(TEXT_OF_90, rules).ok:
        raise SystemExit("figures: the text to check must be valid and have 90 characters")

    def work() -> None:
        for _ in range(1000):
            check(TEXT_OF_90, rules)

    return Figure("check of a valid text of 90 characters", micros(1000, lambda: cpu(work)), 50)


def lookup() -> Figure:
    """Reduce an address to a subscriber and find the place."""
    place_of = load_numbering().place_of
    numbers = addresses(20_000)

    def work() -> None:
        for number in numbers:
            place_of(national(number))

    return Figure("number lookup: national + place_of", micros(len(numbers), lambda: cpu(work)), 1)


def campaigns() -> list[ServingCampaign]:
    """Return 300 campaigns for the whole country that all lag."""
    return [
        ServingCampaign(
            Campaign(
                number,
                str(number),
                f"campaign {number}",
                "tienda-sol",
                "retail",
                CampaignClass.GUARANTEED,
                (CreativeVersion(number, AD),),
                Target(),
                NOON - timedelta(days=3),
                NOON + timedelta(days=4),
                100_000 + number,
                pacing=Pacing.ASAP,
            ),
            0,
            0,
        )
        for number in range(1, CAMPAIGNS + 1)
    ]


def make_plan() -> Plan:
    """Return a plan of the campaigns as a worker has it."""
    numbering, geography = load_numbering(), load_geography()
    planner = Planner(
        numbering.digest,
        Ground(numbering.timezones, numbering.zone_of, (1260, 540)),
        lambda target: compile_target(target, numbering, geography),
        septets_of,
        pinned_zone("America/Mexico_City"),
    )
    return decode_plan(BytesIO(encode_plan(planner.plan(1, campaigns(), NOW))).read)


def make_decision(plan: Plan, book: LeaseBook) -> Decision:
    """Return the decision of a plan, on the leases of a book."""
    offers = [Offer(planned, book.lease(planned.number), " ") for planned in plan.catalogue()]
    decision = Decision(plan, offers, load_numbering().zone_of, random.Random(1).random)
    decision.at(NOW, LocalClock(load_numbering().timezones).at(NOW))
    return decision


def decisions(plan: Plan) -> list[Figure]:
    """Choose in a normal cell, and in one whose row and lag list are all exhausted."""
    book = LeaseBook(30)
    choose = make_decision(plan, book).choose
    place = load_numbering().place_of(national(addresses(1)[0]))

    def work() -> None:
        for _ in range(BATCH):
            choose(place, 95, False, Alphabet.GSM7)

    figures = []
    for name, held, expected in (
        ("decision, 300 campaigns, normal cell", ENDLESS, Creative),
        ("decision, 299 of 300 exhausted, worst cell", 0, Reason),
    ):
        for lease in book:
            lease.held = held
        book.lease(1).held = ENDLESS  # the least lagging one: in no list
        if not isinstance(choose(place, 95, False, Alphabet.GSM7), expected):
            raise SystemExit("figures: the cell is not what its name says")
        figures.append(Figure(name, micros(BATCH, lambda: cpu(work)), 3))
    return figures


def take_over(plan: Plan) -> Figure:
    """Switch a worker to a new plan with the same catalogue: it does nothing else meanwhile."""
    octets = encode_plan(plan)
    catalogue = plan.catalogue()
    book = LeaseBook(30)

    def work() -> None:
        new = decode_plan(BytesIO(octets).read)
        offers = [Offer(planned, book.lease(planned.number), " ") for planned in catalogue]
        Decision(new, offers, load_numbering().zone_of, random.random)

    return Figure("worker takes over a plan of 300 (once a second)", micros(1, lambda: cpu(work)))


def append(folder: Path) -> Figure:
    """Append a frame of two entries to a journal file."""
    journal = JournalWriter(folder / "append", {})
    entries = ENTRY.pack(Kind.INSERTED, Cause.NONE, 0, 1, 1, 33, 9, 1) * 2

    def work() -> None:
        for _ in range(BATCH):
            journal.append(entries)

    def repeat() -> float:
        journal.prepare()
        return cpu(work)

    return Figure("journal append, a frame of two entries", micros(BATCH, repeat))


# -- a session ------------------------------------------------------------------------------------


def pdu(command: int, sequence: int, body: bytes) -> bytes:
    """Return a PDU with status 0 (SMPP 3.4 §3.2)."""
    return struct.pack(">IIII", 16 + len(body), command, 0, sequence) + body


def submit_sm(sequence: int, destination: bytes, text: bytes) -> bytes:
    """Return a notification (SMPP 3.4 §4.4.1)."""
    fields = b"\0\1\1005501234567\0\1\1" + destination + b"\0\0\0\0\0\0\0\0\0\0" + bytes((len(text),))
    return pdu(SUBMIT_SM, sequence, fields + text)


class Bench:
    """One bound session with ads, journal on a file, counting; as a worker holds it."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        numbering = load_numbering()
        self.journal = JournalWriter(folder, {})
        self.recorder = Recorder(self.journal)
        book = LeaseBook(30)
        self.inserter = Inserter(
            numbering,
            Predicate(frozenset(("*",)), "pass"),
            [QuietHours(1260, 540, numbering.zone_of)],
            LocalClock(numbering.timezones),
            "gsm7",
            " ",
        )
        self.inserter.decision = make_decision(plan, book)
        self.inserter.gate = None
        self.inserter.people = PeopleHash(b"figures" * 5)
        for lease in book:
            lease.held = ENDLESS
        self.session = Session(
            self.inserter, self.recorder, self._alarm, retry_bare_on=frozenset((0x01, 0x45))
        )
        self.session.from_platform(pdu(BIND_TRANSCEIVER, 1, b"mcn\0secret\0\0\x34\0\0\0"), 0.0)
        self.session.from_smsc(pdu(BIND_TRANSCEIVER | RESPONSE, 1, b"smsc\0"))
        self.sequence = 1

    def _alarm(self, error: Exception) -> None:
        raise error

    def reads(self, text: bytes, window: int) -> tuple[list[bytes], list[bytes]]:
        """Return reads of `window` notifications each, and those of their answers."""
        numbers = range(self.sequence + 1, self.sequence + 1 + BATCH)
        self.sequence += BATCH
        notifications = [
            submit_sm(number, destination, text)
            for number, destination in zip(numbers, addresses(BATCH), strict=True)
        ]
        answers = [pdu(SUBMIT_SM_RESP, number, b"%x\0" % number) for number in numbers]
        return _joined(notifications, window), _joined(answers, window)

    def repeat(self, text: bytes, window: int) -> tuple[float, float]:
        """Return the CPU seconds of BATCH notifications and of their answers."""
        there, back = self.reads(text, window)
        session, inserter, recorder = self.session, self.inserter, self.recorder

        def notify() -> None:
            for read in there:
                inserter.at(NOW)
                recorder.hour = 1
                session.from_platform(read, 1.0)

        def answer() -> None:
            for read in back:
                inserter.at(NOW)
                recorder.hour = 1
                session.from_smsc(read)

        self.journal.prepare()
        took = cpu(notify)
        self.journal.prepare()
        return took, cpu(answer)

    def expect(self, text: bytes, *, longer: bool) -> None:
        """See that a notification leaves with an ad, or without."""
        there, back = self.reads(text, BATCH)
        if (len(self.session.from_platform(there[0], 1.0)) > len(there[0])) is not longer:
            raise SystemExit("figures: the notifications are not treated as their name says")
        self.session.from_smsc(back[0])


def _joined(pdus: Sequence[bytes], window: int) -> list[bytes]:
    return [b"".join(pdus[at : at + window]) for at in range(0, len(pdus), window)]


def sessions(folder: Path, plan: Plan) -> list[Figure]:
    """Send notifications through a session, with an ad and without, at each window."""
    bench = Bench(folder / "session", plan)
    figures = []
    for name, text, longer in (("with an ad", BODY, True), ("passed through (no_room)", FULL_BODY, False)):
        bench.inserter.at(NOW)
        bench.expect(text, longer=longer)
        for window in WINDOWS:
            bench.repeat(text, window)
            took = [bench.repeat(text, window) for _ in range(REPEATS)]
            there, back = (statistics.median(each) / BATCH * 1e6 for each in zip(*took, strict=True))
            figures.append(Figure(f"session, notification {name}, window {window}", there))
            figures.append(Figure(f"session, its answer, window {window}", back))
    return figures


def main() -> None:
    """Measure and print."""
    plan = make_plan()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures = [
            text_check(),
            lookup(),
            *decisions(plan),
            take_over(plan),
            append(folder),
            *sessions(folder, plan),
        ]
    print(f"{'CPU each (median of ' + str(REPEATS) + ')':<60}{'measured':>12}{'bar':>10}")
    for figure in figures:
        bar = "" if figure.bar is None else f"≤ {figure.bar:g}"
        over = "  over" if figure.bar is not None and figure.value > figure.bar else ""
        print(f"{figure.name:<60}{figure.value:>9.2f} {figure.unit}{bar:>10}{over}")


if __name__ == "__main__":
    main()
