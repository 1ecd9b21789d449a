"""Reports as JSON: what was counted, beside what is missing and why; a campaign's pace and its people."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from adapters.http.report_view import NOT_OF_CALLS, PLACES, Report, local, share
from adapters.postgres.documents import hours_of
from adapters.postgres.reports import ReportedCampaign
from inventory.campaign import Campaign, CampaignClass, Pacing
from inventory.pacing import Pace, Quiet, lag
from inventory.reach import Reach
from segments.clock import pinned_zone
from segments.targets import Target

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
NO_NUMBER: Sentence = {
    "es": "nadie puede llamar: no tiene número de respuesta",
    "en": "nobody can call: it has no response number",
}
PER_ACCEPTED: Sentence = {
    "es": "no hay acuses de todos: son llamadas entre anuncios aceptados, no entregados",
    "en": "not all have receipts: these are calls by accepted ads, not by delivered ones",
}
CALLS_NOWHERE: Sentence = {
    "es": "de una llamada no se sabe ni el municipio ni el texto: todas están en el renglón sin clave",
    "en": "neither municipality nor text of a call is known: all are in the row without a key",
}
TOO_FEW: Sentence = {
    "es": "alcanzó a tan pocas personas que no se dice a cuántas",
    "en": "it reached so few people that their number is not told",
}


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    frame, totals = report.frame, report.totals
    zone = pinned_zone(frame.zone)
    return {
        "by": frame.by.value,
        "zone": frame.zone,
        "from": local(frame.first, zone),
        "to": local(frame.end, zone),
        "as_of": frame.as_of.astimezone(zone).isoformat(timespec="seconds"),
        "final_until": local(report.final_until, zone),
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
            "receipt_coverage": share(report.receipts_asked, totals.accepted)
            if report.has_receipts
            else None,
            "final_until": local(
                report.final_until - frame.receipts_within if report.final_until else None, zone
            ),
            "note": None if report.has_receipts else NO_RECEIPTS[frame.language],
        },
        "clicks": clicks_document(report),
        "clicked_note": _clicked_note(report),
        "conversion": conversion_document(report),
        "decided_by_lada": share(report.by_lada, totals.inserted),
    }


def clicks_document(report: Report) -> dict[str, int] | None:
    """Return who followed short links: people, and what is no people; None where there are no links."""
    if report.clicks is None:
        return None
    return dict(zip(("people", "bots", "prefetches"), report.clicks, strict=True))


def conversion_document(report: Report) -> dict[str, Any]:
    """Return calls divided by deliveries, or by what was accepted: `per` and `note` say which, and why."""
    language, counts = report.frame.language, report.counts(report.totals)
    notes = [] if report.is_called else [NO_NUMBER[language]]
    if report.is_called and not report.per_delivered:
        notes.append(PER_ACCEPTED[language])
    if report.is_called and report.frame.by in NOT_OF_CALLS:
        notes.append(CALLS_NOWHERE[language])
    return {
        "per": "delivered" if report.per_delivered else "accepted",
        **{name: counts[name] for name in ("calls", "leads")},
        "rate": counts["conversion"],
        "note": "; ".join(notes) or None,
    }


def _clicked_note(report: Report) -> str | None:
    if report.clicks is None:
        return NO_LINKS[report.frame.language]
    return CLICKS_NOWHERE[report.frame.language] if report.frame.by in PLACES else None


def pacing_document(campaign: ReportedCampaign, quiet: Quiet, zone: str, now: datetime) -> dict[str, Any]:
    """Return how far a campaign is, beside how far it should be by its own curve."""
    counts = campaign.counts
    document: dict[str, Any] = {
        "pacing": campaign.pacing,
        "goal": counts.quantity,
        "settled": counts.settled,
        "share": share(counts.settled, counts.quantity or 0),
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
