"""The country as a market needs it: places, their states and zones, targets, quiet hours, calendar days."""

from dataclasses import replace
from datetime import datetime

from inventory.blackouts import Blackout
from inventory.cells import Ground
from inventory.market import Country
from segments.clock import pinned_zone
from segments.geography import Geography
from segments.numbering import Numbering
from segments.targets import compile_target


def country_of(
    numbering: Numbering,
    geography: Geography,
    quiet: tuple[int, int] | None,
    zone_name: str,
) -> Country:
    """Return the places of a numbering plan.

    `quiet` hours are minutes of the subscriber's day, half open; days are those of the zone.
    """
    zone = pinned_zone(zone_name)
    return Country(
        Ground(numbering.timezones, numbering.zone_of, quiet),
        [place.state for place in numbering.places],
        lambda target: compile_target(target, numbering, geography),
        lambda at: datetime.fromtimestamp(at, zone).date().isoformat(),
    )


def under(country: Country, blackouts: tuple[Blackout, ...]) -> Country:
    """Return the same places under blackouts."""
    return replace(country, ground=replace(country.ground, blackouts=blackouts))
