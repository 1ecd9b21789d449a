"""The metrics of a node: one row each, from which the exposition, the documents and the rules are checked."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name, what it is, its labels, one sentence."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    sentence: str


_ROUTE = ("worker", "route")
_WORKER = ("worker",)

FAMILIES: tuple[Family, ...] = (
    Family(
        "posdata_pdus_total",
        "counter",
        (*_ROUTE, "sender", "command", "status"),
        "PDUs by who sent them (platform, smsc, engine), command and status",
    ),
    Family(
        "posdata_pass_through_total",
        "counter",
        ("worker", "reason"),
        "notifications that left without an ad, by reason",
    ),
    Family("posdata_insertions_total", "counter", _WORKER, "ads appended"),
    Family(
        "posdata_outcomes_total", "counter", ("worker", "outcome", "cause"), "how insertions ended, and why"
    ),
    Family(
        "posdata_consumed_total",
        "counter",
        _ROUTE,
        "calls to response numbers that became leads, and did not go on to the SMSC",
    ),
    Family("posdata_refused_total", "counter", _WORKER, "notifications that the engine itself had to refuse"),
    Family(
        "posdata_internal_errors_total",
        "counter",
        _WORKER,
        "bugs met on the way to an ad or in a worker's own work",
    ),
    Family(
        "posdata_relay_seconds",
        "histogram",
        _ROUTE,
        "sampled: from a read of the platform's leg until it is written to the SMSC's",
    ),
    Family(
        "posdata_answer_seconds",
        "histogram",
        _ROUTE,
        "sampled: from a notification's read until the SMSC's answer is read",
    ),
    Family(
        "posdata_receipts_total",
        "counter",
        (*_ROUTE, "state"),
        "delivery receipts recognised, by state, of notifications with an ad or without",
    ),
    Family(
        "posdata_receipts_swallowed_total",
        "counter",
        _ROUTE,
        "of these, answered by the engine: the platform does not expect them",
    ),
    Family(
        "posdata_receipts_overasked_total",
        "counter",
        _WORKER,
        "submits that asked for more than receipts.platform_expects",
    ),
    Family(
        "posdata_receipt_unmatched_total",
        "counter",
        ("route",),
        "final receipts that found no insertion within 60 s, counted by the node that matched them",
    ),
    Family(
        "posdata_answers_total",
        "counter",
        ("outcome",),
        "answers to leads that this node sent, by what became of them: answered, failed, unknown",
    ),
    Family(
        "posdata_answers_open",
        "gauge",
        ("state",),
        "answers that are owed: due, waiting for a coupon, sending; told by the node that sends",
    ),
    Family(
        "posdata_lead_answer_seconds",
        "histogram",
        (),
        "from a lead in the database until the SMSC, or its webhook, took its answer",
    ),
    Family(
        "posdata_coupon_engagements",
        "gauge",
        ("stock",),
        "live engagements whose coupons are low (a tenth is left) or out; told by the node that sends",
    ),
    Family("posdata_sessions", "gauge", _ROUTE, "sessions that are open now"),
    Family("posdata_worker_inserts", "gauge", _WORKER, "1 while the worker may insert ads, else 0"),
    Family("posdata_worker_gate", "gauge", ("worker", "reason"), "1: why the worker inserts no ads"),
    Family("posdata_worker_bypass", "gauge", _WORKER, "1 when the worker came back in bypass after deaths"),
    Family(
        "posdata_worker_restarts_total", "counter", _WORKER, "new lives of the worker since control began"
    ),
    Family("posdata_worker_silence_seconds", "gauge", _WORKER, "age of the worker's last figures"),
    Family("posdata_plan_age_seconds", "gauge", _WORKER, "since the worker took its last plan"),
    Family("posdata_lease_age_seconds", "gauge", _WORKER, "since the worker last heard of its leases"),
    Family("posdata_journal_bytes_total", "counter", _WORKER, "journal written by this life of the worker"),
    Family(
        "posdata_journal_room", "gauge", _WORKER, "0 when the disk has no room for the next journal segment"
    ),
    Family("posdata_unsettled_frames", "gauge", _WORKER, "journal frames that are not in the database yet"),
    Family(
        "posdata_unsettled_seconds",
        "gauge",
        _WORKER,
        "how long frames that are not in the database yet have waited",
    ),
    Family("posdata_workers", "gauge", (), "workers that are connected to control"),
    Family("posdata_workers_configured", "gauge", (), "workers that the settings ask for"),
    Family("posdata_relay_ready", "gauge", (), "1 when the node takes traffic, as in /readyz"),
    Family("posdata_database_up", "gauge", (), "1 while control works with the database"),
    Family("posdata_ads_ready", "gauge", (), "1 while nothing keeps ads off, as far as control knows"),
    Family("posdata_cdr_ready", "gauge", (), "0 while call detail records are wanted and can't be written"),
    Family("posdata_journal_disk_bytes", "gauge", (), "what the journals take on the disk"),
    Family("posdata_data_dir_free_bytes", "gauge", (), "free space where node.data_dir lies"),
    Family("posdata_control_start_time_seconds", "gauge", (), "when control began, in seconds since 1970"),
)
