"""Who is turned away at the door is told, but not each time."""

import pytest
from structlog.testing import capture_logs

from adapters.processes import doorkeeper
from adapters.processes.doorkeeper import Doorkeeper
from engine.endpoint import Endpoint
from engine.relay_settings import Route


def test_a_flood_at_a_full_node_is_one_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm counts them and names the last; in the same second nothing more is said."""
    now = [100.0]
    monkeypatch.setattr(doorkeeper.time, "monotonic", lambda: now[0])
    end = Endpoint("127.0.0.1", 2775)
    door = Doorkeeper([Route(name="one", listen=end, upstream=(end,))])
    with capture_logs() as told:
        for number in range(500):
            door.too_many("one", f"192.0.2.1:{number}")
            door.tell()
        now[0] += 1
        door.tell()
        now[0] += 1
        door.tell()
    assert [(each["event"], each["times"], each["peer"]) for each in told] == [
        ("alarm_too_many_sessions", 1, "192.0.2.1:0"),
        ("alarm_too_many_sessions", 499, "192.0.2.1:499"),
    ]
