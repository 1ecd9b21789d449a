"""Workers that ask caps of their campaigns: over a node's table, and over a store of several nodes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from adapters.files.cap_file import make_cap_file, open_cap_file
from engine.cap_batch import CapBatch, Claims
from engine.cap_rules import CapBook, CapPolicy
from engine.caps import CapRules, Caps, CapStore
from engine.people import WideHash
from engine.reasons import Reason
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows
from tests.valkey_server import ValkeyServer

KEY = WideHash(bytes(range(32)))
ZONES = ("America/Mexico_City", "America/Tijuana")
# A Monday, 12:00 in Mexico City, 10:00 in Tijuana; far ahead, since the nodes' store has a clock of its own.
NOON = datetime(2040, 11, 26, 18, tzinfo=UTC).timestamp()
HOUR = 3600.0
DAY = 24 * HOUR
WHO = 5501234567
CARRIER = CapPolicy()


def campaign(number: int, **fields: object) -> PlannedCampaign:
    """Return a campaign with some rules, of brand b<number> unless said otherwise."""
    known: dict[str, object] = {"brand": f"b{number}", "category": "retail"}
    return PlannedCampaign(number, NOON - DAY, NOON + 3 * DAY, (), (), **(known | fields))  # type: ignore[arg-type]


def cap(count: int, per: str, scope: str) -> FrequencyCap:
    """Return a cap."""
    return FrequencyCap(count, Per(per), Scope(scope))


class Asked:
    """A worker's caps."""

    def __init__(self, store: CapStore, *campaigns: PlannedCampaign, policy: CapPolicy = CARRIER) -> None:
        self.store = store
        self.caps = Caps(store, KEY, LocalWindows(ZONES), (0, 1))
        self.book = CapBook(campaigns, policy)
        self.caps.limits = self.book.limits

    def show(self, number: int, now: float = NOON, who: int = WHO, place: int = 0) -> Reason | None:
        """Show an ad if that is allowed; return why not."""
        self.caps.at(now)
        self.caps.ahead([who])
        rules = self.book.rules.get(number, CapRules((), ()))
        try:
            return (
                self.caps.admit(who, place)
                or self.caps.refuses(rules.limits)
                or self.caps.take(rules.counters)
            )
        finally:
            self.store.close()


class MemoryStore:
    """A worker's link and a store in memory.

    `silent` gives no answer, `fault` is raised, whoever is in `busy` is somebody else's.
    """

    def __init__(self) -> None:
        self.trouble = "slow"
        self.silent = False
        self.fault: Exception | None = None
        self.busy: set[int] = set()
        self.words: dict[int, bytes] = {}
        self.lasts: dict[int, int] = {}
        self.asked: list[list[int]] = []

    def claim(self, people: list[int], minute: int) -> Claims | None:
        """Answer at once, or not at all."""
        self.asked.append(people)
        if self.fault is not None:
            raise self.fault
        if self.silent:
            return None
        found = [None if each in self.busy else self.words.get(each, b"") for each in people]
        return Claims(0, minute, found)

    def settle(self, counted: dict[int, tuple[bytes, int]]) -> None:
        """Take what was counted."""
        for person, (words, lasts) in counted.items():
            self.words[person], self.lasts[person] = words, lasts


Worker = Callable[[], CapStore]
"""Makes what one more worker counts in."""


def table_workers(folder: Path) -> Worker:
    """Return workers over a new table."""
    make_cap_file(folder, 1, KEY)
    return lambda: open_cap_file(folder, KEY)


def store_workers(server: ValkeyServer) -> Worker:
    """Return workers over a server that begins anew."""
    server.tell("FLUSHALL")
    server.begin(KEY)
    return lambda: CapBatch(server.link(KEY))
