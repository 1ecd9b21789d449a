"""Adding to what reports read besides counts, in the transaction of a batch."""

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from adapters.postgres.pool import Connection
from inventory.books import Awaited

_ASKED = """
INSERT INTO receipt_requests AS r (campaign, hour, n)
SELECT * FROM unnest($1::int[], $2::int[], $3::bigint[])
ON CONFLICT (campaign, hour) DO UPDATE SET n = r.n + excluded.n
"""

_FORGET = """
DELETE FROM insertion_days d USING unnest($1::int[], $2::int[]) AS changed (campaign, day)
WHERE d.campaign = changed.campaign AND d.day = changed.day
"""

_HOURS_A_DAY = 24

# campaign, hour, how many people follow.
_HEADER = 3

Exposures = Mapping[tuple[int, int], Sequence[int]]
"""Keyed hashes of people (engine.people) by campaign and hour; somebody may be in it more than once."""


async def forget_days(connection: Connection, campaign_hours: Iterable[tuple[int, int]]) -> None:
    """Delete the packed days of (campaign, hour) pairs whose counts change in this transaction."""
    days = sorted({(campaign, hour // _HOURS_A_DAY) for campaign, hour in campaign_hours})
    await connection.execute(_FORGET, [campaign for campaign, _ in days], [day for _, day in days])


async def add_receipt_requests(connection: Connection, awaited: Sequence[Awaited]) -> None:
    """Count insertions that asked for a receipt, in the order of their keys, so that nodes never deadlock."""
    counts = Counter((each.campaign, each.hour) for each in awaited)
    if rows := [(*key, count) for key, count in sorted(counts.items())]:
        await connection.execute(_ASKED, *(list(column) for column in zip(*rows, strict=True)))


async def add_exposures(connection: Connection, exposures: Exposures) -> None:
    """Keep what adapters.postgres.reach folds later: one row, whatever is in the batch."""
    if exposures:
        await connection.execute(
            "INSERT INTO exposure_inbox (exposures) VALUES ($1)", packed_exposures(exposures)
        )


def packed_exposures(exposures: Exposures) -> bytes:
    """Return exposures as octets: words of 32 bits, little endian."""
    words = array("I")
    for (campaign, hour), people in exposures.items():
        words.extend((campaign, hour, len(people)))
        words.extend(people)
    if sys.byteorder == "big":
        words.byteswap()
    return words.tobytes()


def unpacked_exposures(octets: bytes) -> Iterator[tuple[int, int, memoryview]]:
    """Yield campaign, hour and the people of each key, as 32-bit words of this machine."""
    words = array("I", octets)
    if sys.byteorder == "big":
        words.byteswap()
    view = memoryview(words)
    at = 0
    while at < len(view):
        campaign, hour, people = view[at : at + _HEADER]
        at += _HEADER
        yield campaign, hour, view[at : at + people]
        at += people
