"""A node says when it may have too few files open for its sessions."""

import resource

import pytest
from structlog.testing import capture_logs

from adapters.processes.open_files import alarm_if_few, raise_limit
from engine.relay_settings import Relay
from engine.settings import Settings


@pytest.mark.parametrize(("limit", "alarms"), [(263, 1), (264, 0)])
def test_a_limit_too_low_for_all_sessions_is_told(
    monkeypatch: pytest.MonkeyPatch, limit: int, alarms: int
) -> None:
    """Two a session and what a worker needs beside them."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    with capture_logs() as told:
        alarm_if_few(Settings(relay=Relay(max_sessions=100)))
    assert [each["event"] for each in told] == alarms * ["alarm_open_files"]


def test_the_soft_limit_becomes_the_hard_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the shell allowed, a node takes what it may."""
    taken = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 65536))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: taken.append(limits))
    raise_limit()
    assert taken == [(65536, 65536)]
