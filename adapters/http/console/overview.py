"""Counts at a glance: what one's brands had delivered in a span of days, and the same as files."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from adapters.http.console.alerts import RUNNING, alerts
from adapters.http.console.campaigns import exported
from adapters.http.console.desk import Desk
from adapters.http.console.pages import Pages
from adapters.http.console.standing import Standings
from adapters.http.console.visit import Visit
from adapters.http.services import Services
from engine.access import READERS
from segments.clock import pinned_zone

DEFAULT_DAYS = 30
MOST_DAYS = 400
# A span may be as long as from the one to the other, and another one lies before it.
_FIRST_DAY, _LAST_DAY = date(2020, 1, 1), date(2099, 12, 31)
MOST_ALERTS = 12
ALERTED = (*RUNNING, "submitted", "rejected", "finished")
COLUMNS = ("inserted", "accepted", "delivered", "failed", "unknown")


def overview_pages(
    app: web.Application, pages: Pages, services: Services, desk: Desk, standings: Standings
) -> None:
    """Add the pages."""
    overview = _Overview(services, desk, standings)
    app.router.add_get("/overview", pages.inside(overview.show, READERS))
    app.router.add_get("/overview/report", pages.inside(overview.export, READERS))


class _Overview:
    def __init__(self, services: Services, desk: Desk, standings: Standings) -> None:
        self._services = services
        self._desk = desk
        self._standings = standings

    async def show(self, visit: Visit) -> web.Response:
        first, last, brand = self._span(visit)
        query = {"from": first.isoformat(), "to": last.isoformat()}
        before = {
            "from": (first - (last - first) - timedelta(days=1)).isoformat(),
            "to": (first - timedelta(days=1)).isoformat(),
        }
        named = {"brand": brand} if brand else {}
        by_campaign = await self._report(visit, {**query, **named, "by": "campaign"})
        by_time = await self._report(visit, {**query, **named, "by": "day" if last > first else "hour"})
        chart = _chart(visit, by_time, first, last)
        former = await self._report(visit, {**before, **named, "by": "brand"})
        brands = (await self._desk.ask(visit, "list_brands"))["items"]
        told = await alerts(
            visit,
            self._desk,
            self._standings,
            self._services.now(),
            states=ALERTED,
            brand=brand,
            receipts=by_campaign["receipts"]["asked"] > 0,
        )
        return visit.page(
            "overview.html",
            alerts=told[:MOST_ALERTS],
            more_alerts=len(told[MOST_ALERTS:]),
            report=by_campaign,
            former=former["totals"],
            brands=brands,
            brand=brand,
            first=first,
            last=last,
            columns=COLUMNS,
            chart=chart,
            query={**query, **named},
        )

    async def export(self, visit: Visit) -> web.Response:
        return await exported(visit, self._desk, "report_campaigns", {})

    async def _report(self, visit: Visit, query: Mapping[str, Any]) -> Any:
        return await self._desk.ask(visit, "report_campaigns", query=query)

    def _span(self, visit: Visit) -> tuple[date, date, str]:
        zone = pinned_zone(self._services.settings().policy.default_timezone)
        today = self._services.now().astimezone(zone).date()
        asked = visit.request.query
        last = _day(asked.get("to", ""), today)
        first = _day(asked.get("from", ""), last - timedelta(days=DEFAULT_DAYS - 1))
        return min(first, last), max(first, last), asked.get("brand", "")[:100]


def _day(text: str, default: date) -> date:
    """Return the day that was asked for, within the years that a span before it can be told of."""
    try:
        return min(max(date.fromisoformat(text), _FIRST_DAY), _LAST_DAY)
    except ValueError:
        return default


def _chart(visit: Visit, report: Mapping[str, Any], first: date, last: date) -> dict[str, Any]:
    """Return what was counted by day, days without anything included; or by hour where it is one day."""
    zone = pinned_zone(report["zone"])
    counted = {row["key"]: (row["inserted"], row["accepted"]) for row in report["rows"]}
    if last > first:
        days = min((last - first).days, MOST_DAYS) + 1
        keys = [(last - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    else:
        keys = sorted(counted)
    times = [datetime.fromisoformat(key) for key in keys]
    stamps = [(at if at.tzinfo else at.replace(tzinfo=zone)).timestamp() for at in times]
    columns = list(zip(*(counted.get(key, (0, 0)) for key in keys), strict=True)) or [(), ()]
    return {
        "data": [stamps, *map(list, columns)],
        "labels": [visit.word("count.inserted"), visit.word("count.accepted")],
        "zone": report["zone"],
    }
