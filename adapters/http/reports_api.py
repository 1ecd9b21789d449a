"""`campaigns/{id}/report` and `reports`: what was counted, as JSON and as files."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from adapters.http.operations import Answer, Call, Operation, Query, Shape
from adapters.http.problems import ProblemError
from adapters.http.report_document import pacing_document, reach_document, report_document
from adapters.http.report_files import CSV_TYPE, XLSX_TYPE, csv_file, disposition, xlsx_file
from adapters.http.report_view import Frame, Report, make_report
from adapters.http.services import Services
from adapters.postgres.reach import PostgresReach
from adapters.postgres.reports import ALWAYS, PostgresReports, Reported, Span
from engine.access import READERS
from engine.setting_rules import Timezone
from inventory.faults import Fault
from inventory.reach import reach_of
from inventory.reports import HOUR_S, Dimension, day_in
from segments.clock import pinned_zone

_INSTANT = "A day of the zone (2026-11-24), or an instant with its offset (2026-11-24T09:00:00-06:00)."
Format = Literal["json", "csv", "xlsx"]


class SpanQuery(Query):
    """Which hours, on whose clock, in which form."""

    format: Format = "json"
    from_: str | None = Field(default=None, alias="from", max_length=40, description=_INSTANT)
    to: str | None = Field(
        default=None, max_length=40, description=f"{_INSTANT} A day is included whole, an instant is not."
    )
    zone: Timezone | None = Field(default=None, description="Whose days and hours: an IANA zone.")


class ReportQuery(SpanQuery):
    """What to report of one campaign."""

    by: Literal["day", "hour", "state", "municipality", "lada", "creative"] = "day"


class ReportsQuery(SpanQuery):
    """What to report of all campaigns that one sees."""

    by: Literal["campaign", "brand", "day", "hour", "state", "municipality", "lada", "creative"] = "campaign"
    brand: str | None = Field(default=None, max_length=100, description="Only this brand's.")


class ClicksOut(Shape):
    """Who followed the short links: people, programs, and browsers that look ahead."""

    people: int
    bots: int
    prefetches: int


class ConversionOut(Shape):
    """Calls to response numbers divided by deliveries (`per`), or by accepted ads where receipts lack."""

    per: Literal["delivered", "accepted"]
    calls: int | None
    leads: int | None
    rate: float | None
    note: str | None


class ReportOut(Shape):
    """A report: rows that add up to the totals, and how far they can be trusted."""

    by: str
    zone: str
    from_: str | None = Field(alias="from")
    to: str | None
    as_of: str
    final_until: str | None
    rows: list[dict[str, Any]]
    totals: dict[str, int | float | None]
    receipts: dict[str, Any]
    clicks: ClicksOut | None
    clicked_note: str | None
    conversion: ConversionOut
    decided_by_lada: float | None


class CampaignReportOut(ReportOut):
    """One campaign's report, with its ledger and its pace."""

    campaign: dict[str, Any]
    ledger: dict[str, int | None]
    pacing: dict[str, Any]
    reach: dict[str, Any]


def reports_operations(services: Services) -> Sequence[Operation]:
    """Return the operations."""
    desk = _Desk(services)
    files = (CSV_TYPE, XLSX_TYPE)
    return [
        Operation("GET", "/campaigns/{id}/report", "report_campaign", "Report what a campaign counted.",
                  "reports", desk.one, roles=READERS, query=ReportQuery, answer=CampaignReportOut,
                  answers=files, rate="120/minute"),
        Operation("GET", "/reports", "report_campaigns", "Report what all one's campaigns counted.",
                  "reports", desk.several, roles=READERS, query=ReportsQuery, answer=ReportOut,
                  answers=files, problems=("not_found",), rate="60/minute"),
    ]  # fmt: skip


