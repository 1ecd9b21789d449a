"""A report as people read it: labelled rows, totals, what is final, what is missing and why."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from adapters.postgres.reports import Counted, Reported, Text
from inventory.reports import HOUR_S, Dimension, Figures, day_in, joined, regrouped, total
from segments.clock import pinned_zone
from segments.geography import Geography, UnknownNameError
from segments.places import LADAS_PER_MUNICIPALITY

COLUMNS = (
    "inserted",
    "accepted",
    "rejected",
    "unknown",
    "in_flight",
    "delivered",
    "failed",
    "returned",
    "clicked",
    "calls",
    "leads",
    "conversion",
)
"""Counts of each row, in the order of files."""

_BY_LADA = {"es": "decidido por la LADA", "en": "decided by the LADA"}
_NO_PLACE = {"es": "lugar desconocido", "en": "place unknown"}
_NO_TEXT = {"es": "texto desconocido", "en": "text unknown"}

# What a worker's journal may lag behind its clock: it is read every 0.2 s, and written every second.
SLACK = timedelta(seconds=2)
HOURS_A_DAY = 24
PLACES = frozenset((Dimension.STATE, Dimension.MUNICIPALITY, Dimension.LADA))
NOT_OF_CALLS = frozenset((Dimension.MUNICIPALITY, Dimension.CREATIVE))

Counts = dict[str, int | float | None]
_Named = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Frame:
    """What frames a report: what its rows stand for, whose clock, in which language, as of when.

    `answered_within` is how long an answer may take; `receipts_within` how long a receipt may.
    """

    by: Dimension
    zone: str
    language: str
    as_of: datetime
    answered_within: timedelta
    receipts_within: timedelta
    first: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `key` identifies what it stands for (None when it is not known), `label` names it.

    `final` tells of hours and days whether nothing is still to come but receipts; of others it is None.
    """

    key: str | None
    label: str
    figures: Figures
    final: bool | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report; delivered and failed are not known where no receipts were asked for.

    `clicks` are those of people, bots and prefetches; None where no text has a link. `is_called`: with
    response numbers to call.
    """

    frame: Frame
    rows: Sequence[Row]
    totals: Figures
    receipts_asked: int
    by_lada: int
    final_until: datetime | None
    clicks: tuple[int, int, int] | None
    is_called: bool

    @property
    def has_receipts(self) -> bool:
        """Tell whether delivered and failed mean anything."""
        return self.receipts_asked > 0

    @property
    def per_delivered(self) -> bool:
        """Tell whether calls are divided by deliveries: all that was accepted asked for a receipt."""
        return self.has_receipts and self.receipts_asked >= self.totals.accepted

    def row_counts(self, figures: Figures) -> Counts:
        """Return a row's figures by COLUMNS: what is not known of a place or text is null."""
        counts = self.counts(figures)
        if self.frame.by in PLACES:
            counts["clicked"] = counts["clicked"] or None
        if self.frame.by in NOT_OF_CALLS:
            counts |= {"calls": figures.calls or None, "leads": figures.leads or None, "conversion": None}
        return counts

    def counts(self, figures: Figures) -> Counts:
        """Return figures by COLUMNS."""
        known = self.has_receipts
        sent = figures.delivered if self.per_delivered else figures.accepted
        return {
            "inserted": figures.inserted,
            "accepted": figures.accepted,
            "rejected": figures.rejected,
            "unknown": figures.unknown,
            "in_flight": figures.in_flight,
            "delivered": figures.delivered if known else None,
            "failed": figures.failed if known else None,
            "returned": figures.returned,
            "clicked": None if self.clicks is None else figures.clicked,
            "calls": figures.calls if self.is_called else None,
            "leads": figures.leads if self.is_called else None,
            "conversion": share(figures.calls, sent) if self.is_called else None,
        }


def make_report(reported: Reported, frame: Frame, geography: Geography) -> Report:
    """Group what was counted as the frame asks."""
    final_until = _final_until(reported.settled_at, frame)
    counted = reported.counted
    totals = total(figures for each in counted.values() for figures in each.by_hour.values())
    asked = sum(each.receipts_asked for each in counted.values())
    cells = [(cell, figures) for each in counted.values() for cell, figures in each.by_cell.items()]
    return Report(
        frame,
        _rows(reported, frame, geography, final_until),
        totals,
        max(asked, totals.delivered + totals.failed),  # those of before anybody counted what was asked
        sum(figures.inserted for (_, place), figures in cells if 0 < place < LADAS_PER_MUNICIPALITY),
        final_until,
        _clicks(reported),
        any(each.called is not None for each in counted.values()),
    )


def _clicks(reported: Reported) -> tuple[int, int, int] | None:
    clicks = [each for counted in reported.counted.values() for each in counted.clicks]
    if not clicks and not any(text.linked for text in reported.texts.values()):
        return None
    people, bots, ahead = (
        sum(numbers)
        for numbers in zip((0, 0, 0), *((c.people, c.bots, c.prefetches) for c in clicks), strict=True)
    )
    return people, bots, ahead


def _final_until(settled_at: datetime | None, frame: Frame) -> datetime | None:
    """Return the end of the last hour of which all is counted, answers included."""
    if settled_at is None:
        return None
    sure = min(settled_at, frame.as_of) - frame.answered_within - SLACK
    return sure.replace(minute=0, second=0, microsecond=0)


