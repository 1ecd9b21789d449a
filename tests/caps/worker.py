"""One worker: a real session over the shared table or store; what leaves goes to standard output."""

import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from adapters.files.cap_file import open_cap_file
from adapters.valkey.connection import Opening, open_store
from adapters.valkey.link import ValkeyLink
from engine.cap_batch import CapBatch
from engine.cap_rules import CapBook, CapPolicy
from engine.caps import Caps, CapStore
from engine.decision import Decision, Offer
from engine.endpoint import Endpoint
from engine.people import WideHash
from engine.setting_rules import VALKEY
from segments.clock import LocalWindows
from tests.smpp_cases.pdus import Submit, answer
from tests.smpp_cases.world import CREATIVE, SEPARATOR, campaign_of, make_world, numbering, plan_of

KEY = bytes(range(32))
WINDOW = 100
FIRST_SUBSCRIBER = 5501000000
CAP = 2
STORE_TIMEOUT_S = 0.05
REFUSES_EVERY = 20
"""The SMSC refuses each sequence number that this divides: those ads are given back."""


class Nowhere:
    """A journal that takes everything."""

    def append(self, entries: bytes) -> bool:
        """Take a frame."""
        return bool(entries)


class Due:
    """What a worker does once a second."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._at = 0.0

    def look(self) -> None:
        """Do it if its second is over."""
        if time.monotonic() >= self._at:
            self._act()
            self._at = time.monotonic() + 1


def joined(store: str, wide: WideHash) -> tuple[CapStore, Due]:
    """Return where ads are counted, and what must be looked after meanwhile."""
    if not store.startswith(VALKEY):
        return open_cap_file(Path(store), wide), Due(lambda: None)
    opening = Opening(Endpoint.parse(store.removeprefix(VALKEY)), wide.check)
    link = ValkeyLink(lambda: open_store(opening)[0], wide.check, STORE_TIMEOUT_S)
    return CapBatch(link), Due(link.look)


def main(where: str, seed: str, notifications: str, people: str) -> None:
    """Relay so many notifications to random subscribers, WINDOW at a time, each read answered at once."""
    world = make_world(units=10**9, retry_bare_on=frozenset()).bound()
    inserter = world.inserter
    wide = WideHash(KEY)
    places = numbering()
    now = time.time()
    planned = replace(
        campaign_of(CREATIVE), opens=now - 1e6, closes=now + 1e6, caps=((CAP, "flight", "campaign"),)
    )
    book = CapBook([planned], CapPolicy())
    counted, due = joined(where, wide)
    caps = Caps(counted, wide, LocalWindows(places.timezones), places.zone_of)
    caps.limits = book.limits
    offer = Offer(planned, world.book.lease(planned.number), SEPARATOR, None, book.rules[planned.number])
    inserter.decision = Decision(plan_of(planned, len(places.places)), [offer], places.zone_of, lambda: 0.5)
    inserter.caps = caps
    recorder, session = world.recorder, world.session
    recorder._journal = Nowhere()
    chance = random.Random(int(seed))  # who is called, not a secret
    out = sys.stdout.buffer
    sequence = 0
    left = int(notifications)
    while left > 0:
        read = b""
        first = sequence + 1
        for _ in range(min(WINDOW, left)):
            sequence += 1
            who = b"%d" % (FIRST_SUBSCRIBER + chance.randrange(int(people)))
            read += Submit(sequence=sequence, destination=who, body=b"1 llamada").octets
        due.look()
        inserter.at(time.time())
        out.write(session.from_platform(read, 0.0))
        out.flush()
        refused = (0x08 if each % REFUSES_EVERY == 0 else 0 for each in range(first, sequence + 1))
        session.from_smsc(b"".join(answer(each, status) for each, status in enumerate(refused, first)))
        left -= WINDOW
    reasons = recorder.totals.reasons
    sys.stderr.write(" ".join(f"{code}={count}" for code, count in reasons.items()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