class _Desk:
    """The handlers."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def one(self, call: Call[ReportQuery, None]) -> Answer:
        """Report one campaign; another's does not exist."""
        reports = PostgresReports(self._services.pool)
        campaign_id = _identifier(call.path["id"])
        frame, span = self._frame(call.query, call.query.by, call.language)
        brand = await reports.brand_of(campaign_id)
        if brand is None or not call.principal.sees(brand):
            raise ProblemError("not_found")
        reported = await reports.one(campaign_id, span, now=frame.as_of)
        reach = await self._reach(reported, frame, span)
        return await asyncio.to_thread(self._one_answer, call, reported, frame, reach)

    async def several(self, call: Call[ReportsQuery, None]) -> Answer:
        """Report the campaigns of the brands that the caller sees."""
        principal, brand = call.principal, call.query.brand
        if brand is not None and not principal.sees(brand):
            raise ProblemError("not_found")
        frame, span = self._frame(call.query, call.query.by, call.language)
        brands = None if principal.is_carrier else principal.brands
        reported = await PostgresReports(self._services.pool).several(brands, brand, span, now=frame.as_of)
        return await asyncio.to_thread(self._several_answer, call, reported, frame)

    async def _reach(self, reported: Reported, frame: Frame, span: Span) -> dict[str, Any]:
        """Return whom the campaign reached on the days, of the carrier's zone, that the span touches."""
        settings = self._services.settings()
        [number] = reported.campaigns
        hours = reported.counted[number].by_hour
        if not hours:
            return reach_document(None, None, frame.language)
        day_of = day_in(pinned_zone(settings.policy.default_timezone))
        days = (day_of(max(span[0], min(hours))), day_of(min(span[1] - 1, max(hours))))
        sketch = await PostgresReach(self._services.pool).read(number, *days)
        reach = await asyncio.to_thread(reach_of, sketch, settings.privacy.min_people)
        return reach_document(reach, days, frame.language)

    def _one_answer(
        self, call: Call[ReportQuery, None], reported: Reported, frame: Frame, reach: dict[str, Any]
    ) -> Answer:
        report = make_report(reported, frame, self._services.geography)
        [campaign] = reported.campaigns.values()
        named = {"id": campaign.counts.id, "name": campaign.counts.name, "brand": campaign.brand}
        if call.query.format != "json":
            return _file(report, call.query.format, campaign.counts.name, named)
        policy = self._services.settings().policy
        quiet = None if policy.quiet_hours is None else (policy.quiet_hours.start, policy.quiet_hours.end)
        document = {
            "campaign": {**named, "state": campaign.state},
            **report_document(report),
            "ledger": campaign.counts.ledger(),
            "pacing": pacing_document(campaign, quiet, policy.default_timezone, frame.as_of),
            "reach": reach,
        }
        return Answer(document, large=True)

    def _several_answer(self, call: Call[ReportsQuery, None], reported: Reported, frame: Frame) -> Answer:
        report = make_report(reported, frame, self._services.geography)
        if call.query.format != "json":
            return _file(report, call.query.format, call.query.brand or "posdata", {})
        return Answer(report_document(report), large=True)

    def _frame(self, query: SpanQuery, by: str, language: str) -> tuple[Frame, Span]:
        settings = self._services.settings()
        zone = query.zone or settings.policy.default_timezone
        first, end = _read_span(query, zone)
        frame = Frame(
            by=Dimension(by),
            zone=zone,
            language=language,
            as_of=self._services.now(),
            answered_within=timedelta(seconds=settings.relay.response_timeout_s),
            receipts_within=timedelta(hours=settings.receipts.horizon_hours),
        )
        span = (ALWAYS[0] if first is None else first, ALWAYS[1] if end is None else end)
        return replace(frame, first=_begins(first), end=_begins(end)), span


def _file(report: Report, form: Format, name: str, named: dict[str, str]) -> Answer:
    stem = f"{name}-{report.frame.by}"
    if form == "csv":
        return Answer(octets=csv_file(report), content_type=CSV_TYPE, headers=disposition(stem, "csv"))
    document = report_document(report)
    about = list(named.items())
    about += [(key, str(document[key])) for key in ("zone", "from", "to", "as_of", "final_until")]
    about += [("receipts", str(document["receipts"]["note"] or document["receipts"]["receipt_coverage"]))]
    if document["clicks"] is not None:
        about += [(f"clicks: {name}", str(count)) for name, count in document["clicks"].items()]
    if document["clicked_note"] is not None:
        about += [("clicked", document["clicked_note"])]
    conversion = document["conversion"]
    about += [("conversion", f"calls / {conversion['per']}")] if conversion["rate"] is not None else []
    about += [("conversion", conversion["note"])] if conversion["note"] else []
    octets = xlsx_file(report, about)
    return Answer(octets=octets, content_type=XLSX_TYPE, headers=disposition(stem, "xlsx"))


def _read_span(query: SpanQuery, zone: str) -> tuple[int | None, int | None]:
    """Return the hours from and to which is reported. Raises `ProblemError` with every fault."""
    faults: list[Fault] = []
    first = _read_hour(query.from_, zone, "?from", faults, ends=False)
    end = _read_hour(query.to, zone, "?to", faults, ends=True)
    if first is not None and end is not None and end <= first:
        faults.append(Fault("?to", "order", "debe ser posterior a from", "must be later than from"))
    if faults:
        raise ProblemError("invalid", faults=faults)
    return first, end


def _read_hour(text: str | None, zone: str, pointer: str, faults: list[Fault], *, ends: bool) -> int | None:
    """Return the hour in which something begins, or that ends it: counts are kept by whole UTC hours."""
    if text is None:
        return None
    instant = _instant(text, zone, ends=ends)
    if instant is None:
        faults.append(Fault(pointer, "instant", "debe ser un día o un instante con su zona", _INSTANT))
        return None
    seconds = int(instant.timestamp())
    hour = -(-seconds // HOUR_S) if ends else seconds // HOUR_S
    return min(max(hour, ALWAYS[0]), ALWAYS[1])


def _instant(text: str, zone: str, *, ends: bool) -> datetime | None:
    """Read a day of the zone (its end where it ends something) or an aware instant; else None."""
    try:
        if len(text) == len("2026-11-24"):
            day = date.fromisoformat(text) + timedelta(days=1 if ends else 0)
            return datetime.combine(day, datetime.min.time(), pinned_zone(zone)).astimezone(UTC)
        instant = datetime.fromisoformat(text)
        return None if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _begins(hour: int | None) -> datetime | None:
    return None if hour is None else datetime.fromtimestamp(hour * HOUR_S, UTC)


def _identifier(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ProblemError("not_found") from None
