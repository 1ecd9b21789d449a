"""What somebody should know about their campaigns without asking, the gravest first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from adapters.http.console.desk import Desk
from adapters.http.console.standing import Standing, Standings
from adapters.http.console.visit import Visit

Level = Literal["bad", "warn", "good"]

# How many of a state are looked at, the newest.
_LOOKED_AT = {"live": 200, "paused": 100, "approved": 100, "submitted": 50, "rejected": 20, "finished": 50}
RUNNING = ("live", "paused", "approved")
# What is over is told for as long.
_FRESH = timedelta(days=7)
# A receipt takes a day at most: SMSCs try that long.
_RECEIPTS_TAKE = timedelta(days=1)
_DECIDE_SOON = timedelta(hours=24)
_RANK: Mapping[Level, int] = {"bad": 0, "warn": 1, "good": 2}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to be told: `word` names its sentence, `values` what is filled in.

    `share` and `count` are filled in as percent and number, `at` as an instant.
    """

    level: Level
    word: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alerted:
    """A campaign with all that is to be told of it, the gravest first."""

    campaign: Mapping[str, Any]
    alerts: Sequence[Alert]


async def alerts(
    visit: Visit,
    desk: Desk,
    standings: Standings,
    now: datetime,
    *,
    states: Sequence[str],
    brand: str = "",
    receipts: bool = True,
) -> list[Alerted]:
    """Return what is to be told of the visitor's campaigns in some states, the gravest first.

    Without `receipts` nobody asks for any, so that none are missed.
    """
    found: list[Alerted] = []
    for state in states:
        query = {"state": state, "limit": _LOOKED_AT[state], **({"brand": brand} if brand else {})}
        page = (await desk.ask(visit, "list_campaigns", query=query))["items"]
        standing = await standings.of(page)
        for campaign in page:
            told = sorted(_of_one(campaign, standing[campaign["id"]], now), key=_grave)
            told = [each for each in told if receipts or each.word != "alert.no_receipts"]
            found += [Alerted(campaign, told)] if told else []
    return sorted(found, key=lambda each: _grave(each.alerts[0]))


def _grave(alert: Alert) -> int:
    return _RANK[alert.level]


def _of_one(campaign: Mapping[str, Any], standing: Standing, now: datetime) -> Iterator[Alert]:
    match campaign["state"]:
        case "live" | "paused" | "approved":
            yield from _running(campaign, standing, now)
        case "finished":
            yield from _finished(campaign, now)
        case "rejected":
            said = campaign["rejection"]
            if said is not None and said["code"] == "decision" and _is_fresh(said["at"], now):
                yield Alert("warn", "alert.rejected", {"reason": said["reason"]})
        case "submitted":
            until = (campaign["decide_by"] or {}).get("on_time")
            if until is not None and datetime.fromisoformat(until) < now + _DECIDE_SOON:
                yield Alert("warn", "alert.waiting", {"at": until})


def _running(campaign: Mapping[str, Any], standing: Standing, now: datetime) -> Iterator[Alert]:
    if campaign["stopped"]:
        yield Alert("bad", "alert.stopped")
    for text in campaign["creatives"]:
        if text["harmful"]:
            yield Alert("bad", "alert.harmful")
        if text["review"] == "taken_down":
            yield Alert("bad", "alert.taken_down", {"reason": text["reason"] or "–"})
    if standing.at_risk:
        yield Alert("bad", "alert.at_risk", {"share": standing.expected})
    if standing.late:
        yield Alert("warn", "alert.behind", {"count": standing.behind})
    counts = campaign["counts"]
    if counts["accepted"] and not counts["delivered"] and not counts["failed"] and _has_run(campaign, now):
        yield Alert("warn", "alert.no_receipts", {"count": counts["accepted"]})


def _finished(campaign: Mapping[str, Any], now: datetime) -> Iterator[Alert]:
    if campaign["finish_reason"] == "cancelled" or not _is_fresh(campaign["ends_at"], now):
        return
    quantity, settled = campaign["quantity"], campaign["ledger"]["settled"]
    if quantity is None or settled >= quantity:
        yield Alert("good", "alert.finished", {"count": settled})
    else:
        yield Alert("warn", "alert.short", {"share": settled / quantity})


def _is_fresh(instant: str | None, now: datetime) -> bool:
    return instant is not None and datetime.fromisoformat(instant) > now - _FRESH


def _has_run(campaign: Mapping[str, Any], now: datetime) -> bool:
    starts = campaign["starts_at"]
    return starts is not None and datetime.fromisoformat(starts) < now - _RECEIPTS_TAKE
