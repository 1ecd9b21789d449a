"""`python -m tests.caps.figures`: what counting costs, in the table of a node and in the store of several."""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adapters.files.cap_file import make_cap_file, open_cap_file
from adapters.valkey.connection import Opening, open_store
from adapters.valkey.link import ValkeyLink
from engine.cap_batch import CapBatch
from engine.cap_rules import CapBook, CapPolicy
from engine.caps import Caps, CapStore
from engine.people import WideHash
from inventory.frequency import FrequencyCap, Per, Scope
from inventory.plan import PlannedCampaign
from segments.clock import LocalWindows
from tests.valkey_server import ValkeyServer, joined

KEY = WideHash(bytes(range(32)))
READS = {100: 500, 1: 5000}
PATIENT_S = 1.0
WINDOWS = CapPolicy(tuple(FrequencyCap(200, each, Scope.GLOBAL) for each in (Per.HOUR, Per.DAY, Per.WEEK)))


def one_book() -> CapBook:
    """Return the rules of one campaign under WINDOWS."""
    return CapBook([PlannedCampaign(1, 0, 4e9, (), (), brand="sol")], WINDOWS)


def asking(store: CapStore, book: CapBook) -> Caps:
    """Return what a worker asks over a store."""
    caps = Caps(store, KEY, LocalWindows(("America/Mexico_City",)), (0,))
    caps.limits = book.limits
    return caps


def read(caps: Caps, book: CapBook, people: Sequence[int]) -> int:
    """Ask and count for everybody, as a session does; return how many may have an ad."""
    rules = book.rules[1]
    caps.at(time.time())
    if caps.store.batched:
        caps.ahead(list(people))
    shown = 0
    for who in people:
        if caps.admit(who, 0) is None and caps.refuses(rules.limits) is None:
            shown += caps.take(rules.counters) is None
    caps.store.close()
    return shown


def _measure(name: str, store: CapStore) -> None:
    """Say what a notification costs in processor time, and how long a read takes."""
    book = one_book()
    caps = asking(store, book)
    who = 5_501_000_000
    for window, reads in READS.items():
        took, shown = [], 0
        cpu = time.process_time()
        for _ in range(reads):
            people = list(range(who, who + window))
            who += window
            began = time.perf_counter()
            shown += read(caps, book, people)
            took.append(time.perf_counter() - began)
        cpu = (time.process_time() - cpu) / reads / window
        took.sort()
        half, most = took[reads // 2], took[reads * 99 // 100]
        sys.stdout.write(
            f"{name}, reads of {window}: {cpu * 1e6:.1f} µs of processor a notification; a read took "
            f"{half * 1e3:.2f} ms (p50), {most * 1e3:.2f} ms (p99); {shown / reads / window:.1%} counted\n"
        )


def _with(work: Callable[[Path], None]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="posdata-caps-"))
    try:
        work(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _table(folder: Path) -> None:
    make_cap_file(folder, 64, KEY)
    _measure("table", open_cap_file(folder, KEY))


def _store(folder: Path) -> None:
    server = ValkeyServer(folder)
    server.start()
    server.begin(KEY)
    opening = Opening(server.address, KEY.check)
    link = joined(ValkeyLink(lambda: open_store(opening)[0], KEY.check, PATIENT_S))
    try:
        _measure("store", CapBatch(link))
    finally:
        link.close()
        server.kill()


if __name__ == "__main__":
    _with(_table)
    _with(_store)
