"""`python -m tests.caps --fill 10000000`: a table as full as a node's gets, and what counting costs in it."""

import random
import sys
import time
from pathlib import Path
from statistics import median

from adapters.files.cap_file import CAP_FILE, make_cap_file, open_cap_file
from engine.cap_rules import CapBook
from engine.caps import Caps
from tests.caps.figures import KEY, asking, one_book, read

FIRST_SUBSCRIBER = 5_500_000_000
READ = 100
ASKED_MB = 600
ASKED_US = {READ: 1.5, 1: 5.0}
ROUNDS = 21
ASKED_A_ROUND = 20_000


def fill(folder: Path, people: int, size_mb: int) -> bool:
    """Count one ad in three windows of so many people; say the room, refusals and times; tell if as asked."""
    make_cap_file(folder, size_mb, KEY)
    size = (folder / CAP_FILE).stat().st_size / 1e6
    book = one_book()
    caps = asking(open_cap_file(folder, KEY), book)
    cpu, shown = time.process_time(), 0
    for at in range(0, people, READ):
        who = range(FIRST_SUBSCRIBER + at, FIRST_SUBSCRIBER + min(at + READ, people))
        shown += read(caps, book, who)
    cpu = time.process_time() - cpu
    refused = people - shown
    sys.stdout.write(
        f"{people:,} subscribers, three windows each, in {size:.0f} MB (asked: {ASKED_MB}); "
        f"filled in {cpu:.0f} s of processor; {refused:,} refused ({refused / people:.4%})\n"
    )
    in_time = [_timed(caps, book, people, each) for each in ASKED_US]
    return size <= ASKED_MB and not refused and all(in_time)


def _timed(caps: Caps, book: CapBook, people: int, window: int) -> bool:
    """Count one more ad of people anywhere in the table; say what a notification takes of the processor."""
    chance = random.Random(5)  # who is called, not a secret
    took = []
    for _ in range(ROUNDS):
        reads = [
            [FIRST_SUBSCRIBER + chance.randrange(people) for _ in range(window)]
            for _ in range(ASKED_A_ROUND // window)
        ]
        cpu = time.process_time()
        for who in reads:
            read(caps, book, who)
        took.append((time.process_time() - cpu) / ASKED_A_ROUND * 1e6)
    asked = ASKED_US[window]
    sys.stdout.write(
        f"check and count in reads of {window}: {min(took):.2f} µs of processor each at least, "
        f"{median(took):.2f} as a rule (asked: {asked})\n"
    )
    return min(took) <= asked
