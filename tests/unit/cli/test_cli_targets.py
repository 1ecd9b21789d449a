"""`plan show` names the shortage policy and the target of every campaign."""

from datetime import timedelta

import numpy as np

from adapters.cli.targets import POLICY, Goal, Seen, goals, goals_report
from adapters.files.reference_data import load_numbering
from engine.settings import Settings
from inventory.books import hour_of
from inventory.forecast import Forecast
from inventory.plan import ROOM_CLASSES
from inventory.supply import Supply
from segments.clock import pinned_zone
from tests.unit.inventory.bookings import NOON, campaign, serving

NUMBERING = load_numbering()
PLACES = len(NUMBERING.places)
ENOUGH, FAR_TOO_MUCH = 500, 900_000_000


def found() -> list[Goal]:
    """Return the targets of a booking that fits and of one that asks for more than ever comes."""
    midnight = NOON.astimezone(pinned_zone("America/Mexico_City")).replace(hour=0)
    mix = np.tile(np.eye(ROOM_CLASSES)[-1], (PLACES, 1))
    expected = Supply(hour_of(midnight), np.full((8 * 24, PLACES), 5.0), mix)
    forecast = Forecast(expected, np.zeros(0), None, cold_start=False)  # type: ignore[arg-type]  # no scenario is asked
    first = hour_of(NOON - timedelta(days=14))
    came = np.full((hour_of(NOON) + 1 - first, PLACES), 5.0)
    booked = serving(campaign(1, quantity=ENOUGH), settled=200), serving(campaign(2, quantity=FAR_TOO_MUCH))
    return goals(
        Settings(), NUMBERING, np.zeros(PLACES, dtype=np.intp), forecast, Seen(booked, first, came), NOON
    )


def test_who_can_be_served_reaches_all_and_who_can_not_falls_short() -> None:
    """Targets are units at the end, with what was spent; a shortage shows."""
    enough, much = (each.document() for each in found())
    assert (enough["target"], enough["spent"], enough["share"]) == (ENOUGH, 200, 1.0)
    assert 0 < much["target"] < FAR_TOO_MUCH / 10


def test_the_report_states_the_policy_and_who_is_shortest_first() -> None:
    """A person reads why before who."""
    lines = goals_report(found(), cold_start=False)
    assert lines[1] == POLICY
    rows = [line for line in lines if line.startswith("campaign ")]
    assert len(rows) == 3
    assert rows[1].split()[-1] in ("yes", "no")
    assert "900,000,000" in rows[1]
    assert goals_report([], cold_start=True)[-1] == "no campaign has units left to allot"
