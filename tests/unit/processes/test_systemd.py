"""What systemd hears: over a socket, in its words, and as often as it asked."""

import configparser
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.processes.systemd import Notifier

UNIT = Path(__file__).parents[3] / "docs" / "systemd" / "posdata.service"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket that systemd would listen on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def environment(systemd: socket.socket, **more: str) -> dict[str, str]:
    """Return what systemd would put into the environment."""
    return {"NOTIFY_SOCKET": systemd.getsockname(), **more}


def heard(systemd: socket.socket) -> list[bytes]:
    """Return what was said since the last call."""
    said = []
    while True:
        try:
            said.append(systemd.recv(4096))
        except BlockingIOError:
            return said


def test_states_are_told_in_systemds_words(systemd: socket.socket) -> None:
    """READY, RELOADING with the clock that systemd asks for, STOPPING."""
    notifier = Notifier(environment(systemd))
    notifier.ready()
    notifier.reloading()
    notifier.stopping()
    ready, reloading, stopping = heard(systemd)
    assert ready.startswith(b"READY=1\n")
    assert reloading.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
    assert stopping.startswith(b"STOPPING=1\n")


def test_beats_come_twice_as_often_as_asked(systemd: socket.socket) -> None:
    """WATCHDOG_USEC of 2 s: one beat a second, however often the node looks."""
    notifier = Notifier(environment(systemd, WATCHDOG_USEC="2000000"))
    for tenth in range(35):
        notifier.beat(100 + tenth / 10)
    assert heard(systemd) == [b"WATCHDOG=1"] * 4


def test_a_watchdog_of_another_process_is_not_fed(systemd: socket.socket) -> None:
    """WATCHDOG_PID names who is watched; without WATCHDOG_USEC nobody is."""
    for more in ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid() + 1)}, {}):
        Notifier(environment(systemd, **more)).beat(100)
    assert heard(systemd) == []


def test_without_systemd_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    """No socket named, or nobody behind it."""
    Notifier({}).ready()
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready()


def test_the_unit_file_fits_the_code() -> None:
    """It waits for READY, reloads by SIGHUP, leaves the drain to the supervisor, and watches it."""
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(UNIT.read_text(encoding="utf-8"))
    service = unit["Service"]
    assert (service["Type"], service["NotifyAccess"], service["KillMode"]) == ("notify", "main", "mixed")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert " serve -c " in service["ExecStart"]
    assert int(service["WatchdogSec"]) >= 10
