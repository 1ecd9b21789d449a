"""What `posdata availability` is asked for: options and campaign files read into bookings."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from adapters.cli.console import CommandError, ExitCode
from adapters.files.reference_data import load_geography
from engine.composition import septets_of
from inventory.booking import Booking
from inventory.campaign import CampaignClass, HoursWindow
from inventory.clock import MINUTES_A_DAY, minute_of
from inventory.document import DAYS
from inventory.draft import CampaignDraft
from inventory.thinning import usable_share
from segments.targets import Selector, SelectorKind, Target, check_target

DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WINDOW = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? )?(?P<start>[\d:]+)-(?P<end>[\d:]+)", re.ASCII
)


def target_of(include: Sequence[str], exclude: Sequence[str]) -> Target:
    """Return the target of places as they are typed: MX-JAL, 33, 14039, "Guadalajara, MX-JAL".

    Raises `CommandError` with a line for each that is unknown.
    """
    target = Target(tuple(map(_selector, include)), tuple(map(_selector, exclude)))
    faults = check_target(target, load_geography())
    if faults:
        raise CommandError(ExitCode.USAGE, *(f"posdata: {fault.en}" for fault in faults))
    return target


def _selector(text: str) -> Selector:
    kind: SelectorKind = "city"
    if text.isascii() and text.isdigit():
        kind = "municipality" if len(text) == len("14039") else "lada"
    elif text.upper().startswith("MX-"):
        kind = "state"
    return Selector(kind, text.upper() if kind == "state" else text)


def instant_of(text: str, zone: tzinfo, *, is_end: bool) -> float:
    """Return UTC seconds of an instant with its offset; a bare date is its whole day on a zone's clock.

    Raises `CommandError`.
    """
    option = "--to" if is_end else "--from"
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        line = (
            f"posdata: {option} {text!r} is no date or instant, such as 2026-11-24 or 2026-11-24T09:00-06:00"
        )
        raise CommandError(ExitCode.USAGE, line) from None
    if DATE.fullmatch(text):
        instant = (instant + timedelta(days=1) if is_end else instant).replace(tzinfo=zone)
    if instant.tzinfo is None:
        line = f"posdata: {option} {text!r} needs its offset, such as {text}-06:00"
        raise CommandError(ExitCode.USAGE, line)
    return instant.astimezone(UTC).timestamp()


def hours_of(texts: Sequence[str]) -> tuple[HoursWindow, ...]:
    """Return windows of the subscriber's clock: "09:00-20:00", "mon-fri 09:00-20:00".

    Raises `CommandError`.
    """
    windows = []
    for text in texts:
        window = _window(text.strip().lower())
        if window is None:
            line = f"posdata: --hours {text!r} is no window, such as 09:00-20:00 or 'mon-fri 09:00-20:00'"
            raise CommandError(ExitCode.USAGE, line)
        windows.append(window)
    return tuple(windows)


def _window(text: str) -> HoursWindow | None:
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    try:
        start, end = minute_of(found["start"]), minute_of(found["end"])
        days = _days(found["first"], found["last"])
    except ValueError:
        return None
    return None if start in {end, MINUTES_A_DAY} else HoursWindow(days, start, end)


def _days(first: str | None, last: str | None) -> frozenset[int]:
    """Return the days from one to another, Sunday to Monday included; raises `ValueError` for no day."""
    if first is None:
        return frozenset(range(len(DAYS)))
    names: list[str] = list(DAYS)
    begin, end = names.index(first), names.index(last or first)
    return frozenset((begin + each) % len(DAYS) for each in range((end - begin) % len(DAYS) + 1))


def size_of(text: str) -> int:
    """Return what a text takes of the room. Raises `CommandError` for one that no campaign may have."""
    try:
        return septets_of(text)
    except ValueError:
        raise CommandError(
            ExitCode.USAGE, "posdata: --text has characters that no campaign may have; see posdata check"
        ) from None


def booking_of_draft(draft: CampaignDraft) -> Booking | None:
    """Return a draft's booking; None for a house campaign without a quantity, and for one that tests."""
    if draft.quantity is None or draft.test:
        return None
    return Booking(
        "",
        draft.name,
        CampaignClass(draft.campaign_class),
        draft.target,
        draft.starts_at.timestamp(),
        draft.ends_at.timestamp(),
        draft.hours,
        min(septets_of(creative.text) for creative in draft.creatives),
        draft.quantity,
        usable=usable_share(
            draft.frequency_caps, draft.spacing_minutes, (draft.ends_at - draft.starts_at).total_seconds()
        ),
        category=draft.category,
    )
