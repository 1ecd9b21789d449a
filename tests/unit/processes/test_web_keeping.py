"""Tests of adapters.processes.web_keeping."""

from types import SimpleNamespace
from typing import Any, cast

from adapters.processes.web_keeping import FIRST_PAUSE_S, LIVED_S, LONGEST_PAUSE_S, WebKeeping


class Kept:
    """A keeper, the processes it started and when; each dies when told."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.born: list[float] = []
        self.keeping = WebKeeping()
        self.keeping.start(self._spawn, self.now)

    def _spawn(self) -> Any:
        self.born.append(self.now)
        self.died = False
        process = SimpleNamespace(poll=lambda: -9 if self.died else None)
        return cast("Any", SimpleNamespace(process=process, close=lambda: None))

    def pause_after(self, lived_s: float) -> float:
        """Let the process die after so long; return how long nobody answered."""
        self.now += lived_s
        self.died, died_at, born = True, self.now, len(self.born)
        while len(self.born) == born:
            self.keeping.look(self.now)
            self.now += FIRST_PAUSE_S / 2
        return self.born[-1] - died_at


def test_a_process_that_dies_is_started_again_ever_later() -> None:
    """One that dies at its start costs the machine less each time; one that had lived is back at once."""
    kept = Kept()
    assert kept.pause_after(2 * LIVED_S) <= 2 * FIRST_PAUSE_S
    pauses = [kept.pause_after(0.1) for _ in range(10)]
    assert pauses == sorted(pauses)
    assert LONGEST_PAUSE_S <= pauses[-1] <= LONGEST_PAUSE_S + FIRST_PAUSE_S
    assert kept.pause_after(2 * LIVED_S) <= 2 * FIRST_PAUSE_S


def test_where_http_is_not_wanted_there_is_no_process() -> None:
    """A keeper that was never told to start starts nothing."""
    keeping = WebKeeping()
    keeping.look(1e9)
    assert keeping.child is None
