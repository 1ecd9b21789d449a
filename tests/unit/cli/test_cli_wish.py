"""What is asked of `posdata availability` is read as a person types it."""

import pytest

from adapters.cli.console import CommandError
from adapters.cli.wish import hours_of, instant_of, size_of, target_of
from inventory.campaign import HoursWindow
from segments.clock import pinned_zone
from segments.targets import Selector

ZONE = pinned_zone("America/Mexico_City")
DAY_S = 86_400


def test_places_are_known_by_their_form() -> None:
    """A state by its code, a LADA and a municipality by their digits, a city by its name."""
    target = target_of(["mx-jal", "33", "14039", "Guadalajara, MX-JAL"], ["55"])
    assert [each.kind for each in target.include] == ["state", "lada", "municipality", "city"]
    assert target.include[0].value == "MX-JAL"
    assert target.exclude == (Selector("lada", "55"),)


def test_unknown_places_are_named_with_what_is_near() -> None:
    """Each gets a line of its own."""
    with pytest.raises(CommandError) as refused:
        target_of(["MX-XXX", "Guadalajra"], [])
    assert len(refused.value.lines) == 2


def test_a_date_is_its_whole_day() -> None:
    """From its first moment to its end, on the clock of the default zone."""
    begin, end = (instant_of("2026-11-24", ZONE, is_end=is_end) for is_end in (False, True))
    assert end - begin == DAY_S
    assert begin == instant_of("2026-11-24T00:00-06:00", ZONE, is_end=False)


@pytest.mark.parametrize("text", ["mañana", "2026-13-01", "2026-11-24T09:00"])
def test_an_instant_needs_its_offset(text: str) -> None:
    """What is no date and no instant with an offset is refused."""
    with pytest.raises(CommandError):
        instant_of(text, ZONE, is_end=False)


def test_windows_may_name_days() -> None:
    """Days from one to another, over the week's end too; none means all of them."""
    everyday, week, weekend, night = hours_of(
        ["09:00-20:00", "mon-fri 09:00-20:00", "sat-mon 10:00-24:00", "sun 22:00-02:00"]
    )
    assert everyday == HoursWindow(frozenset(range(7)), 540, 1200)
    assert (week.days, weekend.days, night.days) == (
        frozenset(range(5)),
        frozenset((5, 6, 0)),
        frozenset((6,)),
    )
    assert (night.start, night.end) == (1320, 120)


@pytest.mark.parametrize(
    "text", ["9-20", "09:00-09:00", "24:00-10:00", "lun 09:00-20:00", "mon-fri", "09:00-25:00"]
)
def test_windows_that_are_none_are_refused(text: str) -> None:
    """With an example of how one is written."""
    with pytest.raises(CommandError, match="such as"):
        hours_of([text])


def test_a_text_is_measured_in_septets() -> None:
    """A character of the extension table takes two; what GSM 7-bit can't write is refused."""
    assert size_of("Marca 5512345678") == 16
    with pytest.raises(CommandError):
        size_of("¡Ándale!")
