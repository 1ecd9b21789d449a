"""What the generator sends: requests that can all carry an ad."""

import random
from itertools import islice

from adapters.files.reference_data import load_geography, load_numbering
from adapters.simulator.notification import Kind
from adapters.simulator.traffic import Traffic

# Ads of the bench's campaigns fit beside every body of this many characters.
LONGEST_BODY = 75
DIFFERENT_REQUESTS = 4000


def requests() -> bytes:
    """Return whole requests one behind the other, over the country's mix of LADAs."""
    traffic = Traffic(random.Random(1), load_geography().weights, kinds=frozenset({Kind.PLAIN}))  # noqa: S311  # the same load each time
    locate = load_numbering().locate
    fitting = (
        each
        for each in traffic
        if each.data_coding == 0
        and len(each.text) <= LONGEST_BODY
        and locate(each.destination.digits.encode()) is not None
    )
    return b"".join(each.octets(1) for each in islice(fitting, DIFFERENT_REQUESTS))
