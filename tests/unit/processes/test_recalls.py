"""Units that go from one worker to another."""

from typing import Any, cast

from adapters.processes.messages import Want
from adapters.processes.worker_lines import WorkerLine, WorkerLines
from inventory.books import Epoch, LeaseRequest


class Heard:
    """A worker's end of the line."""

    def __init__(self) -> None:
        self.transport = self
        self.told: list[bytes] = []

    def write(self, octets: bytes) -> None:
        """Hear a message."""
        self.told.append(octets)

    def get_write_buffer_size(self) -> int:
        """Tell that everything was read."""
        return 0


def told_to(*wants: tuple[LeaseRequest, ...]) -> list[bool]:
    """Return which workers are asked for units of campaign 7 back after each asked for something."""
    lines: Any = WorkerLines("relay-1", *cast("Any", (None,) * 6))
    heard = []
    for worker, requests in enumerate(wants):
        heard.append(Heard())
        line = WorkerLine(Epoch("relay-1", worker, 1), cast("Any", heard[-1]))
        line.asked(Want(at=0.0, requests=requests))
        lines._lines.add(line)
    lines.recall([7])
    return [bool(each.told) for each in heard]


def test_who_holds_units_keeps_them_while_nobody_lacks_any() -> None:
    """The last units of a campaign with little traffic wait for its next notification."""
    assert told_to((), ()) == [False, False]
    assert told_to((), (LeaseRequest(8, 0, 0.0),)) == [False, False]
    assert told_to((LeaseRequest(7, 1, 9.0),), ()) == [False, False]


def test_units_are_recalled_from_the_others_of_one_that_lacks_them() -> None:
    """Who lacks them is not asked: it would no longer ask for them itself."""
    assert told_to((), (LeaseRequest(7, 0, 0.0),), (LeaseRequest(7, 3, 1.0),)) == [True, False, True]
    assert told_to((LeaseRequest(7, 0, 0.0),), (LeaseRequest(7, 0, 0.0),)) == [False, False]
