"""What the processes of a node tell each other arrives as it was said."""

import pytest
from pydantic import TypeAdapter, ValidationError

from adapters.processes.child import MAX_DATAGRAM
from adapters.processes.messages import (
    Alive,
    AskSessions,
    Confirm,
    Connection,
    Database,
    Drain,
    Draining,
    Figures,
    Harmful,
    Hello,
    Leases,
    LiveSession,
    LiveSessions,
    Message,
    NewPlan,
    Ping,
    Recall,
    Returned,
    RouteFigures,
    Seconds,
    SetSwitches,
    Want,
    Watch,
    from_child,
    from_control,
    from_watch,
    from_worker,
    to_child,
)
from adapters.processes.questions import opening
from engine.verdict import Verdict
from inventory.books import LeaseRequest, LeaseTotals

FIGURES = Figures(
    routes={
        "principal": RouteFigures(
            sessions=2,
            pdus=(("platform", 4, 0, 7), ("smsc", 0x80000004, 0x58, 1)),
            ours=Seconds(buckets=(1, 2), total_s=0.5),
            answer=Seconds(buckets=(0, 3), total_s=1.5),
        )
    },
    inserted=5,
    outcomes=(("accepted", "", 4), ("rejected", "status", 1)),
    passed={"no_room": 2},
    refused=0,
    faults=0,
    gate=None,
    bypass=False,
    frames=12,
    journal_octets=4096,
    journal_full=False,
    plan_age_s=0.5,
    lease_age_s=None,
)
SESSION = LiveSession(
    worker=1,
    route="principal",
    peer="[::1]:50000",
    system_id="m\xe9n",
    bind="transceiver",
    since=1_764_000_000.25,
    notifications=7,
    ads=5,
    unanswered=1,
    platform_octets=700,
    smsc_octets=200,
)


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        (from_worker, Hello(worker=1, epoch=1_764_000_000_123_456_789, returned={3: 40})),
        (from_worker, Want(at=12.5, requests=(LeaseRequest(3, 0, 0.0), LeaseRequest(4, 7, 1.5)))),
        (from_worker, Returned(totals={3: 40, 4_000_000_000: 2})),
        (from_worker, Confirm(version=9)),
        (from_worker, Harmful(verdict=Verdict(3, 7, 40, 30, 900, 2))),
        (from_control, Leases(totals={3: LeaseTotals(1000, 40, 7)})),
        (from_control, NewPlan(path="/var/lib/posdata/plan/1.plan")),
        (from_control, SetSwitches(version=2, ads_on=False, stopped=frozenset({3, 4}))),
        (from_control, Recall(campaign=3)),
        (from_control, Ping()),
        (from_control, AskSessions()),
        (opening, AskSessions()),
        (opening, Watch(worker=1, epoch=1_764_000_000_123_456_789)),
        (from_watch, FIGURES),
        (from_watch, LiveSessions(sessions=(SESSION,), silent=(1,))),
        (to_child, Connection(route="principal", peer="127.0.0.1:50000")),
        (to_child, Draining()),
        (to_child, Drain(before=2, total=5)),
        (to_child, Database(dsn="postgresql:///posdata?host=/run/ñ")),
        (from_child, Alive(ended=3, gate="starting")),
        (from_child, Alive()),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Message) else "",
)
def test_a_message_arrives_as_it_was_said(adapter: TypeAdapter[Message], message: Message) -> None:
    """One line, whatever it holds, that reads back as the same message."""
    line = message.encoded()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert adapter.validate_json(line) == message


def test_a_strange_message_is_refused() -> None:
    """Another kind, or a field that nobody knows, is no message."""
    for line in (b'{"kind": "pong"}', b'{"kind": "ping", "loud": true}', b"{}", b"ping"):
        with pytest.raises(ValidationError):
            from_control.validate_json(line)


def test_what_goes_by_datagram_fits_one() -> None:
    """The longest words between supervisor and child are far from the limit."""
    longest = Connection(route="r" * 63, peer="[" + ":".join(["ffff"] * 8) + "]:65535")
    assert len(longest.encoded()) * 100 < MAX_DATAGRAM
