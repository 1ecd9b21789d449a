"""Control's duty towards those who own campaigns: a report by e-mail each day, about the day before."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path

import asyncpg
import structlog

from adapters.files.reference_data import load_geography
from adapters.http.report_files import csv_file
from adapters.http.report_view import Frame, Report, make_report
from adapters.mail.post import MailError, RefusedError, deliver
from adapters.postgres.pool import DATABASE_AWAY, Pool
from adapters.postgres.report_mails import PostgresReportMails, Recipient
from adapters.postgres.reports import PostgresReports
from adapters.processes.endless import every
from engine.settings import Settings
from inventory.books import hour_of
from inventory.reports import Dimension
from segments.clock import pinned_zone

LOOK_S = 30.0
# A server that does not take mail is not asked more often.
RETRY_S = 600.0
MINUTES_AN_HOUR = 60

log = structlog.get_logger()


class Mailing:
    """The daily mail of one node; nodes share it, and nobody gets it twice."""

    def __init__(self, settings: Callable[[], Settings], data_dir: Path) -> None:
        self._settings = settings
        self._data_dir = data_dir
        self._not_before = datetime.min.replace(tzinfo=UTC)

    async def run(self, pool: Pool) -> None:
        """Send what is due until cancelled. Raises what a database raises that is away."""
        await every(LOOK_S, lambda: self._guarded(pool))

    async def _guarded(self, pool: Pool) -> None:
        now = datetime.now(UTC)
        if now < self._not_before:
            return
        try:
            await self.send(pool, now)
        except DATABASE_AWAY:
            raise
        except (MailError, asyncpg.PostgresError) as error:
            self._not_before = now + timedelta(seconds=RETRY_S)
            log.error("alarm_mail_failed", error=str(error))

    async def send(self, pool: Pool, now: datetime) -> int:
        """Send the reports about yesterday, if it is time; return how many. Raises `MailError`.

        A recipient whom the server refuses is tried again later, and keeps no other waiting.
        """
        settings = self._settings()
        day = day_due(settings, now)
        if day is None:
            return 0
        mails = PostgresReportMails(pool)
        sent = 0
        refused: list[RefusedError] = []
        for recipient in await mails.due(day):
            report = await _report(pool, settings, recipient, day, now)
            if not report.totals.inserted or not await mails.claim(day, recipient.id):
                continue
            try:
                message = await asyncio.to_thread(report_message, report, recipient, settings, day)
                await asyncio.to_thread(deliver, message, settings.reports.email, self._data_dir)
            except MailError as error:
                await mails.release(day, recipient.id)
                if not isinstance(error, RefusedError):
                    raise
                refused.append(error)
            else:
                sent += 1
        if sent:
            log.info("reports_mailed", day=day.isoformat(), reports=sent)
        if refused:
            raise refused[0]
        return sent


def day_due(settings: Settings, now: datetime) -> date | None:
    """Return the day to report about: yesterday, from `reports.daily_at` on, in the default zone."""
    minute = settings.reports.daily_at
    local = now.astimezone(pinned_zone(settings.policy.default_timezone))
    if minute is None or local.hour * MINUTES_AN_HOUR + local.minute < minute:
        return None
    return local.date() - timedelta(days=1)


async def _report(pool: Pool, settings: Settings, recipient: Recipient, day: date, now: datetime) -> Report:
    zone = pinned_zone(settings.policy.default_timezone)
    first = datetime.combine(day, datetime.min.time(), zone)
    end = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    span = (hour_of(first), hour_of(end))
    reported = await PostgresReports(pool).several(recipient.brands, None, span, now=now)
    counted = {n: each for n, each in reported.counted.items() if each.by_hour}
    campaigns = {n: reported.campaigns[n] for n in counted}
    frame = Frame(
        by=Dimension.CAMPAIGN,
        zone=settings.policy.default_timezone,
        language=recipient.language,
        as_of=now,
        answered_within=timedelta(seconds=settings.relay.response_timeout_s),
        receipts_within=timedelta(hours=settings.receipts.horizon_hours),
        first=first,
        end=end,
    )
    shown = replace(reported, counted=counted, campaigns=campaigns)
    return await asyncio.to_thread(make_report, shown, frame, load_geography())


def report_message(report: Report, recipient: Recipient, settings: Settings, day: date) -> EmailMessage:
    """Return the mail: what each campaign counted in a few words, and the whole table as CSV."""
    sender = settings.reports.email.sender
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient.email
    message["Date"] = format_datetime(report.frame.as_of)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    spanish = recipient.language == "es"
    message["Subject"] = f"Posdata: {'reporte del' if spanish else 'report of'} {day.isoformat()}"
    says = "{}: {} insertados, {} aceptados" if spanish else "{}: {} inserted, {} accepted"
    lines = [says.format(row.label, row.figures.inserted, row.figures.accepted) for row in report.rows]
    message.set_content("\n".join((*lines, "")))
    message.add_attachment(
        csv_file(report), maintype="text", subtype="csv", filename=f"posdata-{day.isoformat()}.csv"
    )
    return message
