"""The plan file and the pace, whatever they are made of."""

from datetime import timedelta
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.campaign import HoursWindow
from inventory.pacing import Pace, Quiet
from inventory.plan import (
    Plan,
    PlanError,
    PlannedCampaign,
    PlannedCreative,
    catalogue_digest,
    catalogue_octets,
    decode_plan,
    encode_plan,
)
from segments.clock import pinned_zone
from tests.examples import tried
from tests.unit.inventory.bookings import NOON, campaign

INDEX = st.integers(0, 2**31 - 1)
MINUTES = st.integers(0, 1440)
CAMPAIGNS = st.builds(
    PlannedCampaign,
    INDEX,
    st.floats(0, 4e9),
    st.floats(0, 4e9),
    st.lists(st.tuples(st.lists(st.integers(0, 6)).map(tuple), MINUTES, MINUTES), max_size=2).map(tuple),
    st.lists(st.builds(PlannedCreative, INDEX, st.text(max_size=20), INDEX), max_size=2).map(tuple),
)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a plan with sections of any length."""
    octets = catalogue_octets(draw(st.lists(CAMPAIGNS, max_size=2)))
    return Plan(
        draw(st.integers(0, 2**62)),
        draw(st.text(max_size=10)),
        catalogue_digest(octets),
        draw(st.lists(INDEX, max_size=9)),
        draw(st.lists(st.integers(0, 3), max_size=9)),
        draw(st.lists(INDEX, max_size=9)),
        draw(st.lists(INDEX, max_size=9)),
        draw(st.lists(st.floats(0, 1), max_size=9)),
        draw(st.lists(INDEX, max_size=9)),
        draw(st.lists(INDEX, max_size=9)),
        draw(st.lists(INDEX, max_size=9)),
        octets,
    )


@given(plans())
def test_any_plan_comes_back(plan: Plan) -> None:
    """Encoding and decoding keeps everything."""
    again = decode_plan(BytesIO(encode_plan(plan)).read)
    for name in Plan.__slots__:
        before, after = getattr(plan, name), getattr(again, name)
        assert (list(after) if isinstance(before, list) else after) == before


@given(plans(), st.data())
def test_a_cut_or_damaged_plan_is_refused(plan: Plan, data: st.DataObject) -> None:
    """Any cut, and any flipped bit, is a `PlanError` and nothing else."""
    octets = bytearray(encode_plan(plan))
    with pytest.raises(PlanError):
        decode_plan(BytesIO(octets[: data.draw(st.integers(0, len(octets) - 1))]).read)
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    with pytest.raises(PlanError):
        decode_plan(BytesIO(octets).read)


WINDOWS = st.builds(
    HoursWindow,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1439),
).filter(lambda window: window.start != window.end)


@tried(25)
@given(
    st.integers(0, 86_400 * 7),
    st.integers(1, 86_400 * 10),
    st.lists(WINDOWS, max_size=2).map(tuple),
    st.none() | st.tuples(st.integers(0, 1439), st.integers(0, 1439)),
    st.sampled_from(["America/Mexico_City", "America/Tijuana"]),
    st.lists(st.floats(-0.1, 1.1), min_size=2, max_size=12).map(sorted),
)
def test_a_pace_only_rises(
    start: int, length: int, hours: tuple[HoursWindow, ...], quiet: Quiet, zone: str, at: list[float]
) -> None:
    """From 0 to 1 over the flight, never back, whatever hours stand still."""
    starts_at = NOON + timedelta(seconds=start)
    booked = campaign(starts_at=starts_at, ends_at=starts_at + timedelta(seconds=length), hours=hours)
    pace = Pace(booked, pinned_zone(zone), quiet)
    curve = [pace.elapsed(starts_at.timestamp() + share * length) for share in at]
    assert all(after >= before - 1e-12 for before, after in pairwise(curve))
    assert all(0 <= value <= 1 for value in curve)
    assert pace.elapsed(starts_at.timestamp()) == 0
    assert pace.elapsed(starts_at.timestamp() + length) == 1
