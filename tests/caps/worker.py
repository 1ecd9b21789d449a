"""One worker: a real session over the shared table; what leaves for the SMSC goes to standard output."""

import random
import sys
from pathlib import Path

from adapters.files.cap_file import open_cap_file
from engine.cap_rules import CapBook, CapPolicy
from engine.caps import Caps
from engine.decision import Decision, Offer
from engine.people import WideHash
from inventory.frequency import FrequencyCap, Per, Scope
from segments.clock import LocalWindows
from tests.smpp_cases.pdus import Submit, answer
from tests.smpp_cases.world import CREATIVE, NOW, SEPARATOR, campaign_of, make_world, numbering, plan_of

KEY = bytes(range(32))
WINDOW = 100
FIRST_SUBSCRIBER = 5501000000
CAP = 2
REFUSES_EVERY = 20
"""The SMSC refuses each sequence number that this divides: those ads are given back."""


class Nowhere:
    """A journal that takes everything."""

    def append(self, entries: bytes) -> bool:
        """Take a frame."""
        return bool(entries)


def main(folder: str, seed: str, notifications: str, people: str) -> None:
    """Relay so many notifications to random subscribers, WINDOW at a time, each read answered at once."""
    world = make_world(units=10**9, retry_bare_on=frozenset()).bound()
    inserter = world.inserter
    wide = WideHash(KEY)
    places = numbering()
    planned = campaign_of(CREATIVE)
    book = CapBook([planned], CapPolicy((FrequencyCap(CAP, Per.DAY, Scope.GLOBAL),)))
    caps = Caps(open_cap_file(Path(folder), wide), wide, LocalWindows(places.timezones), places.zone_of)
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
        inserter.at(NOW)
        out.write(session.from_platform(read, 0.0))
        out.flush()
        refused = (0x08 if each % REFUSES_EVERY == 0 else 0 for each in range(first, sequence + 1))
        session.from_smsc(b"".join(answer(each, status) for each, status in enumerate(refused, first)))
        left -= WINDOW
    reasons = recorder.totals.reasons
    sys.stderr.write(" ".join(f"{code}={count}" for code, count in reasons.items()) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
