"""A report as people read it: labelled rows, totals, what is final, what is missing and why."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from adapters.postgres.documents import hours_of
from adapters.postgres.reports import Counted, Reported, ReportedCampaign, Text
from inventory.campaign import Campaign, CampaignClass, Pacing
from inventory.pacing import Pace, Quiet, lag
from inventory.reach import Reach
from inventory.reports import HOUR_S, Dimension, Figures, day_in, regrouped, total
from segments.clock import pinned_zone
from segments.geography import Geography, UnknownNameError
from segments.places import LADAS_PER_MUNICIPALITY
from segments.targets import Target

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
)
"""Counts of each row, in the order of files."""

Sentence = Mapping[str, str]

NO_RECEIPTS: Sentence = {
    "es": "el operador no pidió acuses",
    "en": "the operator asked for no receipts",
}
NO_LINKS: Sentence = {
    "es": "ningún texto lleva un enlace corto que cuente clics",
    "en": "no text has a short link that counts clicks",
}
CLICKS_NOWHERE: Sentence = {
    "es": "de un clic no se sabe el lugar: todos están en el renglón sin lugar",
    "en": "where a click comes from is not known: all are in the row without a place",
}
TOO_FEW: Sentence = {
    "es": "alcanzó a tan pocas personas que no se dice a cuántas",
    "en": "it reached so few people that their number is not told",
}
_BY_LADA = {"es": "decidido por la LADA", "en": "decided by the LADA"}
_NO_PLACE = {"es": "lugar desconocido", "en": "place unknown"}
_NO_TEXT = {"es": "texto desconocido", "en": "text unknown"}

# What a worker's journal may lag behind its clock: it is read every 0.2 s, and written every second.
SLACK = timedelta(seconds=2)
HOURS_A_DAY = 24
_PLACES = frozenset((Dimension.STATE, Dimension.MUNICIPALITY, Dimension.LADA))


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

    `clicks` are those of people, bots and prefetches; None where no text has a link.
    """

    frame: Frame
    rows: Sequence[Row]
    totals: Figures
    receipts_asked: int
    by_lada: int
    final_until: datetime | None
    clicks: tuple[int, int, int] | None

    @property
    def has_receipts(self) -> bool:
        """Tell whether delivered and failed mean anything."""
        return self.receipts_asked > 0

    def row_counts(self, figures: Figures) -> dict[str, int | None]:
        """Return a row's figures by COLUMNS: a place's clicks are not known."""
        counts = self.counts(figures)
        if self.frame.by in _PLACES:
            counts["clicked"] = counts["clicked"] or None
        return counts

    def counts(self, figures: Figures) -> dict[str, int | None]:
        """Return figures by COLUMNS."""
        known = self.has_receipts
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


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    frame, totals = report.frame, report.totals
    zone = pinned_zone(frame.zone)
    return {
        "by": frame.by.value,
        "zone": frame.zone,
        "from": _local(frame.first, zone),
        "to": _local(frame.end, zone),
        "as_of": frame.as_of.astimezone(zone).isoformat(timespec="seconds"),
        "final_until": _local(report.final_until, zone),
        "rows": [
            {
                "key": row.key,
                "label": row.label,
                **report.row_counts(row.figures),
                **({} if row.final is None else {"final": row.final}),
            }
            for row in report.rows
        ],
        "totals": report.counts(totals),
        "receipts": {
            "asked": report.receipts_asked,
            "receipt_coverage": _share(report.receipts_asked, totals.accepted)
            if report.has_receipts
            else None,
            "final_until": _local(
                report.final_until - frame.receipts_within if report.final_until else None, zone
            ),
            "note": None if report.has_receipts else NO_RECEIPTS[frame.language],
        },
        "clicks": clicks_document(report),
        "clicked_note": _clicked_note(report),
        "decided_by_lada": _share(report.by_lada, totals.inserted),
    }


def clicks_document(report: Report) -> dict[str, int] | None:
    """Return who followed short links: people, and what is no people; None where there are no links."""
    if report.clicks is None:
        return None
    return dict(zip(("people", "bots", "prefetches"), report.clicks, strict=True))


def _clicked_note(report: Report) -> str | None:
    if report.clicks is None:
        return NO_LINKS[report.frame.language]
    return CLICKS_NOWHERE[report.frame.language] if report.frame.by in _PLACES else None


def pacing_document(campaign: ReportedCampaign, quiet: Quiet, zone: str, now: datetime) -> dict[str, Any]:
    """Return how far a campaign is, beside how far it should be by its own curve."""
    counts = campaign.counts
    document: dict[str, Any] = {
        "pacing": campaign.pacing,
        "goal": counts.quantity,
        "settled": counts.settled,
        "share": _share(counts.settled, counts.quantity or 0),
        "elapsed": None,
        "due": None,
        "behind": None,
    }
    if campaign.starts_at is None or campaign.ends_at is None:
        return document
    booked = Campaign(
        counts.number,
        counts.id,
        counts.name,
        campaign.brand,
        "",
        CampaignClass(campaign.campaign_class),
        (),
        Target(),
        campaign.starts_at,
        campaign.ends_at,
        counts.quantity,
        hours=hours_of(campaign.hours),
        pacing=Pacing(campaign.pacing),
    )
    pace = Pace(booked, pinned_zone(zone), quiet)
    document["elapsed"] = round(pace.elapsed(now.timestamp()), 4)
    if counts.quantity is not None and booked.pacing is Pacing.EVEN:
        behind = lag(booked, counts.settled, pace, now.timestamp())
        document |= {"due": round(counts.settled + behind), "behind": max(0, round(behind))}
    return document


def reach_document(reach: Reach | None, days: tuple[date, date] | None, language: str) -> dict[str, Any]:
    """Return how many people ads reached and how many each got; errors are standard errors, as shares."""
    told = reach is not None and reach.people is not None
    return {
        "from": None if days is None else days[0].isoformat(),
        "to": None if days is None else days[1].isoformat(),
        "people": reach.people if reach is not None else None,
        "error": round(reach.error, 4) if reach is not None else None,
        "frequency": dict(reach.frequency) if reach is not None and reach.frequency is not None else None,
        "frequency_error": round(reach.frequency_error, 4) if reach is not None else None,
        "note": None if told else TOO_FEW[language],
    }


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
            return _ranked(_merged(reported.counted, lambda each: regrouped(each.by_cell, key_of)))


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


_Named = tuple[str | None, str]


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


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _local(instant: datetime | None, zone: tzinfo) -> str | None:
    return None if instant is None else instant.astimezone(zone).isoformat(timespec="minutes")
