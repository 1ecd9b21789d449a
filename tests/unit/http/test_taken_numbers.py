"""A response number that is taken: what who asks for it reads."""

from datetime import UTC, datetime

from adapters.http.taken_numbers import taken_fault
from adapters.postgres.engagements import NumberTakenError

HOLDER = {"name": "Rifa", "starts": datetime(2026, 11, 24, 15, tzinfo=UTC), "ends": None}


def test_the_carrier_reads_what_a_number_is_assigned_to() -> None:
    """The sentence has the name where it may be told, and the dates in any case."""
    taken = NumberTakenError(0, "5501234567", HOLDER)
    named, plain = taken_fault(taken, "/number", named=True), taken_fault(taken, "/number")
    assert named.es == "5501234567 ya está asignado a «Rifa» de 2026-11-24 15:00 UTC a …"
    assert named.en == '5501234567 is assigned to "Rifa" from 2026-11-24 15:00 UTC to …'
    assert plain.en == "5501234567 is assigned from 2026-11-24 15:00 UTC to …"
