"""What the generator sends: requests that can all carry an ad."""

import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from adapters.files.reference_data import load_geography, load_numbering
from adapters.simulator.notification import Kind, Notification
from adapters.simulator.traffic import Traffic

# Ads of the bench's campaigns fit beside every body of this many characters.
LONGEST_BODY = 75
DIFFERENT_REQUESTS = 4000


# Those who share all digits but the last four, a prime's multiples apart.
_TAIL = 4
_APART = 37


def requests(subscribers_each: int = 1) -> bytes:
    """Return whole requests one behind the other, over the country's mix of LADAs.

    There are DIFFERENT_REQUESTS, each repeated for so many different subscribers, all in turns.
    """
    traffic = Traffic(random.Random(1), load_geography().weights, kinds=frozenset({Kind.PLAIN}))  # noqa: S311  # the same load each time
    locate = load_numbering().locate
    fitting = (
        each
        for each in traffic
        if each.data_coding == 0
        and len(each.text) <= LONGEST_BODY
        and locate(each.destination.digits.encode()) is not None
    )
    found = list(islice(fitting, DIFFERENT_REQUESTS))
    return b"".join(each.octets(1) for each in _for_others(found, subscribers_each))


def _for_others(notifications: list[Notification], subscribers_each: int) -> Iterator[Notification]:
    yield from notifications
    for step in range(1, subscribers_each):
        for each in notifications:
            digits = each.destination.digits
            tail = (int(digits[-_TAIL:]) + step * _APART) % 10**_TAIL
            to = replace(each.destination, digits=f"{digits[:-_TAIL]}{tail:0{_TAIL}d}")
            yield replace(each, destination=to)