def _rows(
    reported: Reported, frame: Frame, geography: Geography, final_until: datetime | None
) -> Sequence[Row]:
    match frame.by:
        case Dimension.HOUR | Dimension.DAY:
            return _timed(reported, frame, final_until)
        case Dimension.CAMPAIGN | Dimension.BRAND:
            return _ranked(_by_campaign(reported, frame.by))
        case _:
            key_of = _place_key(frame, geography)
            if frame.by is Dimension.CREATIVE:
                key_of = _text_key(frame, reported.texts)
            groups = _merged(reported.counted, lambda each: regrouped(each.by_cell, key_of))
            return _ranked(joined(groups, _calls(reported, frame, geography, key_of((0, 0)))))


def _calls(
    reported: Reported, frame: Frame, geography: Geography, unknown: _Named
) -> Iterator[tuple[_Named, Figures]]:
    """Yield calls by what a row stands for: their state and LADA are known."""
    for call in (each for counted in reported.counted.values() for each in counted.called or ()):
        if frame.by is Dimension.STATE and call.state in geography.states:
            yield (call.state, geography.states[call.state].name), call.figures
        elif frame.by is Dimension.LADA and call.lada in geography.ladas:
            yield (call.lada, geography.ladas[call.lada].city), call.figures
        else:
            yield unknown, call.figures


def _timed(reported: Reported, frame: Frame, final_until: datetime | None) -> Sequence[Row]:
    zone = pinned_zone(frame.zone)
    if frame.by is Dimension.HOUR:
        hours = _merged(reported.counted, lambda each: dict(each.by_hour))
        return [_hour_row(hour, hours[hour], zone, final_until) for hour in sorted(hours)]
    day_of = day_in(zone)
    days = _merged(reported.counted, lambda each: regrouped(each.by_hour, day_of))
    return [_day_row(day, days[day], zone, final_until) for day in sorted(days)]


def _hour_row(hour: int, figures: Figures, zone: tzinfo, final_until: datetime | None) -> Row:
    begins = datetime.fromtimestamp(hour * HOUR_S, UTC)
    ends = begins + timedelta(hours=1)
    local = begins.astimezone(zone)
    final = final_until is not None and ends <= final_until
    return Row(local.isoformat(timespec="minutes"), local.strftime("%Y-%m-%d %H:%M"), figures, final)


def _day_row(day: date, figures: Figures, zone: tzinfo, final_until: datetime | None) -> Row:
    ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    final = final_until is not None and ends <= final_until
    return Row(day.isoformat(), day.isoformat(), figures, final)


def _by_campaign(reported: Reported, by: Dimension) -> Mapping[_Named, Figures]:
    found: dict[_Named, Figures] = {}
    for number, campaign in reported.campaigns.items():
        key = (campaign.counts.id, campaign.counts.name)
        if by is Dimension.BRAND:
            key = (campaign.brand, campaign.brand)
        found[key] = found.get(key, Figures()) + total(reported.counted[number].by_hour.values())
    return found


def _merged(
    counted: Mapping[int, Counted], group: Callable[[Counted], Mapping[Any, Figures]]
) -> dict[Any, Figures]:
    found: dict[Hashable, Figures] = {}
    for each in counted.values():
        for key, figures in group(each).items():
            found[key] = found[key] + figures if key in found else figures
    return found


def _ranked(groups: Mapping[_Named, Figures]) -> Sequence[Row]:
    """Return rows with the most insertions first; what is not known comes last."""
    ordered = sorted(groups.items(), key=lambda item: (item[0][0] is None, -item[1].inserted, item[0][1]))
    return [Row(key, label, figures) for (key, label), figures in ordered]


def _place_key(frame: Frame, geography: Geography) -> Callable[[tuple[int, int]], _Named]:
    language = frame.language

    def key_of(cell: tuple[int, int]) -> _Named:
        try:
            place = geography.place_by_code(cell[1])
        except UnknownNameError:  # 0, or a code that the reference data no longer has
            return None, _NO_PLACE[language]
        if frame.by is Dimension.STATE:
            return place.state, geography.states[place.state].name
        if frame.by is Dimension.LADA:
            return place.lada, geography.ladas[place.lada].city
        if place.municipality is None:
            return None, _BY_LADA[language]
        municipality = geography.municipalities[place.municipality]
        return municipality.code, f"{municipality.name}, {municipality.state}"

    return key_of


def _text_key(frame: Frame, texts: Mapping[int, Text]) -> Callable[[tuple[int, int]], _Named]:
    def key_of(cell: tuple[int, int]) -> _Named:
        text = texts.get(cell[0])
        if text is None:
            return None, _NO_TEXT[frame.language]
        return f"{text.creative}/{text.version}", text.text

    return key_of


def share(part: int, whole: int) -> float | None:
    """Return part / whole to four places, None of nothing."""
    return round(part / whole, 4) if whole else None


def local(instant: datetime | None, zone: tzinfo) -> str | None:
    """Return an instant on a zone's clock, to the minute."""
    return None if instant is None else instant.astimezone(zone).isoformat(timespec="minutes")
